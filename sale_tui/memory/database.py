"""Opening the SQLite file and writing to it in short transactions."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from sale_tui.errors import ConfigurationFault, SaleError

BUSY_MILLISECONDS = 10_000
"""How long a writer waits for another process's transaction; ours last milliseconds."""


def connect(path: Path) -> Database:
    """Open, or create, the database in WAL mode. Raises ConfigurationFault where that is impossible."""
    try:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000)
        database = Database(connection, execute_plugins=False)
        if database.journal_mode != "wal":
            _become_wal(database, path)
        # WAL with NORMAL: a killed process loses nothing that was committed; a power cut may lose the last moments.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationFault(
            f"the auction memory {path} cannot be opened: {error}",
            "move the file away to start a new memory, or set SALE_TUI_HOME to a folder that you may write",
        ) from error
    return database


def _become_wal(database: Database, path: Path) -> None:
    """SQLite does not wait when two processes make one new file WAL at once, so they take turns here."""
    with path.with_name(path.name + "-lock").open("wb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        database.enable_wal()


@contextmanager
def writing(database: Database) -> Iterator[Database]:
    """One transaction that holds the write lock from its start, so that it never has to be tried again.

    Raises SaleError where the database cannot be written (disk full, locked for too long, read-only).
    """
    try:
        database.conn.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.conn.execute("COMMIT")
        except BaseException:
            database.rollback()
            raise
    except (sqlite3.Error, OSError) as error:
        raise SaleError(
            f"the auction memory cannot be written: {error}",
            "free some disk space, or end other programs that hold the file",
        ) from error
