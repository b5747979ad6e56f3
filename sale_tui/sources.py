"""What can be searched and read: protocols of the user's documents and of the web, and the values that they give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

import msgspec


class DocumentHit(msgspec.Struct, frozen=True, kw_only=True):
    """One document that a query found."""

    document: str
    """Path inside its folder: what ``open`` takes."""
    title: str
    passage: str
    """Its best passage, white space collapsed."""


class DocumentText(msgspec.Struct, frozen=True, kw_only=True):
    """A whole document or page as clean text."""

    document: str
    """Name, or the address after redirects."""
    title: str
    text: str
    """In which ``[3]`` behind some words stands for the third link."""
    links: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search of the documents came to."""

    hits: tuple[DocumentHit, ...]
    note: str = ""
    """For people: what was not searched, or only by its words."""


class Indexing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the reading of a folder has come."""

    folder: str
    done: int
    """Files that were looked at, of ``total``."""
    total: int
    finished: bool = False
    documents: int = 0
    """That can be searched now."""
    left_out: tuple[str, ...] = ()
    """Some of the files that cannot be read, each with its reason."""
    left_out_count: int = 0


class Documents(Protocol):
    """A folder of the user's own documents."""

    def progress(self) -> AsyncIterator[Indexing]:
        """Begins to bring the index up to date unless that is under way; ends when it is done."""
        ...

    async def search(self, query: str, limit: int = 5) -> Found:
        """The best documents; waits for the first reading of the folder. Raises OSError, SaleError."""
        ...

    async def open(self, document: str) -> DocumentText | None:
        """The document of that name, or the only one whose name is almost that; None where there is none."""
        ...

    async def close(self) -> None:
        """Stop reading; what is not done is done next time. Safe to call twice."""
        ...


class WebHit(msgspec.Struct, frozen=True, kw_only=True):
    """One page that a search engine names."""

    url: str
    title: str
    excerpt: str


class WebSearch(Protocol):
    """A search engine."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    async def search(self, query: str, limit: int = 8) -> Sequence[WebHit]:
        """Pages, best first. Raises SaleError where the web cannot be searched now."""
        ...


class WebReader(Protocol):
    """Reads pages of the public web."""

    async def read(self, url: str) -> DocumentText:
        """One page. Raises SaleError where it cannot or must not be had."""
        ...

    async def close(self) -> None:
        """Close its connections; safe to call twice."""
        ...


class RawFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that only the sandbox may read."""

    kind: Literal["html", "pdf"]
    content: bytes
    url: str = ""
    """Where it came from; its links are told only then."""


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """The text of such a file, or why there is none."""

    text: str = ""
    title: str = ""
    links: tuple[str, ...] = ()
    problem: str = ""


class TextExtractor(Protocol):
    """Makes text of HTML and PDF, away from everything."""

    async def extract(self, files: Sequence[RawFile]) -> list[Extracted]:
        """One result a file, in order. Raises NoSandbox where there is none to do it in."""
        ...
