"""Brings a store up to date with its folder. Synchronous, in batches that are each stored at once: whatever ends it,
the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from sale_tui.documents.extract import NOT_WORKING, STOPPED
from sale_tui.documents.files import LARGEST, File, as_text, documents_in, read_bytes
from sale_tui.documents.store import Known, Reading, Store
from sale_tui.sources import Extracted, RawFile

BATCH_FILES = 200
BATCH_BYTES = 8 * 1024 * 1024
"""Of text read before it is stored."""
PARSED_FILES = 48
PARSED_BYTES = 24 * 1024 * 1024
"""Of HTML and PDF that go to the sandbox together."""
FRESH_NANOSECONDS = 2_000_000_000
"""A file that was changed within this time may change again and keep its time."""

Extract = Callable[[Sequence[RawFile]], list[Extracted]]
"""Texts of HTML and PDF. Raises whatever befell it."""
Tell = Callable[["Progress"], None]


class Progress(msgspec.Struct, frozen=True):
    """How far it is."""

    done: int
    total: int


class Stopped(Exception):
    """It was told to stop; what was stored stays."""


class Indexer:
    """One pass over the folder."""

    def __init__(
        self,
        root: Path,
        store: Store,
        extract: Extract | None,
        tell: Tell,
        stopping: Callable[[], bool],
        again: bool = True,
    ) -> None:
        """``extract``: None where there is no sandbox. ``tell`` is called often, from this thread.

        ``again``: try what failed for reasons of this machine, not of the file.
        """
        self._again = again
        self._root = root
        self._store = store
        self._extract = extract
        self._tell = tell
        self._stopping = stopping
        self._done = 0
        self._total = 0

    def run(self, plain_done: Callable[[], object]) -> None:
        """The whole pass; ``plain_done`` is called once all that needs no sandbox is in.

        Raises Stopped, sqlite3.Error, OSError where the folder cannot be looked at at all.
        """
        if not self._root.is_dir():
            raise NotADirectoryError(f"{self._root} is not a folder")
        known = self._store.known()
        files = {file.name: file for file in documents_in(self._root)}
        self._check()
        gone = [name for name in known if name not in files]
        if gone:
            self._store.remove(gone)
        wanted = sorted((file for file in files.values() if self._changed(file, known)), key=lambda file: file.name)
        self._total, self._done = len(files), len(files) - len(wanted)
        self._tell(Progress(self._done, self._total))
        plain = [file for file in wanted if file.kind == "text"]
        for batch in batches(plain, BATCH_FILES, BATCH_BYTES):
            self._keep([self._read_text(file) for file in batch], known)
        self._store.set_fact("complete", "yes")
        plain_done()
        for batch in batches([file for file in wanted if file.kind != "text"], PARSED_FILES, PARSED_BYTES):
            self._keep(self._parse(batch, known), known)

    def _changed(self, file: File, known: dict[str, Known]) -> bool:
        stored = known.get(file.name)
        if stored is None or (stored.size, stored.changed) != (file.size, file.changed):
            return True
        return self._again and stored.problem.startswith(RETRIED)

    def _read_text(self, file: File) -> Reading:
        content = self._content(file)
        if isinstance(content, Reading):
            return content
        text = as_text(content)
        digest = _digest(content)
        if text is None:
            return self._reading(file, digest, problem="it is not text")
        return self._reading(file, digest, text=text)

    def _parse(self, batch: Sequence[File], known: dict[str, Known]) -> list[Reading]:
        readings, raw = [], []
        for file in batch:
            content = self._content(file)
            if isinstance(content, Reading):
                readings.append(content)
            elif _same(known.get(file.name), _digest(content)):
                readings.append(self._reading(file, _digest(content)))
            else:
                raw.append((file, content))
        return readings + self._parsed(raw)

    def _parsed(self, raw: Sequence[tuple[File, bytes]]) -> list[Reading]:
        if not raw:
            return []
        if self._extract is None:
            return [self._reading(file, b"", problem=NO_SANDBOX) for file, _ in raw]
        kinds = [RawFile(kind="pdf" if file.kind == "pdf" else "html", content=content) for file, content in raw]
        found = self._extract(kinds)
        return [
            self._reading(file, _digest(content), text=one.text, title=one.title, problem=one.problem)
            for (file, content), one in zip(raw, found, strict=True)
        ]

    def _content(self, file: File) -> bytes | Reading:
        if file.size > LARGEST[file.kind]:
            return self._reading(file, b"", problem=f"it has more than {LARGEST[file.kind]} bytes")
        try:
            return read_bytes(self._root, file)
        except OSError as error:
            return self._reading(file, b"", problem=f"it cannot be read: {error.strerror or error}")

    def _reading(self, file: File, digest: bytes, *, text: str = "", title: str = "", problem: str = "") -> Reading:
        fresh = time.time_ns() - file.changed < FRESH_NANOSECONDS
        changed = 0 if fresh else file.changed
        return Reading(file, changed, digest, title=title, text=text, problem=problem[:300])

    def _keep(self, readings: Sequence[Reading], known: dict[str, Known]) -> None:
        self._check()
        same = [one for one in readings if _same(known.get(one.file.name), one.hash)]
        self._store.put([one for one in readings if not _same(known.get(one.file.name), one.hash)])
        if same:
            self._store.touch([(one.changed, known[one.file.name].id) for one in same])
        self._done += len(readings)
        self._tell(Progress(self._done, self._total))

    def _check(self) -> None:
        if self._stopping():
            raise Stopped


NO_SANDBOX = "HTML and PDF are read in the sandbox alone, and there is none"
RETRIED = (NO_SANDBOX, NOT_WORKING, STOPPED)
"""Beginnings of problems that may be over in the next session."""


def batches(files: Sequence[File], most: int, most_bytes: int) -> Iterator[list[File]]:
    """The files in order, at most so many and so many bytes together, each batch of at least one."""
    held: list[File] = []
    size = 0
    for file in files:
        if held and (len(held) >= most or size + file.size > most_bytes):
            yield held
            held, size = [], 0
        held.append(file)
        size += file.size
    if held:
        yield held


def broken(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged, so that only a new one helps."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError | sqlite3.IntegrityError | sqlite3.ProgrammingError
    )


def _same(stored: Known | None, digest: bytes) -> bool:
    return stored is not None and bool(digest) and stored.hash == digest and not stored.problem


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
