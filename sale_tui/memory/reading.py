"""The queries of the auction memory."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlite_utils import Database

from sale_tui.archive import (
    Account,
    AuctionSummary,
    StoredAuction,
    StoredAward,
    StoredBid,
    StoredFailure,
    StoredMark,
    StoredRun,
    Wanted,
)
from sale_tui.errors import ConfigurationFault
from sale_tui.events import AgentEntry, AnyEvent, decode
from sale_tui.types import AuctionRecord, Award, Bid, Bill, Scales, Scorecard, Task, Usage, Weights

RECORD_FORMAT = 1
"""Version of types.AuctionRecord."""

_SUMMARY = """
SELECT auctions.id, auctions.task, kind, pool, started, ended, auctions.status, auctions.writer, awards.agent,
       awards."by", coalesce(awards.overruled, 0) AS overruled, runs.answer,
       coalesce(outcomes.outcome, 'unknown') AS outcome
FROM auctions LEFT JOIN awards ON awards.auction = id LEFT JOIN runs ON runs.auction = id
     LEFT JOIN outcomes ON outcomes.auction = id
"""

_AMONG = "WHERE auctions.id IN (SELECT value FROM json_each(?))"

_WANTED = "(:kind IS NULL OR kind = :kind) AND (:agent IS NULL OR awards.agent = :agent)"

_PAGE = f"WHERE (:before IS NULL OR id < :before) AND {_WANTED} ORDER BY id DESC LIMIT :limit"

_IDS = f"SELECT id FROM auctions LEFT JOIN awards ON awards.auction = id WHERE {_WANTED}"  # noqa: S608  (our own text)

_BILL = Bill.__struct_fields__

_ACCOUNTS = f"""
SELECT id, awards.agent, coalesce(outcomes.outcome, 'unknown'), ended - started, bills.auction,
       {", ".join(f"bills.{name}" for name in _BILL)}
FROM auctions LEFT JOIN awards ON awards.auction = id LEFT JOIN bills ON bills.auction = id
     LEFT JOIN outcomes ON outcomes.auction = id
ORDER BY id
"""  # noqa: S608  (our own names)

_HOLDS_EVERY_WORD = """
WHERE NOT EXISTS (
    SELECT 1 FROM json_each(:words) AS word
    WHERE coalesce(auctions.task, '') NOT LIKE word.value ESCAPE '\\'
      AND coalesce(runs.answer, '') NOT LIKE word.value ESCAPE '\\'
      AND NOT EXISTS (SELECT 1 FROM bids WHERE bids.auction = auctions.id AND bids.plan LIKE word.value ESCAPE '\\')
)
"""

_IN_ORDER = (
    " LEFT JOIN agents ON agents.auction = t.auction AND agents.agent = t.agent"
    " WHERE t.auction = ? ORDER BY round, position, t.agent"
)
"""First before refined, then as in the pool."""

T = TypeVar("T")


def resolve_id(db: Database, prefix: str) -> str:
    """The id that a unique prefix means. Raises ConfigurationFault where none or several start so."""
    wanted = prefix.strip().lower()
    found = [
        row["id"]
        for row in db.query(
            "SELECT id FROM auctions WHERE substr(id, 1, ?) = ? ORDER BY id != ?, id LIMIT 6",
            [len(wanted), wanted, wanted],
        )
    ]
    if wanted and found and (len(found) == 1 or found[0] == wanted):
        return str(found[0])
    if wanted and found:
        raise ConfigurationFault(f"several auctions start with {prefix!r}", f"among them: {', '.join(found[:5])}")
    raise unknown_auction(prefix)


def unknown_auction(name: str) -> ConfigurationFault:
    """The error for an id that is not in the memory."""
    return ConfigurationFault(f"there is no auction {name!r} in the memory", "see `sale-tui memory list` for the ids")


def summaries(db: Database, wanted: Wanted, limit: int, before: str | None) -> list[dict[str, Any]]:
    """Rows of AuctionSummary and their writer, newest first, of ids that sort before ``before``."""
    query = _SUMMARY + _PAGE
    return list(db.query(query, {**msgspec.structs.asdict(wanted), "before": before, "limit": limit}))


def ids(db: Database, wanted: Wanted) -> list[str]:
    """The ids of all auctions that are wanted."""
    return [row[0] for row in db.execute(_IDS, msgspec.structs.asdict(wanted)).fetchall()]


def accounts(db: Database) -> list[Account]:
    """What every auction cost, the oldest first."""
    return [
        Account(
            id=name,
            agent=agent,
            outcome=outcome,
            seconds=seconds,
            bill=None if billed is None else Bill(**dict(zip(_BILL, bill, strict=True))),
        )
        for name, agent, outcome, seconds, billed, *bill in db.execute(_ACCOUNTS).fetchall()
    ]


def summaries_of(db: Database, ids: list[str]) -> list[dict[str, Any]]:
    """Rows of AuctionSummary in the order of ``ids``; unknown ones are left out."""
    query = _SUMMARY + _AMONG
    rows = {row["id"]: row for row in db.query(query, [_json(ids)])}
    return [rows[name] for name in ids if name in rows]


def by_words(db: Database, text: str, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Rows of AuctionSummary whose task, plans or answer hold every word, newest first."""
    words = text.split()
    if not words:
        return []
    held = _json([f"%{_escaped(word)}%" for word in words])
    values = {**msgspec.structs.asdict(wanted), "words": held, "limit": limit}
    return list(db.query(f"{_SUMMARY}{_HOLDS_EVERY_WORD} AND {_WANTED} ORDER BY id DESC LIMIT :limit", values))


