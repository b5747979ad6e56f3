"""The contract of the command line: exit codes, stdout is data, errors are one object."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, Sale
from tests.e2e.processes import children_of, is_alive, wait_until


def first_bid(agent: str, price: float, marks: dict[str, float]) -> dict[str, object]:
    """A bid as a record holds it; only price and marks differ."""
    return {
        "agent": agent, "price": price, "round": "first", "plan": "p", "tokens": 100, "entropy": 0.4,
        "marks": marks, "recalled": [],
    }  # fmt: skip


BIDS = [first_bid("a", 0.05, {"a": 3.0, "b": 2.0}), first_bid("b", 0.10, {"a": 5.0, "b": 5.0})]
RECORD: dict[str, object] = {
    "format": 1,
    "task": {"text": "t", "kind": "coding"},
    "weights": {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5, "b": 0.5}},
    "scales": {"cost": 10.0, "entropy": 1.0, "mark": 5.0},
    "bids": BIDS,
    "award": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["run"], 2, "usage"),
        (["run", "x", "--kind", "poetry"], 2, "usage"),
        (["run", "  "], 2, "usage"),
        (["frobnicate"], 2, "usage"),
        (["run", "x", "--bananas"], 2, "usage"),
        (["--pool", "micro", "run", "x"], 2, "usage"),
        (["--thrift", "2", "bid", "x"], 2, "usage"),
        (["run", "x", "--thrift", "1e-300"], 3, "configuration"),
        (["run", "x", "--pool", "y" * 300], 3, "configuration"),
        (["run", "x", "--corpus", "y" * 300], 3, "configuration"),
        (["run", "x", "--workspace", "y" * 300], 3, "configuration"),
        (["rescore", json.dumps({"plan": "y" * 300})], 3, "configuration"),
        (["run", "x", "--pool", "nonesuch"], 3, "configuration"),
        (["run", "x", "--thrift", "-1"], 3, "configuration"),
        (["run", "x", "--agent", "nobody"], 3, "configuration"),
        (["run", "x", "--workspace", "/nonexistent"], 3, "configuration"),
        (["run", "x", "--corpus", "/nonexistent"], 3, "configuration"),
        (["memory", "show", "zzzz"], 3, "configuration"),
        (["rescore", "/nonexistent.json"], 3, "configuration"),
        (["pool", "show", "nonesuch"], 3, "configuration"),
    ],
)
def test_bad_input_is_one_error_with_cause_and_cure(sale: Sale, arguments: list[str], code: int, kind: str) -> None:
    machine = sale(*arguments, "--jsonl" if {"run", "frobnicate"} & set(arguments) else "--json")
    assert machine.code == code
    error = machine.last["error"]
    assert error["kind"] == kind
    assert error["message"]
    assert set(error) == {"kind", "message", "hint"}

    human = sale(*arguments)
    assert human.code == code
    assert human.stdout == ""
    assert error["message"].splitlines()[0] in human.stderr


def test_a_flag_of_another_command_is_a_usage_error(sale: Sale) -> None:
    finished = sale("run", "x", "--json")
    assert finished.code == 2
    assert finished.last["error"]["kind"] == "usage"


def test_without_a_terminal_there_is_no_app(sale: Sale) -> None:
    finished = sale()
    assert finished.code == 2
    assert "terminal" in finished.stderr
    assert "sale-tui run" in finished.stderr


def test_rescore_reads_a_file_or_stdin_alike(sale: Sale, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(RECORD))
    from_file = sale("rescore", str(file), "--json")
    from_stdin = sale("rescore", "-", "--json", stdin=json.dumps(RECORD))
    assert from_file.code == from_stdin.code == 0
    assert from_file.last == from_stdin.last
    scored = from_file.last
    assert [bid["cost"] for bid in scored["bids"]] == pytest.approx([0.5, 1.0], abs=1e-12)
    assert [bid["value"] for bid in scored["bids"]] == pytest.approx([0.7, 1.2], abs=1e-12)
    assert scored["provisional"] == "a"
    assert scored["award"]["agent"] == "a"
    assert scored["award"]["by"] == "auction"


def test_weights_and_thrift_replace_the_records(sale: Sale, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(RECORD))
    dear = sale("rescore", str(file), "--thrift", "0.1", "--json").last
    assert dear["award"]["agent"] == "b"
    weights = tmp_path / "weights.json"
    weights.write_text(
        json.dumps({"weights": {"cost": 1.0, "entropy": 0.0, "jury": {"a": 4.0, "b": 4.0}}, "scales": RECORD["scales"]})
    )
    assert sale("rescore", str(file), "--weights", str(weights), "--json").last["award"]["agent"] == "b"


def test_the_weight_that_flips_the_award_does(sale: Sale, tmp_path: Path) -> None:
    bids = [BIDS[0], {**BIDS[1], "tokens": 130, "entropy": 0.3}]
    record = json.dumps({**RECORD, "bids": bids})
    scored = sale("rescore", "-", "--json", stdin=record).last
    flip = scored["explanation"]["flip"]
    for factor, flips in ((1.001, True), (0.999, False)):
        weights = json.loads(record)["weights"]
        kind, _, juror = flip["term"].partition(":")
        holder, name = (weights["jury"], juror) if kind == "jury" else (weights, kind)
        holder[name] += flip["delta"] * factor
        file = tmp_path / f"{factor}.json"
        file.write_text(json.dumps({"weights": weights, "scales": RECORD["scales"]}))
        again = sale("rescore", "-", "--weights", str(file), "--json", stdin=record).last
        assert (again["award"]["agent"] != scored["award"]["agent"]) is flips


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": 2}, "format"),
        ({"scales": {"cost": 0, "entropy": 1.0, "mark": 5.0}}, "scales.cost"),
        ({"weights": {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5}}}, "b"),
        ({"bids": []}, "bid"),
    ],
)
def test_a_bad_record_names_its_field(sale: Sale, change: dict[str, object], named: str) -> None:
    finished = sale("rescore", "-", "--json", stdin=json.dumps({**RECORD, **change}))
    assert finished.code in (3, 4)
    assert named in finished.last["error"]["message"]


def test_a_record_whose_bids_have_no_marks_is_exit_4(sale: Sale) -> None:
    bids = [{**bid, "marks": {}} for bid in BIDS]
    finished = sale("rescore", "-", "--json", stdin=json.dumps({**RECORD, "bids": bids}))
    assert finished.code == 4
    assert finished.last["error"]["kind"] == "no_valid_bid"


def test_help_and_version_are_quick_and_plain(sale: Sale) -> None:
    assert sale("--version").stdout.startswith("sale-tui, version ")
    for command in ("run", "bid", "rescore", "replay", "memory", "pool", "doctor"):
        finished = sale(command, "--help")
        assert finished.code == 0
        assert finished.stdout.startswith("Usage: sale-tui")


def shell(line: str, environment: dict[str, str], folder: Path, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """A line of bash in which ``sale-tui`` is the command; with the exit code of the first command of a pipe."""
    script = f'sale-tui() {{ "{COMMAND}" "$@"; }}\n{line}\nexit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", script], input=stdin, capture_output=True, timeout=60, check=False, env=environment, cwd=folder
    )
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("sale-tui rescore nope.json --json | true", 3, b""),
        ("sale-tui rescore nope.json --json >/dev/full", 3, b"nope.json"),
        ("sale-tui rescore nope.json --json >&-", 3, b""),
        ("sale-tui rescore nope.json 2>&-", 3, b""),
        ("sale-tui rescore nope.json 2>/dev/full", 3, b""),
        ("sale-tui pool list --json >/dev/full", 3, b"No space left"),
        ("sale-tui pool list >&-", 0, b""),
        ("sale-tui run - --jsonl <&-", 2, b""),
    ],
)
def test_streams_that_are_broken_closed_or_full_leave_no_trace(
    environment: dict[str, str], tmp_path: Path, line: str, code: int, told: bytes
) -> None:
    found, _, err = shell(line, environment, tmp_path)
    assert found == code
    assert told in err


def test_a_reader_that_has_gone_ends_the_command(environment: dict[str, str], tmp_path: Path) -> None:
    for command in ("pool list --json", "pool list", "--help"):
        code, _, err = shell(f"sale-tui {command} | true", environment, tmp_path)
        assert code in (0, 5)
        assert err == b""


def test_stdin_that_is_not_utf8(environment: dict[str, str], tmp_path: Path) -> None:
    code, out, _ = shell("sale-tui rescore - --json", environment, tmp_path, b'{"format": 1, "x": "\xff\xfe"}')
    assert code == 3
    assert "stdin" in json.loads(out)["error"]["message"]
    code, out, _ = shell("sale-tui run - --jsonl --agent nobody", environment, tmp_path, b"sort \xff\xfe")
    assert code == 3
    assert "nobody" in json.loads(out)["error"]["message"]


def test_what_rescore_prints_it_reads(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(json.dumps(RECORD))
    line = "sale-tui rescore record.json --json | sale-tui rescore - --json"
    code, out, _ = shell(line, environment, tmp_path)
    assert code == 0
    assert json.loads(out) == json.loads(shell("sale-tui rescore record.json --json", environment, tmp_path)[1])


DEFECT = """
import sys, sale_tui.front, sale_tui.cli
def broken(*, as_json): raise KeyError("no such thing")
sale_tui.front.list_pools = broken
sys.argv = ["sale-tui", "pool", "list", "--json"]
sale_tui.cli.main()
"""


def test_a_defect_is_one_error_too(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFECT], capture_output=True, text=True, timeout=60, check=False, env=environment,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 5
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "defect"
    assert "KeyError" in error["message"]
    assert "no such thing" in error["message"]
    assert done.stderr == ""


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal by now."""
    status = Path(f"/proc/{pid}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("task", "begun"), [("-", 0), ("sort 3, 1, 2", 1)], ids=["reading", "loading"])
def test_a_signal_at_any_time_is_130_and_one_error(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, task: str, begun: int
) -> None:
    process = subprocess.Popen(
        [COMMAND, "run", task, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, cwd=tmp_path,
    )  # fmt: skip
    with process:
        assert wait_until(lambda: catches(process.pid, signal.SIGTERM), 30)
        assert wait_until(lambda: len(children_of(process.pid)) >= begun, 30)
        children = children_of(process.pid)
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=30) == 130
    assert json.loads(out.splitlines()[-1])["error"]["kind"] == "interrupted"
    assert b"Traceback" not in err
    assert wait_until(lambda: not any(is_alive(child) for child in children), 10)


def test_code_without_a_sandbox_is_exit_6(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.run(
        [COMMAND, "run", "sort 3, 1, 2", "--kind", "coding", "--jsonl"], capture_output=True, timeout=60, check=False,
        env={**environment, "PATH": str(tmp_path)}, cwd=tmp_path,
    )  # fmt: skip
    assert process.returncode == 6
    error = json.loads(process.stdout.splitlines()[-1])["error"]
    assert error["kind"] == "no_sandbox"
    assert "bubblewrap" in error["hint"]
