"""Past auctions as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sale_tui.archive import StoredAuction
from sale_tui.errors import ConfigurationFault
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.memory.service import MemoryService
from sale_tui.session.export import export, outcome_words
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring

EVIL = "# no title\n```\n````x\n<script>\x1b[31m|a|"
SCRIPT = Script(
    turn=(ScriptTurn(part="bid", text="1. search " + EVIL), ScriptTurn(part="execute", text=f"Answer: {EVIL}")),
    mark=(ScriptMark(mark=3),),
)


@pytest.fixture
async def stored(wire: Callable[..., Wiring], memory: MemoryService) -> StoredAuction:
    session = Session(wire(SCRIPT))
    async for _ in session.run(TaskRequest(text=EVIL, kind="search")):
        pass
    auction = memory.store.list_auctions()[0].id
    memory.set_outcome(auction, "passed")
    return memory.store.get_auction(auction)


def test_markdown_keeps_what_others_said_in_blocks(stored: StoredAuction, tmp_path: Path) -> None:
    file = tmp_path / "past.md"
    assert export([stored, stored], file) == 2
    text = file.read_text("utf-8")
    assert "\x1b" not in text
    assert text.count("Outcome: right, by your mark.") == 2
    assert "the same run by the largest agent ≈ $" in text
    outside = re.sub(r"(?ms)^(`{5,})text\n.*?^\1$", "", text)
    assert "no title" not in outside
    assert "<script>" not in outside
    assert outside.count("\n| ") == 2 * 5
    assert file.stat().st_mode & 0o777 == 0o600


def test_json_holds_the_whole_auction(stored: StoredAuction, tmp_path: Path) -> None:
    file = tmp_path / "past.JSON"
    assert export([stored, stored], file) == 2
    value = json.loads(file.read_text("utf-8"))
    assert (value["format"], len(value["auctions"])) == (1, 2)
    first = value["auctions"][0]
    assert (first["summary"]["task"], first["outcome"], first["run"]["answer"]) == (
        EVIL,
        "passed",
        stored.run.answer if stored.run else "",
    )
    assert [event["event"] for event in first["events"]][-1] == "outcome_set"
    assert export([], tmp_path / "none.json") == 0
    assert json.loads((tmp_path / "none.json").read_text("utf-8"))["auctions"] == []


def test_nothing_is_overwritten(stored: StoredAuction, tmp_path: Path) -> None:
    kept = tmp_path / "kept.md"
    kept.write_text("mine")
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "nowhere")
    for file in (kept, link):
        with pytest.raises(ConfigurationFault, match="exists already"):
            export([stored], file)
    assert kept.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(ConfigurationFault, match="neither"):
        export([stored], tmp_path / "past.txt")
    with pytest.raises(ConfigurationFault, match="cannot be written"):
        export([stored], tmp_path / "no" / "folder.md")


def test_a_failed_export_leaves_no_half_of_a_file(stored: StoredAuction, tmp_path: Path) -> None:
    def broken():
        yield stored
        raise ConfigurationFault("the memory is gone")

    with pytest.raises(ConfigurationFault, match="gone"):
        export(broken(), tmp_path / "half.json")
    assert list(tmp_path.glob("half*")) == []


def test_an_outcome_names_who_said_so(stored: StoredAuction) -> None:
    assert outcome_words(stored) == "right, by your mark"
