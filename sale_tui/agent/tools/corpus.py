"""A local folder of text and Markdown that a model may search and read.

Everything is read once into an FTS5 index; a model's words are only ever looked up in it, so that no query
and no document name reaches the file system. Synchronous: callers on an event loop use a thread.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from sale_tui.sources import DocumentHit

SUFFIXES = (".md", ".markdown", ".txt", ".rst")
SNIPPET_CHARACTERS = 120
PAGE_CHARACTERS = 3000
MAX_FILE_BYTES = 4 * 1024 * 1024
NO_RESULTS = "no results"
MISSING = "no document of that name; use search"

_WORD = re.compile(r"\w+")
_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_SCHEMA = """
CREATE TABLE document (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIRTUAL TABLE passage USING fts5 (title, text, document UNINDEXED, tokenize = "unicode61 remove_diacritics 2");
"""
# The title counts five times: a page about a thing comes before the pages that mention it.
_SEARCH = """
SELECT document.name, document.title, passage.text FROM passage JOIN document ON document.id = passage.document
WHERE passage MATCH ? ORDER BY bm25(passage, 5.0, 1.0), document.name, passage.rowid LIMIT ?
"""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a document."""

    document: str
    title: str
    text: str
    page: int
    """From 1."""
    pages: int


class Corpus:
    """Full-text search over a folder; the folder may change while nobody uses it, a new Corpus sees that."""

    def __init__(self, source: Path | Mapping[str, str]) -> None:
        """Reads a folder (which must exist), or texts by name. Raises OSError where there is no such folder."""
        self.skipped = 0
        """Files that cannot be read, or whose names are not UTF-8."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        if isinstance(source, Path):
            root = source.resolve(strict=True)
            source, self.skipped = read_texts(root, _files(root))
        self._fill(source.items())

    def __len__(self) -> int:
        """Number of documents."""
        with self._lock, closing(self._db.execute("SELECT count(*) FROM document")) as rows:
            return int(rows.fetchone()[0])

    def search(self, query: str, limit: int = 5) -> list[DocumentHit]:
        """The best documents that hold all words of the query in one passage, or else any of them; each once."""
        words = [f'"{word}"' for word in list(dict.fromkeys(_WORD.findall(query)))[:32]]
        if not words or limit < 1:
            return []
        return self._match(" AND ".join(words), limit) or self._match(" OR ".join(words), limit)

    def open(self, document: str, page: int = 1) -> Page | None:
        """One page of a document (the nearest one if there is no such page), None if no document has that name.

        The name may lack its suffix and its folder and may differ in case, as long as it is not ambiguous.
        """
        found = self._find(document)
        if found is None:
            return None
        name, title, text = found
        pages = _pages(text)
        number = min(max(page, 1), len(pages))
        return Page(document=name, title=title, text=pages[number - 1], page=number, pages=len(pages))

    def close(self) -> None:
        """Close the index; safe to call twice."""
        with self._lock:
            self._db.close()

    def _match(self, match: str, limit: int) -> list[DocumentHit]:
        hits: dict[str, DocumentHit] = {}
        with self._lock, closing(self._db.execute(_SEARCH, (match, limit * 8))) as rows:
            for name, title, text in rows:
                hits.setdefault(name, DocumentHit(document=name, title=title, passage=" ".join(text.split())))
        return list(hits.values())[:limit]

    def _find(self, document: str) -> tuple[str, str, str] | None:
        wanted = document.strip().removeprefix("./")
        with self._lock:
            row = self._db.execute("SELECT name, title, text FROM document WHERE name = ?", (wanted,)).fetchone()
            if row is None:
                names = [str(name) for (name,) in self._db.execute("SELECT name FROM document")]
                alike = _alike(wanted, names)
                if alike is not None:
                    row = self._db.execute("SELECT name, title, text FROM document WHERE name = ?", (alike,)).fetchone()
        return None if row is None else (str(row[0]), str(row[1]), str(row[2]))

    def _fill(self, texts: Iterable[tuple[str, str]]) -> None:
        with self._lock, self._db:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._db.execute(statement)
            for number, (name, text) in enumerate(sorted(texts), start=1):
                title = _title(name, text)
                self._db.execute("INSERT INTO document VALUES (?, ?, ?, ?)", (number, name, title, text.strip()))
                self._db.executemany(
                    "INSERT INTO passage VALUES (?, ?, ?)", [(title, passage, number) for passage in _passages(text)]
                )


def format_hits(hits: list[DocumentHit]) -> str:
    """What the model sees of a search: a line a hit."""
    return "\n".join(f"[{hit.document}] {hit.passage[:SNIPPET_CHARACTERS].rstrip()}" for hit in hits) or NO_RESULTS


def format_page(page: Page) -> str:
    """What the model sees of an opened document."""
    place = f" page {page.page} of {page.pages}" if page.pages > 1 else ""
    return f"[{page.document}]{place}\n{page.text}"


def format_missing() -> str:
    """What the model sees where no document has the name it gave."""
    return MISSING


def read_texts(root: Path, files: Iterable[Path]) -> tuple[dict[str, str], int]:
    """Texts by their names within the folder ``root``, and how many of the files had to be left out.

    Folders, links that lead out of ``root`` and files of more than MAX_FILE_BYTES are no part of it at all.
    """
    texts, skipped = {}, 0
    for path in files:
        name = path.relative_to(root).as_posix()
        try:
            # A name that is not UTF-8 can neither be stored nor be told to a model.
            name.encode()
            if path.is_file() and path.resolve().is_relative_to(root) and path.stat().st_size <= MAX_FILE_BYTES:
                texts[name] = path.read_text("utf-8", errors="replace")
        except (OSError, UnicodeEncodeError):
            skipped += 1
    return texts, skipped


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in SUFFIXES and not hidden:
            yield path


def _title(name: str, text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return first[2:].strip() if first.startswith("# ") else name.rpartition("/")[2].rpartition(".")[0]


def _passages(text: str) -> list[str]:
    """Paragraphs; a heading goes with what follows it."""
    passages: list[str] = []
    heading = ""
    for block in _BLANK_LINES.split(text.strip()):
        if block.startswith("#") and "\n" not in block:
            heading = f"{heading}{block}\n"
        else:
            passages.append(heading + block)
            heading = ""
    return [*passages, heading] if heading or not passages else passages


def _pages(text: str) -> list[str]:
    """The text in pages of at most PAGE_CHARACTERS, cut at paragraphs, lines or words where it can be."""
    pages: list[str] = []
    while len(text) > PAGE_CHARACTERS:
        cuts = (text.rfind(mark, PAGE_CHARACTERS // 2, PAGE_CHARACTERS) for mark in ("\n\n", "\n", " "))
        cut = next((place for place in cuts if place > 0), PAGE_CHARACTERS)
        pages.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*pages, text]


def _alike(wanted: str, names: list[str]) -> str | None:
    """The one name that equals ``wanted`` but for case, suffix and folder."""

    def stem(name: str) -> str:
        return name[: -len(Path(name).suffix)] if name.endswith(SUFFIXES) else name

    def base(name: str) -> str:
        return name.rpartition("/")[2]

    target = wanted.casefold()
    for way in (str, stem, base, lambda name: stem(base(name))):
        found = [name for name in names if way(name.casefold()) == target]
        if found:
            return found[0] if len(found) == 1 else None
    return None
