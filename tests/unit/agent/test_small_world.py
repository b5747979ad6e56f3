"""What models were trained on: ``search`` and ``open`` over a pool's own corpus answer in these very words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sale_tui.agent.tools.base import ToolContext
from sale_tui.agent.tools.corpus import Corpus, format_hits, format_missing, format_page
from sale_tui.agent.tools.open import OpenTool
from sale_tui.agent.tools.search import SearchTool
from sale_tui.agent.tools.shelf import Shelf
from sale_tui.paths import shipped_pools
from sale_tui.sandbox.none import NoneSandbox

PINNED = json.loads(Path(__file__).with_name("small_world.json").read_text("utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "world"
    root.mkdir()
    for name, text in PINNED["documents"].items():
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=tmp_path, sandbox=NoneSandbox("not needed", ""))


def test_corpus_answers_as_pinned() -> None:
    corpus = Corpus(PINNED["documents"])
    assert {query: format_hits(corpus.search(query)) for query in PINNED["searches"]} == PINNED["searches"]
    for name, number, text in PINNED["pages"]:
        page = corpus.open(name, number)
        assert (format_missing() if page is None else format_page(page)) == text


async def test_tools_answer_as_pinned(folder: Path, context: ToolContext) -> None:
    shelf = Shelf(folder)
    search, read = SearchTool(shelf), OpenTool(shelf)
    for query, text in PINNED["searches"].items():
        assert (await search.call({"query": query}, context)).output == text
    for name, number, text in PINNED["pages"]:
        assert (await read.call({"document": name, "page": number}, context)).output == text


async def test_tools_answer_as_the_corpus_over_the_whole_shipped_world(context: ToolContext) -> None:
    folder = shipped_pools() / "micro" / "corpus"
    corpus, shelf = Corpus(folder), Shelf(folder)
    search, read = SearchTool(shelf), OpenTool(shelf)
    assert len(corpus) > 100
    for path in sorted(folder.glob("*.md")):
        page = corpus.open(path.stem)
        assert page is not None
        assert (await read.call({"document": path.stem}, context)).output == format_page(page)
        assert (await search.call({"query": path.stem}, context)).output == format_hits(corpus.search(path.stem))
