"""No text of models, tools, pages, servers, files or users steers a terminal: every byte that is written is seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.e2e.conftest import COMMAND
from tests.e2e.payloads import CONTROLLING, OURS, PAYLOADS, batches, marks_in, poisoned, smuggled

ROOT = Path(__file__).parents[2]
LOG = ROOT / "tests" / "state" / "logs" / "coding.jsonl"


def written(
    command: list[str], environment: dict[str, str], size: tuple[int, int], seconds: float
) -> tuple[bytes, int]:
    """All bytes that a program writes to its terminal, and its exit code."""
    child = pexpect.spawn(
        command[0],
        command[1:],
        env={**environment, "PYTHONPATH": str(ROOT)},
        dimensions=size,
        timeout=seconds,
        cwd=ROOT,
    )
    output = child.read()
    child.close()
    return output, child.exitstatus if child.exitstatus is not None else -1


def test_there_are_enough_payloads_and_each_would_be_seen() -> None:
    assert len(PAYLOADS) >= 200
    assert len(set(PAYLOADS)) == len(PAYLOADS)
    for payload in CONTROLLING:
        if payload != "\r":
            assert smuggled(f"before {payload} after".encode()), repr(payload)
    for byte in range(0x80, 0xA0):
        assert smuggled(b"before " + bytes([byte]) + b" after")
    assert not smuggled("\x1b[?1049h\x1b[1;32mfine ≈ 漢字 👩‍🚀\x1b[0m\x1b[2;3H\r\n".encode())


ONCE = {
    "HomeScreen/SampleList#",
    "SaveScreen/PlainText#",
    "HelpScreen/TopBar#",
    "SaveScreen/TopBar#",
    "BoxScreen/TopBar#",
}
"""What shows only some of the payloads, as many as it has room for; all else shows nearly every one."""
WIDGETS = {
    "ApprovalScreen/PlainText#about", "ApprovalScreen/PlainText#call", "ApprovalScreen/PlainText#choices",
    "ApprovalScreen/PlainText#detail", "ApprovalScreen/TopBar#", "BidScreen/TopBar#",
    "AuctionScreen/AwardPanel#", "AuctionScreen/PlainText#plans", "AuctionScreen/TaskLine#", "AuctionScreen/TopBar#",
    "JuryScreen/PlainText#shown", "JuryScreen/TopBar#",
    "BidScreen/PlainText#", "HelpScreen/PlainText#keys", "HomeScreen/PlainText#note", "HomeScreen/PlainText#status",
    "HomeScreen/TopBar#", "RunScreen/ErrorPanel#", "RunScreen/PlainText#answer", "RunScreen/PlainText#below",
    "RunScreen/PlainText#call", "RunScreen/PlainText#output", "RunScreen/PlainText#plan", "RunScreen/PlainText#text",
    "RunScreen/PlainText#thinking", "RunScreen/TaskLine#", "RunScreen/TopBar#",
}  # fmt: skip
OWN_WORDS = {
    "KeyBar", "PhaseLine", "Banner", "KindSwitch", "#columns", "#head", "#numbers", "#earlier", "#title", "#result",
    "#complaint", "#limits", "#tabs", "ApprovalScreen/PlainText#", "AuctionScreen/ErrorPanel#",
    "HomeScreen/ErrorPanel#",
}  # fmt: skip
"""Widgets that hold words of the app alone, or that show in this tour nothing that another one does not."""


@pytest.mark.timeout(300)
def test_no_widget_lets_anything_through(environment: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "seen.json"
    columns, rows = 320, 26
    command = [sys.executable, "-m", "tests.e2e.hostile_app", str(LOG), "20", str(report)]
    output, code = written(command, environment, (rows, columns), 280)
    screen = pyte.Screen(columns, rows)
    pyte.ByteStream(screen).feed(output[-200_000:])
    assert report.exists(), "\n".join(screen.display)
    assert code == 0
    assert smuggled(output) == []
    assert OURS not in screen.title + screen.icon_name
    seen = {name: set(marks) for name, marks in json.loads(report.read_text()).items()}
    few = {name: len(seen.get(name, ())) for name in WIDGETS if len(seen.get(name, ())) < 200}
    assert few == {}
    assert all(seen[name] for name in ONCE)
    strange = {
        name
        for name in seen
        if name not in WIDGETS | ONCE and not any(name.endswith(own) or f"/{own}" in name for own in OWN_WORDS)
    }
    assert strange == set(), "a widget that this test does not know"
    assert len(marks_in(output.decode("utf-8", "replace"))) >= 200


SCRIPT = """
[[turn]]
part = "bid"
text = {hostile}

[[turn]]
part = "execute"
text = {answer}

[[mark]]
mark = 2.0
"""
POOL = """
name = {hostile}
note = {hostile}

[[agent]]
name = "scripted-s"
model = "scripted:script.toml"
price = 0.05

