"""Reads a document."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

import msgspec

from sale_tui.agent.tools.base import ToolContext, ToolResult, cap, make_spec, read_arguments
from sale_tui.agent.tools.corpus import format_missing, format_page
from sale_tui.agent.tools.shelf import Shelf
from sale_tui.types import Source


class OpenArguments(msgspec.Struct, frozen=True):
    """What ``open`` takes."""

    document: Annotated[str, msgspec.Meta(description="Its name, as search shows it.")]
    page: Annotated[int, msgspec.Meta(ge=1)] = 1


class OpenTool:
    """``open(document, page=1)``: one page of a document."""

    name = "open"
    needs_sandbox = False

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.spec = make_spec(self.name, "Read a document that search has found.", OpenArguments)

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        read_arguments(self.spec, OpenArguments, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Open it. Raises BadArguments, OSError where the corpus cannot be read."""
        wanted = read_arguments(self.spec, OpenArguments, arguments)
        corpus = await self._shelf.corpus()
        page = await asyncio.to_thread(corpus.open, wanted.document, wanted.page)
        if page is None:
            return ToolResult(ok=False, summary="no such document", output=format_missing())
        output, cut = cap(format_page(page), context.output_characters)
        place = f", page {page.page} of {page.pages}" if page.pages > 1 else ""
        return ToolResult(
            ok=True,
            summary=f"{page.document}{place}",
            output=output,
            truncated=cut,
            sources=(Source(document=page.document, title=page.title),),
        )
