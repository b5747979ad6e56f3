"""The schema of the auction memory, as numbered steps that are only ever appended to.

sqlite-utils keeps the names of the applied steps in ``_sqlite_migrations``. A step, once released, never changes;
its name never changes either.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from sale_tui.errors import ConfigurationFault
from sale_tui.memory.database import writing

steps = Migrations("sale_tui")

USAGE = {
    "prompt_tokens": int,
    "cached_tokens": int,
    "output_tokens": int,
    "thinking_tokens": int,
    "seconds": float,
}
"""Columns of types.Usage."""

BILL = {
    "auction": str,
    "auction_dollars": float,
    "run_dollars": float,
    "always_largest_dollars": float,
    "auction_tokens": int,
    "run_tokens": int,
}
"""Columns of types.Bill."""


@steps()
def m0001_log(db: Database) -> None:
    """The log of events, and what is derived from it in typed rows."""
    _create_log(db)
    _create_bids(db)
    _create_decisions(db)


def _create_log(db: Database) -> None:
    db.table("events").create(
        {"auction": str, "seq": int, "at": float, "kind": str, "body": str}, pk=("auction", "seq"), strict=True
    )
    db.table("auctions").create(
        {
            "id": str, "task": str, "requested_kind": str, "kind": str, "kind_by": str, "pool": str, "version": str,
            "log_format": int, "weights": str, "scales": str, "thrift": float, "neighbours": int, "prompt_hashes": str,
            "sandbox": str, "started": float, "ended": float, "status": str, "error": str, "message": str,
            "writer": str,
        },
        pk="id", not_null={"id", "started", "status", "writer"}, strict=True,
    )  # fmt: skip
    db.table("auctions").create_index(["status"])
    db.table("agents").create(
        {
            "auction": str, "agent": str, "position": int, "price": float, "price_estimated": int, "model": str,
            "sha256": str, "bid_seed": int, "lost": str,
        },
        pk=("auction", "agent"), strict=True,
    )  # fmt: skip
    db.table("agents").create_index(["sha256", "auction"])


def _create_bids(db: Database) -> None:
    db.table("bids").create(
        {
            "auction": str, "agent": str, "round": str, "plan": str, "tokens": int, "entropy": float, "price": float,
            "recalled": str, **USAGE,
        },
        pk=("auction", "agent", "round"), strict=True,
    )  # fmt: skip
    db.table("failures").create(
        {"auction": str, "agent": str, "round": str, "role": str, "reason": str},
        pk=("auction", "agent", "round", "role"),
        strict=True,
    )
    db.table("marks").create(
        {
            "auction": str, "juror": str, "agent": str, "round": str, "mark": float, "expected": float, "mass": float,
            "probabilities": str, **USAGE,
        },
        pk=("auction", "juror", "agent", "round"), strict=True,
    )  # fmt: skip
    db.table("scorecards").create(
        {
            "auction": str, "agent": str, "round": str, "eligible": int, "cost": float, "value": float, "total": float,
            "terms": str, "imputed": str,
        },
        pk=("auction", "agent", "round"), strict=True,
    )  # fmt: skip


def _create_decisions(db: Database) -> None:
    db.table("awards").create(
        {
            "auction": str, "agent": str, "round": str, "by": str, "reason": str, "plan": str, "proposed_agent": str,
            "overruled": int,
        },
        pk="auction", strict=True,
    )  # fmt: skip
    db.table("runs").create(
        {
            "auction": str, "agent": str, "status": str, "answer": str, "reason": str, "steps": int, "sources": str,
            "workspace": str, **USAGE,
        },
        pk="auction", strict=True,
    )  # fmt: skip
    db.table("outcomes").create({"auction": str, "outcome": str, "by": str, "at": float}, pk="auction", strict=True)


@steps()
def m0002_vectors(db: Database) -> None:
    """Embeddings of the remembered tasks: one row an auction and embedder, little-endian float32."""
    # AUTOINCREMENT: a reader that knows rows up to an id must never meet that id again on another row.
    db.execute(
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY AUTOINCREMENT, auction TEXT NOT NULL, embedder TEXT NOT NULL,"
        " dim INTEGER NOT NULL, hash TEXT NOT NULL, vector BLOB NOT NULL CHECK (length(vector) = 4 * dim)) STRICT"
    )
    # Replacing fires the trigger too: sqlite-utils turns recursive triggers on.
    db.execute("CREATE TABLE vector_removals (count INTEGER NOT NULL) STRICT")
    db.execute("INSERT INTO vector_removals VALUES (0)")
    db.execute(
        "CREATE TRIGGER vector_removed AFTER DELETE ON vectors BEGIN UPDATE vector_removals SET count = count + 1; END"
    )
    db.table("vectors").create_index(["embedder", "auction"], unique=True)
    db.table("vectors").create_index(["embedder", "hash"])


@steps()
def m0003_bills(db: Database) -> None:
    """What each auction cost, taken from the logs that are already there."""
    db.table("bills").create(BILL, pk="auction", strict=True)
    fields = ", ".join(f"json_extract(body, '$.bill.{name}')" for name in BILL if name != "auction")
    query = f"SELECT auction, {fields} FROM events WHERE kind = 'bill_made' ORDER BY seq"  # noqa: S608  (our own names)
    db.execute(f"INSERT OR REPLACE INTO bills {query}")


def migrate(db: Database) -> None:
    """Bring a database to this version's schema; two processes may try at once.

    Raises ConfigurationFault for a database that a newer version has written.
    """
    names = [step.name for step in steps.pending(Database(memory=True, execute_plugins=False))]
    with writing(db):
        foreign = [step.name for step in steps.applied(db) if step.name not in names]
        if foreign:
            raise ConfigurationFault(
                f"the auction memory was written by a newer version of sale-tui (it has {', '.join(foreign)})",
                "update sale-tui, or set SALE_TUI_HOME to another folder",
            )
        steps.apply(db)