[[agent]]
name = "scripted-l"
model = "scripted:script.toml"
price = 0.12

[[sample]]
text = {hostile}
kind = "coding"

[auction.scales]
cost = 20.0
entropy = 1.0
[auction.weights]
cost = 1.0
entropy = 0.3
[auction.weights.jury]
scripted-s = 0.5
scripted-l = 0.5
"""


def toml(text: str) -> str:
    """A TOML string: JSON's, but that DEL must be escaped and lone surrogates cannot stand."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.fixture(scope="module")
def hostile() -> str:
    return "\n".join(batches(1))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, hostile: str) -> Path:
    """The recorded log with every payload in every text, names of agents included."""
    file = tmp_path_factory.mktemp("hostile") / "log.jsonl"
    events = [json.loads(line) for line in LOG.read_text("utf-8").splitlines()]
    spread = [poisoned(event, hostile) for event in events]
    name = json.dumps("micro-xs " + " ".join(batches(3)), ensure_ascii=True)[1:-1]
    file.write_text("\n".join(json.dumps(event) for event in spread).replace("micro-xs", name) + "\n")
    return file


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, hostile: str) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    answer = f"I know it.\nAnswer: {hostile}"
    (folder / "script.toml").write_text(SCRIPT.format(hostile=toml(hostile), answer=toml(answer)))
    (folder / "pool.toml").write_text(POOL.format(hostile=toml(hostile)))
    return folder / "pool.toml"


def test_a_replay_as_text_is_plain(environment: dict[str, str], log: Path) -> None:
    command = [str(COMMAND), "replay", str(log), "--text", "--speed", "100000"]
    output, code = written(command, environment, (40, 120), 60)
    assert code == 0, output[-500:]
    assert smuggled(output) == []
    assert len(marks_in(output.decode())) >= 200


@pytest.mark.timeout(240)
def test_commands_are_plain_whatever_was_asked_answered_and_kept(
    environment: dict[str, str], tmp_path: Path, pool: Path, hostile: str
) -> None:
    own = {**environment, "SALE_TUI_HOME": str(tmp_path / "home")}
    task = hostile.replace("\0", "")
    commands: list[tuple[list[str], int]] = [
        (["run", "--kind", "search", "--pool", str(pool), task], 0),
        (["run", "--kind", "search", "--pool", str(pool), "--jsonl", task], 0),
        (["bid", "--kind", "search", "--pool", str(pool), task], 0),
        (["memory", "list"], 0),
        (["memory", "list", "--json"], 0),
        (["pool", "show", str(pool)], 0),
        (["pool", "show", "--json", str(pool)], 0),
        (["pool", "show", task], 3),
        (["replay", task], 3),
        (["run", f"--{task}"], 2),
        (["run", "--agent", task, "x"], 3),
    ]
    shown: set[int] = set()
    for command, expected in commands:
        output, code = written([str(COMMAND), *command], own, (40, 120), 100)
        assert code == expected, (command[:3], output[-1000:])
        assert smuggled(output) == [], command[:3]
        shown |= marks_in(output.decode())
    newest = auctions_of(own)[0]
    exported = str(tmp_path / "past.md")
    for command in (
        ["memory", "show", newest],
        ["memory", "show", "--json", newest],
        ["rescore", newest],
        ["memory", "mark", auctions_of(own)[1], "right"],
        ["memory", "export", exported],
        ["memory", "forget", "--yes", newest],
    ):
        output, code = written([str(COMMAND), *command], own, (40, 120), 60)
        assert code == 0, (command, output[-1000:])
        assert smuggled(output) == [], command
    assert smuggled(Path(exported).read_bytes()) == []
    assert newest not in auctions_of(own)
    assert len(shown) >= 200


def auctions_of(environment: dict[str, str]) -> list[str]:
    """Ids of the auctions in memory, the newest first."""
    output, _ = written([str(COMMAND), "memory", "list", "--json"], environment, (40, 120), 60)
    return [row["id"] for row in json.loads(output.decode().splitlines()[-1])]


def test_settings_and_doctor_are_plain(environment: dict[str, str], tmp_path: Path, hostile: str) -> None:
    own = {**environment, "SALE_TUI_HOME": str(tmp_path / "home")}
    settings = tmp_path / "home" / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    for text in (f"pool = {toml(hostile)}", f"corpus = {toml(hostile)}", f"{toml(hostile)} = 3", "pool = \x1b[7313m"):
        settings.write_text(text)
        output, code = written([str(COMMAND), "run", "x"], own, (40, 120), 60)
        assert code == 3, (text[:20], output[-1000:])
        assert smuggled(output) == []
    settings.write_text(f"[mcp.peer]\ncommand = {toml(hostile)}\ntrusted = true\n")
    output, code = written([str(COMMAND), "doctor"], own, (40, 120), 100)
    assert smuggled(output) == []