def summary(row: dict[str, Any], alive: bool) -> AuctionSummary:
    """The value of one row; an auction whose log has no end is interrupted once its writer is gone."""
    status = row["status"] if row["status"] != "running" or alive else "interrupted"
    return AuctionSummary(
        **{
            key: value
            for key, value in row.items()
            if key not in {"writer", "status", "overruled", "task"}
        },
        status=status,
        overruled=bool(row["overruled"]),
        task=row["task"] or "",
    )  # fmt: skip


def events(db: Database, auction: str) -> list[AnyEvent]:
    """The whole log of one auction, in order."""
    return [
        decode(row["body"]) for row in db.query("SELECT body FROM events WHERE auction = ? ORDER BY seq", [auction])
    ]


def stored_auction(db: Database, head: AuctionSummary) -> StoredAuction:
    """Everything about one auction."""
    row = next(iter(db.query("SELECT * FROM auctions WHERE id = ?", [head.id])))
    award, run, bill = (_one(db, table, head.id) for table in ("awards", "runs", "bills"))
    return StoredAuction(
        summary=head,
        task=Task(text=row["task"], kind=row["kind"]) if row["task"] is not None and row["kind"] is not None else None,
        requested_kind=row["requested_kind"],
        kind_by=row["kind_by"],
        version=row["version"],
        sandbox=row["sandbox"],
        weights=_parsed(row["weights"], Weights),
        scales=_parsed(row["scales"], Scales),
        error=row["error"],
        message=row["message"],
        agents=tuple(_agents(db, head.id)),
        bids=tuple(bids(db, head.id)),
        marks=tuple(_marks(db, head.id)),
        failures=tuple(
            msgspec.convert(entry, StoredFailure)
            for entry in db.query("SELECT agent, round, role, reason FROM failures WHERE auction = ?", [head.id])
        ),
        scorecards=tuple(_scorecards(db, head.id)),
        award=msgspec.convert({**award, "overruled": bool(award["overruled"])}, StoredAward) if award else None,
        run=_run(run) if run else None,
        bill=msgspec.convert({key: value for key, value in bill.items() if key != "auction"}, Bill) if bill else None,
        outcome=head.outcome,
        events=tuple(events(db, head.id)),
    )


def record(stored: StoredAuction) -> AuctionRecord:
    """The public record of an auction. Raises ConfigurationFault where its log stops before the header or the task."""
    if stored.weights is None or stored.scales is None or stored.task is None:
        raise ConfigurationFault(
            f"the log of auction {stored.summary.id} stops before its first bid",
            "only an auction with bids can be scored again",
        )
    marks: dict[tuple[str, str], dict[str, float]] = {}
    for mark in stored.marks:
        if mark.mark is not None:
            marks.setdefault((mark.agent, mark.round), {})[mark.juror] = mark.mark
    award = stored.award
    return AuctionRecord(
        format=RECORD_FORMAT,
        task=stored.task,
        weights=stored.weights,
        scales=stored.scales,
        bids=tuple(
            Bid(
                agent=bid.agent,
                price=bid.price,
                round=bid.round,
                plan=bid.plan,
                tokens=bid.tokens,
                entropy=bid.entropy,
                marks=marks.get((bid.agent, bid.round), {}),
                recalled=bid.recalled,
            )
            for bid in stored.bids
        ),
        award=Award(agent=award.agent, round=award.round, by=award.by, reason=award.reason) if award else None,
    )


def bids(db: Database, auction: str) -> list[StoredBid]:
    """The plans of one auction with the model files that wrote them."""
    rows = db.query("SELECT t.*, coalesce(sha256, '') AS sha256 FROM bids t" + _IN_ORDER, [auction])  # noqa: S608  (our own text)
    return [
        msgspec.convert({**row, "recalled": msgspec.json.decode(row["recalled"]), "usage": _usage(row)}, StoredBid)
        for row in rows
    ]


def _agents(db: Database, auction: str) -> list[AgentEntry]:
    rows = db.query("SELECT * FROM agents WHERE auction = ? ORDER BY position", [auction])
    return [
        msgspec.convert({**row, "name": row["agent"], "price_estimated": bool(row["price_estimated"])}, AgentEntry)
        for row in rows
    ]


def _marks(db: Database, auction: str) -> list[StoredMark]:
    rows = db.query(
        "SELECT t.* FROM marks t LEFT JOIN agents ON agents.auction = t.auction AND agents.agent = t.juror"
        " WHERE t.auction = ? ORDER BY round, t.agent, position, juror",
        [auction],
    )
    return [
        msgspec.convert(
            {**row, "probabilities": msgspec.json.decode(row["probabilities"]), "usage": _usage(row)}, StoredMark
        )
        for row in rows
    ]


def _scorecards(db: Database, auction: str) -> list[Scorecard]:
    columns = "SELECT t.agent, t.round, eligible, cost, value, total, terms, imputed FROM scorecards t"
    rows = db.query(columns + _IN_ORDER, [auction])
    return [
        msgspec.convert(
            {
                **row,
                "eligible": bool(row["eligible"]),
                "terms": msgspec.json.decode(row["terms"]),
                "imputed": msgspec.json.decode(row["imputed"]),
            },
            Scorecard,
        )
        for row in rows
    ]


def _run(row: dict[str, Any]) -> StoredRun:
    sources = msgspec.json.decode(row["sources"]) if row["sources"] else ()
    return msgspec.convert({**row, "sources": sources, "usage": _usage(row)}, StoredRun)


def _usage(row: dict[str, Any]) -> Usage:
    return Usage(**{field.name: row[field.name] or 0 for field in msgspec.structs.fields(Usage)})


def _one(db: Database, table: str, auction: str) -> dict[str, Any] | None:
    return next(iter(db.table(table).rows_where("auction = ?", [auction])), None)


def _parsed(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else msgspec.json.decode(text, type=kind)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
