"""How the indexing of the user's documents is told, and what it is told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sale_tui.agent.tools.open import OpenTool
from sale_tui.agent.tools.search import SearchTool
from sale_tui.agent.tools.shelf import LibraryShelf
from sale_tui.documents.library import Library
from sale_tui.events import DocumentsRead, Event, LogStarted, Notice, RunFinished, ToolFinished
from sale_tui.headless.narration import closing_lines, opening_lines, run_lines
from sale_tui.inference.scripted import Script, ScriptTurn
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.session.reading import tell_reading
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.types import Source
from tests.unit.session.conftest import MARKS, TURNS

CALL = '<tool_call>\n{"name": "%s", "arguments": {"%s": "%s"}}\n</tool_call>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    root.mkdir()
    for number in range(30):
        (root / f"town{number}.md").write_text(f"# Town {number}\n\nThe mayor of town {number} is called Orrin.")
    return root


async def test_a_task_reads_the_documents_first_and_names_its_sources(
    wire: Callable[..., Wiring], folder: Path, tmp_path: Path
) -> None:
    turns = (
        ScriptTurn(part="execute", step=1, text=CALL % ("search", "query", "mayor of town 7")),
        ScriptTurn(part="execute", step=2, text=CALL % ("open", "document", "town7")),
        ScriptTurn(part="execute", text="Answer: Orrin"),
    )
    library = Library(folder, tmp_path / "cache", HashingEmbedder(), None)
    shelf = LibraryShelf(library)
    wiring = wire(
        Script(turn=(*(turn for turn in TURNS if turn.part != "execute"), *turns), mark=MARKS),
        documents=library,
        closers=(library.close,),
        tools=(SearchTool(shelf), OpenTool(shelf)),
    )
    session = Session(wiring)
    events = [event async for event in session.run(TaskRequest(text="Who is the mayor of town 7?", kind="search"))]
    await session.close()
    assert isinstance(events[0], LogStarted)
    told = [event for event in events if isinstance(event, DocumentsRead)]
    assert (told[-1].finished, told[-1].documents) == (True, 30)
    outputs = [event.output for event in events if isinstance(event, ToolFinished)]
    assert outputs[0].startswith("[town7.md] Town 7: # Town 7 The mayor of town 7 is called Orrin.")
    [finished] = [event for event in events if isinstance(event, RunFinished)]
    assert finished.sources == (Source(document="town7.md", title="Town 7"),)
    assert list(run_lines(finished))[-2:] == ["sources:", "    Town 7 — town7.md"]


async def test_loading_tells_it_too(wire: Callable[..., Wiring], folder: Path, tmp_path: Path) -> None:
    library = Library(folder, tmp_path / "cache", HashingEmbedder(), None)
    session = Session(wire(documents=library, closers=(library.close,)))
    told: list[Any] = [event async for event in session.load() if isinstance(event, DocumentsRead)]
    await session.close()
    assert told[-1].finished
    assert told[-1].documents == 30


async def test_a_folder_that_is_gone_is_a_notice(tmp_path: Path) -> None:
    told: list[Event] = []
    library = Library(tmp_path / "nothing", tmp_path / "cache", HashingEmbedder(), None)
    await tell_reading(library, told.append)
    await library.close()
    [notice] = told
    assert isinstance(notice, Notice)
    assert "cannot be indexed" in "".join(closing_lines(notice))


def test_it_is_narrated() -> None:
    begun = DocumentsRead(folder="/d", done=500, total=1000, finished=False)
    done = DocumentsRead(
        folder="/d\x1b[2J", done=1000, total=1000, finished=True, documents=999, left_out=("a.pdf: \x1b]0;x\x07no",),
        left_out_count=1,
    )  # fmt: skip
    assert list(opening_lines(begun)) == ["documents: 500 of 1000 files read"]
    assert list(opening_lines(done)) == ["documents: 999 in /d can be searched", "  left out: 1", "    a.pdf: no"]
