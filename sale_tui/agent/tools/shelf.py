"""Where ``search`` and ``open`` look: a pool's own corpus in words that its models know, or the user's documents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

import msgspec

from sale_tui.agent.tools.corpus import Corpus, format_hits, format_missing, format_page
from sale_tui.agent.tools.paging import paginate
from sale_tui.sources import Documents, Found
from sale_tui.types import Source

HEADER_CHARACTERS = 300
"""Kept free on a page for the line above it."""
TITLE_CHARACTERS = 100


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a shelf answers: the text for the model and a line for people."""

    text: str
    summary: str
    ok: bool = True
    sources: tuple[Source, ...] = ()


class Bookshelf(Protocol):
    """Documents by search and by name."""

    async def find(self, query: str) -> Shown:
        """The best documents. Raises OSError, SaleError."""
        ...

    async def read(self, document: str, page: int, characters: int) -> Shown:
        """One page of at most so many characters. Raises OSError, SaleError."""
        ...


class Shelf:
    """One folder of short documents, read once, when first asked for. Indexing it never holds up the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._corpus: asyncio.Task[Corpus] | None = None
        self._told = False

    async def corpus(self) -> Corpus:
        """The corpus. Raises OSError where the folder cannot be read; the next call tries again."""
        if self._corpus is None or (self._corpus.done() and self._failed(self._corpus)):
            self._corpus = asyncio.create_task(asyncio.to_thread(Corpus, self.folder))
        # One caller's cancellation must not spoil it for the other.
        return await asyncio.shield(self._corpus)

    async def find(self, query: str) -> Shown:
        """As the protocol says."""
        corpus = await self.corpus()
        hits = await asyncio.to_thread(corpus.search, query)
        return Shown(text=format_hits(hits), summary=f"{len(hits)} found{self._left_out(corpus)}")

    async def read(self, document: str, page: int, characters: int) -> Shown:  # noqa: ARG002 - its pages are fixed
        """As the protocol says."""
        corpus = await self.corpus()
        found = await asyncio.to_thread(corpus.open, document, page)
        if found is None:
            return missing()
        place = f", page {found.page} of {found.pages}" if found.pages > 1 else ""
        source = Source(document=found.document, title=found.title)
        return Shown(text=format_page(found), summary=f"{found.document}{place}", sources=(source,))

    def _left_out(self, corpus: Corpus) -> str:
        """Said once: that there is more in the folder than can be found."""
        if self._told or not corpus.skipped:
            return ""
        self._told = True
        return f"; unreadable files of the corpus: {corpus.skipped}"

    @staticmethod
    def _failed(task: asyncio.Task[Corpus]) -> bool:
        return task.cancelled() or task.exception() is not None


class LibraryShelf:
    """The user's own documents, of any length."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def find(self, query: str) -> Shown:
        """As the protocol says."""
        found = await self._documents.search(query)
        note = f" ({found.note})" if found.note else ""
        return Shown(text=format_found(found), summary=f"{len(found.hits)} found{note}")

    async def read(self, document: str, page: int, characters: int) -> Shown:
        """As the protocol says."""
        found = await self._documents.open(document)
        if found is None:
            return missing()
        pages = paginate(found.text, characters - HEADER_CHARACTERS)
        number = min(page, len(pages))
        place = f" page {number} of {len(pages)}" if len(pages) > 1 else ""
        return Shown(
            text=f"[{found.document}]{place}\n{pages[number - 1]}",
            summary=f"{found.document}{place and f',{place}'}",
            sources=(Source(document=found.document, title=found.title),),
        )


def format_found(found: Found) -> str:
    """What the model sees of a search: a line a document, with its title where that says more than its name."""
    lines = []
    for hit in found.hits:
        title = "" if hit.title in hit.document else f"{hit.title[:TITLE_CHARACTERS]}: "
        lines.append(f"[{hit.document}] {title}{hit.passage}")
    return "\n".join(lines) or format_hits([])


def missing() -> Shown:
    """There is no such document."""
    return Shown(ok=False, text=format_missing(), summary="no such document")
