"""Finds documents by their words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

import msgspec

from sale_tui.agent.tools.base import ToolContext, ToolResult, cap, make_spec, read_arguments
from sale_tui.agent.tools.corpus import Corpus, format_hits
from sale_tui.agent.tools.shelf import Shelf


class SearchArguments(msgspec.Struct, frozen=True):
    """What ``search`` takes."""

    query: Annotated[str, msgspec.Meta(description="Words to look for.")]


class SearchTool:
    """``search(query)``: up to five documents, each with its best passage."""

    name = "search"
    needs_sandbox = False

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._told = False
        self.spec = make_spec(
            self.name, "Find documents by words. Shows a line of each; open one to read it.", SearchArguments
        )

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        read_arguments(self.spec, SearchArguments, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Search. Raises BadArguments, OSError where the corpus cannot be read."""
        query = read_arguments(self.spec, SearchArguments, arguments).query
        corpus = await self._shelf.corpus()
        hits = await asyncio.to_thread(corpus.search, query)
        output, cut = cap(format_hits(hits), context.output_characters)
        return ToolResult(ok=True, summary=f"{len(hits)} found{self._left_out(corpus)}", output=output, truncated=cut)

    def _left_out(self, corpus: Corpus) -> str:
        """Said once: that there is more in the folder than can be found."""
        if self._told or not corpus.skipped:
            return ""
        self._told = True
        return f"; unreadable files of the corpus: {corpus.skipped}"
