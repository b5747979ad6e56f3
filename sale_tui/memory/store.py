"""The auction memory's database: every event as it happens, and the typed rows that are derived from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlite_utils import Database

from sale_tui.archive import Account, AuctionSummary, StoredAuction, Wanted
from sale_tui.errors import ConfigurationFault, SaleError
from sale_tui.events import AnyEvent, Event, OutcomeSet, decode, encode
from sale_tui.memory import reading
from sale_tui.memory.database import connect, writing
from sale_tui.memory.derive import as_json, derive
from sale_tui.memory.migrations import migrate
from sale_tui.memory.records import past_records
from sale_tui.memory.writers import Writer, is_alive
from sale_tui.paths import make_private
from sale_tui.types import AuctionRecord, Outcome

TABLES = (
    "events", "agents", "bids", "failures", "marks", "scorecards", "awards", "runs", "outcomes", "bills", "vectors",
    "auctions",
)  # fmt: skip
"""Every table that holds something of an auction."""


class AuctionStore:
    """One process's access to the database. Every method is one short transaction; any thread may call it.

    What ``write`` has returned from survives the process's death at any moment. Several processes may write at once.
    """

    def __init__(self, path: Path) -> None:
        """Open, create or migrate. Raises ConfigurationFault: not a database, not writable, or of a newer version."""
        self.path = path
        make_private(path.parent)
        self._writers = path.with_name(path.name + "-writers")
        self._writer = Writer(self._writers)
        self._lock = threading.RLock()
        self._begun: set[str] = set()
        self._db: Database = connect(path)
        try:
            migrate(self._db)
        except BaseException:
            self._db.close()
            raise

    def write(self, event: Event) -> None:
        """Store one event of an auction, and what follows from it, durably.

        Writing the very same event again changes nothing. Raises SaleError where another event has its place in the
        log already, or the disk refuses.
        """
        if not event.auction:
            raise SaleError(f"{type(event).__name__} belongs to no auction", "the session stamps events")
        with self._lock:
            with writing(self._db) as db:
                taken = db.execute(
                    "SELECT body FROM events WHERE auction = ? AND seq = ?", (event.auction, event.seq)
                ).fetchone()
                if taken is None:
                    self._begin(event)
                    self._append(event, encode(event))
                elif not _same(decode(taken[0]), event):
                    raise SaleError(
                        f"event {event.seq} of auction {event.auction} is in the log already", "a log is written once"
                    )
            self._begun.add(event.auction)

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        """Store whether the answer was right, as the user says, after the auction's session is over.

        The log gets an OutcomeSet event of its own unless its last one says the same. Raises ConfigurationFault for
        an unknown auction, or one that is still under way.
        """
        with self._lock, writing(self._db) as db:
            self._ended(auction)
            row = next(iter(db.query("SELECT max(seq) AS last FROM events WHERE auction = ?", [auction])))
            known = next(iter(db.query("SELECT outcome FROM outcomes WHERE auction = ?", [auction])), None)
            if (known["outcome"] if known else "unknown") == outcome:
                return
            event = OutcomeSet(auction=auction, seq=row["last"] + 1, at=time.time(), outcome=outcome, by="user")
            self._append(event, encode(event))

    def mark(self, prefix: str, outcome: Outcome) -> AuctionSummary:
        """The same for an id or a unique prefix, of an auction with an answer; its summary then.

        Raises ConfigurationFault, also where there is no answer that could be right or wrong.
        """
        head = self.get_head(prefix)
        if not head.answer:
            raise ConfigurationFault(f"auction {head.id} has no answer", "only an answer can be right or wrong")
        self.set_outcome(head.id, outcome)
        return self.get_head(head.id)

    def forget(self, auctions: Sequence[str]) -> int:
        """Remove auctions with every row that is theirs, overwritten on the disk; how many there were.

        What later auctions were shown of them stays in the logs of those. Raises ConfigurationFault for an unknown
        auction or one that is still under way; then all stay.
        """
        with self._lock:
            # Deleted pages would keep the text, and so would the log of what was written last.
            self._db.execute("PRAGMA secure_delete = ON")
            with writing(self._db) as db:
                wanted = as_json([self._ended(auction).id for auction in auctions])
                for table in TABLES:
                    column = "id" if table == "auctions" else "auction"
                    db.execute(
                        f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608  (our own names)
                        (wanted,),
                    )
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(set(auctions))

    def list_auctions(
        self, limit: int = 50, before: str | None = None, wanted: Wanted | None = None
    ) -> list[AuctionSummary]:
        """The newest auctions first; ``before`` is the id where the last page ended."""
        with self._lock:
            return self._summaries(reading.summaries(self._db, wanted or Wanted(), limit, before))

    def ids(self, wanted: Wanted | None = None) -> list[str]:
        """The ids of all auctions that are wanted, in no order."""
        with self._lock:
            return reading.ids(self._db, wanted or Wanted())

    def agents(self) -> list[str]:
        """Everybody who ever got an award, by name."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT DISTINCT agent FROM awards ORDER BY agent").fetchall()]

    def accounts(self) -> list[Account]:
        """What every auction cost, the oldest first."""
        with self._lock:
            return reading.accounts(self._db)

    def resolve(self, prefix: str) -> str:
        """The id that a unique prefix means. Raises ConfigurationFault."""
        with self._lock:
            return reading.resolve_id(self._db, prefix)

    def get_head(self, prefix: str) -> AuctionSummary:
        """The summary of an auction, by its id or a unique prefix. Raises ConfigurationFault."""
        with self._lock:
            return self.summaries_of([reading.resolve_id(self._db, prefix)])[0]

    def get_auction(self, prefix: str) -> StoredAuction:
        """Everything about an auction, by its id or a unique prefix. Raises ConfigurationFault."""
        with self._lock:
            return reading.stored_auction(self._db, self.get_head(prefix))

    def events(self, prefix: str) -> list[AnyEvent]:
        """The whole log of an auction. Raises ConfigurationFault."""
        with self._lock:
            return reading.events(self._db, reading.resolve_id(self._db, prefix))

    def record(self, prefix: str) -> AuctionRecord:
        """The public record of an auction, for ``rescore``. Raises ConfigurationFault."""
        return reading.record(self.get_auction(prefix))

    def past_records(self, limit: int, without: str = "") -> list[AuctionRecord]:
        """Records of the newest auctions that were judged and awarded, newest first, but for the one of that id."""
        with self._lock:
            return past_records(self._db, limit, without)

    def summaries_of(self, ids: list[str]) -> list[AuctionSummary]:
        """One summary an id, in that order; unknown ids are left out."""
        with self._lock:
            return self._summaries(reading.summaries_of(self._db, ids))

    def search_words(self, text: str, limit: int = 20, wanted: Wanted | None = None) -> list[AuctionSummary]:
        """Auctions whose task, plans or answer hold every word, newest first."""
        with self._lock:
            return self._summaries(reading.by_words(self._db, text, wanted or Wanted(), limit))

    def close(self) -> None:
        """Close the database; safe to call twice."""
        with self._lock:
            self._db.close()
            self._writer.close()

    def _ended(self, auction: str) -> AuctionSummary:
        heads = self.summaries_of([auction])
        if not heads:
            raise reading.unknown_auction(auction)
        if heads[0].status == "running":
            raise ConfigurationFault(f"auction {auction} is still under way", "wait for its end, or stop it")
        return heads[0]

    def _begin(self, event: Event) -> None:
        if event.auction in self._begun:
            return
        self._db.execute(
            "INSERT OR IGNORE INTO auctions (id, started, status, writer) VALUES (?, ?, 'running', ?)",
            (event.auction, event.at, self._writer.name()),
        )

    def _append(self, event: Event, body: str) -> None:
        kind = str(event.__struct_config__.tag)
        self._db.execute(
            "INSERT INTO events (auction, seq, at, kind, body) VALUES (?, ?, ?, ?, ?)",
            (event.auction, event.seq, event.at, kind, body),
        )
        derive(self._db, event)

    def _summaries(self, rows: list[dict[str, object]]) -> list[AuctionSummary]:
        return [
            reading.summary(row, row["status"] == "running" and is_alive(self._writers, str(row["writer"])))
            for row in rows
        ]


def _same(stored: Event, event: Event) -> bool:
    if isinstance(stored, OutcomeSet) and isinstance(event, OutcomeSet):
        return stored.outcome == event.outcome
    return stored == msgspec.json.decode(encode(event), type=type(event))
