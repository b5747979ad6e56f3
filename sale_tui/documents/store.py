"""The index of one folder: an SQLite file of documents, their passages (FTS5) and the passages' vectors.

It lies in the cache folder: whatever goes wrong with it, it is made again. One process writes at a time, many read.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from sale_tui.documents.files import File
from sale_tui.documents.passages import passages_of, title_of

VERSION = 1
BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    hash BLOB NOT NULL, title TEXT NOT NULL, text BLOB NOT NULL, problem TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, place INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_document ON passage (document);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (title, text, tokenize = "unicode61 remove_diacritics 2");
CREATE TABLE IF NOT EXISTS vector (
    id INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL UNIQUE, value BLOB NOT NULL
);
"""


class Known(msgspec.Struct, frozen=True):
    """What is stored of a file, to see whether it has changed."""

    id: int
    size: int
    changed: int
    hash: bytes
    problem: str


class Reading(msgspec.Struct, frozen=True):
    """A file with what was read in it."""

    file: File
    changed: int
    """What to store as its time: 0 where it is so fresh that it could change again unseen."""
    hash: bytes
    title: str = ""
    text: str = ""
    problem: str = ""


class Busy(Exception):
    """Another process is at it."""


class Store:
    """One index file. Any thread may call it."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it. Raises sqlite3.Error, OSError."""
        self.path = path
        self._lock = threading.RLock()
        self._db = self._open()

    def facts(self) -> dict[str, str]:
        """Small things to remember."""
        with self._lock:
            return dict(self._db.execute("SELECT name, value FROM fact"))

    def set_fact(self, name: str, value: str) -> None:
        """Remember one."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def known(self) -> dict[str, Known]:
        """Every file that has been read, by name."""
        with self._lock:
            rows = self._db.execute("SELECT name, id, size, changed, hash, problem FROM document")
            return {name: Known(*rest) for name, *rest in rows}

    def counts(self) -> tuple[int, int]:
        """Documents that can be searched, and files that cannot be."""
        with self._lock:
            good, bad = self._db.execute(
                "SELECT count(*) FILTER (WHERE problem = ''), count(*) FILTER (WHERE problem != '') FROM document"
            ).fetchone()
        return int(good), int(bad)

    def problems(self, limit: int) -> list[tuple[str, str]]:
        """Some files that cannot be searched, with the reason."""
        with self._lock:
            return self._db.execute(
                "SELECT name, problem FROM document WHERE problem != '' ORDER BY name LIMIT ?", (limit,)
            ).fetchall()

    def touch(self, times: Sequence[tuple[int, int]]) -> None:
        """Store the new (time, id) of files whose content is the same."""
        with self._writing() as db:
            db.executemany("UPDATE document SET changed = ? WHERE id = ?", times)

    def put(self, readings: Sequence[Reading]) -> None:
        """Store these in place of what was known of the same names, in one transaction."""
        with self._writing() as db:
            self._remove(db, [reading.file.name for reading in readings])
            for reading in readings:
                self._add(db, reading)

    def remove(self, names: Sequence[str]) -> None:
        """Forget these files."""
        with self._writing() as db:
            self._remove(db, names)

    def match(self, query: str, limit: int) -> list[int]:
        """Passages that an FTS5 query finds, best first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 4.0, 1.0), rowid LIMIT ?",
                (query, limit),
            )
            return [int(row[0]) for row in rows]

    def passages(self, ids: Sequence[int]) -> dict[int, tuple[str, str, str]]:
        """Name, title and text of passages; those that are gone are left out."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT passage.id, document.name, document.title, words.text FROM passage"  # noqa: S608 - marks only
                f" JOIN document ON document.id = passage.document JOIN words ON words.rowid = passage.id"
                f" WHERE passage.id IN ({','.join('?' * len(ids))})",
                tuple(ids),
            )
            return {int(key): (name, title, text) for key, name, title, text in rows}

    def document(self, name: str) -> tuple[str, str] | None:
        """Title and text of one document."""
        with self._lock:
            row = self._db.execute(
                "SELECT title, text FROM document WHERE name = ? AND problem = ''", (name,)
            ).fetchone()
        return None if row is None else (row[0], zlib.decompress(row[1]).decode("utf-8", "replace"))

    def names(self) -> list[str]:
        """Of all documents that can be opened."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT name FROM document WHERE problem = ''")]

    def without_vector(self, limit: int) -> list[tuple[int, str]]:
        """Passages that have no vector yet, the beginnings of documents first."""
        with self._lock:
            return self._db.execute(
                "SELECT passage.id, words.title || char(10) || words.text FROM passage"
                " JOIN words ON words.rowid = passage.id LEFT JOIN vector ON vector.passage = passage.id"
                " WHERE vector.id IS NULL ORDER BY passage.place, passage.id LIMIT ?",
                (limit,),
            ).fetchall()

    def add_vectors(self, vectors: Sequence[tuple[int, bytes]]) -> None:
        """Store vectors of passages; of those that are gone meanwhile none is kept."""
        with self._writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO vector (passage, value) SELECT ?, ? WHERE EXISTS"
                " (SELECT 1 FROM passage WHERE id = ?)",
                [(passage, value, passage) for passage, value in vectors],
            )

    def drop_vectors(self) -> None:
        """Forget all: they are of another embedder."""
        with self._writing() as db:
            db.execute("DELETE FROM vector")
            self._count_removal(db)

    def vectors_after(self, last: int, limit: int = -1) -> list[tuple[int, int, bytes]]:
        """(id, passage, vector) of those that were stored later than ``last``; all of them by default."""
        with self._lock:
            return self._db.execute(
                "SELECT id, passage, value FROM vector WHERE id > ? ORDER BY id LIMIT ?", (last, limit)
            ).fetchall()

    @contextmanager
    def turn(self, what: str) -> Iterator[None]:
        """Be the only process at some work on this folder. Raises Busy where another one is."""
        with self.path.with_name(f"{self.path.stem}.{what}.lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(what) from None
            yield

    def start_over(self) -> None:
        """Make an empty file in place of a broken one. Raises sqlite3.Error, OSError."""
        with self._lock:
            self._db.close()
            discard(self.path)
            self._db = self._open()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            self._db.close()

    def _open(self) -> sqlite3.Connection:
        # SQLite does not wait when two processes make one new file WAL at once, so they take turns here.
        with self.path.with_name(f"{self.path.stem}.open.lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                    raise
                discard(self.path)
                return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(_SCHEMA)
            version = db.execute("SELECT value FROM fact WHERE name = 'version'").fetchone()
            if version is None:
                db.execute("INSERT OR IGNORE INTO fact VALUES ('version', ?)", (str(VERSION),))
            elif version[0] != str(VERSION):
                raise sqlite3.DatabaseError(f"an index of version {version[0]}")
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def _add(self, db: sqlite3.Connection, reading: Reading) -> None:
        file = reading.file
        title = reading.title or title_of(file.name, reading.text)
        packed = zlib.compress(reading.text.strip().encode("utf-8", "replace"), 1)
        document = db.execute(
            "INSERT INTO document (name, size, changed, hash, title, text, problem) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (file.name, file.size, reading.changed, reading.hash, title, packed, reading.problem),
        ).lastrowid
        if reading.problem:
            return
        heading = title if title in file.name else f"{title} {file.name}"
        for place, passage in enumerate(passages_of(reading.text) or [""]):
            key = db.execute("INSERT INTO passage (document, place) VALUES (?, ?)", (document, place)).lastrowid
            db.execute("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)", (key, heading, passage))

    def _remove(self, db: sqlite3.Connection, names: Sequence[str]) -> None:
        removed = False
        for name in names:
            row = db.execute("SELECT id FROM document WHERE name = ?", (name,)).fetchone()
            if row is None:
                continue
            removed = True
            of_it = "(SELECT id FROM passage WHERE document = ?)"
            db.execute(f"DELETE FROM words WHERE rowid IN {of_it}", row)  # noqa: S608 - a constant
            db.execute(f"DELETE FROM vector WHERE passage IN {of_it}", row)  # noqa: S608 - a constant
            db.execute("DELETE FROM passage WHERE document = ?", row)
            db.execute("DELETE FROM document WHERE id = ?", row)
        if removed:
            self._count_removal(db)

    @staticmethod
    def _count_removal(db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT INTO fact VALUES ('removals', '1')"
            " ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)"
        )


def discard(path: Path) -> None:
    """Remove an index file with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
