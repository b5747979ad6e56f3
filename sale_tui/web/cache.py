"""Answers of the web that need not be asked for again for a while, in one SQLite file of the cache folder."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

MAX_ENTRIES = 2000
BUSY_SECONDS = 5.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, until REAL NOT NULL, value BLOB NOT NULL)"


class WebCache:
    """Bytes by key, each until its time is over. Any thread may call it; a broken file only costs what it held."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """``path``: the file, made where it is missing; ``now``: Unix seconds."""
        self._path = path
        self._now = now
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """What is kept under a key, if its time is not over."""
        with suppress(sqlite3.Error), self._lock, closing(self._open()) as db:
            row = db.execute("SELECT value FROM answer WHERE key = ? AND until > ?", (key, self._now())).fetchone()
            return None if row is None else bytes(row[0])
        return None

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep it for so long; where the disk refuses it is not kept."""
        try:
            self._put(key, value, seconds)
        except sqlite3.OperationalError:
            # The disk is full, or another process takes its time: the file itself is sound.
            return
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            with suppress(sqlite3.Error):
                self._put(key, value, seconds)

    def _put(self, key: str, value: bytes, seconds: float) -> None:
        now = self._now()
        with self._lock, closing(self._open()) as db, db:
            db.execute("DELETE FROM answer WHERE until <= ?", (now,))
            db.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", (key, now + seconds, value))
            db.execute(
                "DELETE FROM answer WHERE key IN (SELECT key FROM answer ORDER BY until DESC LIMIT -1 OFFSET ?)",
                (MAX_ENTRIES,),
            )

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        db.execute(_SCHEMA)
        return db
