"""The public records of many auctions at once, in three queries: no log is read."""

from __future__ import annotations

import msgspec
from sqlite_utils import Database

from sale_tui.memory.reading import RECORD_FORMAT
from sale_tui.types import AuctionRecord, Award, Bid, Scales, Task, Weights

_AUCTIONS = """
SELECT id, task, kind, weights, scales, awards.agent, awards.round, awards."by", awards.reason
FROM auctions JOIN awards ON awards.auction = id
WHERE weights IS NOT NULL AND scales IS NOT NULL AND task IS NOT NULL AND kind IS NOT NULL AND id != :without
      AND EXISTS (SELECT 1 FROM marks WHERE marks.auction = id AND mark IS NOT NULL)
ORDER BY id DESC LIMIT :limit
"""
_BIDS = """
SELECT auction, agent, round, plan, tokens, entropy, price, recalled FROM bids
WHERE auction IN (SELECT value FROM json_each(?)) ORDER BY round, agent
"""
_MARKS = """
SELECT auction, agent, round, juror, mark FROM marks
WHERE auction IN (SELECT value FROM json_each(?)) AND mark IS NOT NULL ORDER BY juror
"""

Place = tuple[str, str, str]
"""Auction, agent, round."""


def past_records(db: Database, limit: int, without: str = "") -> list[AuctionRecord]:
    """Records of the newest auctions that were judged and awarded, newest first, but for the one of that id."""
    heads = list(db.query(_AUCTIONS, {"limit": limit, "without": without}))
    ids = [msgspec.json.encode([head["id"] for head in heads]).decode()]
    marks: dict[Place, dict[str, float]] = {}
    for row in db.query(_MARKS, ids):
        marks.setdefault((row["auction"], row["agent"], row["round"]), {})[row["juror"]] = row["mark"]
    bids: dict[str, list[Bid]] = {}
    for row in db.query(_BIDS, ids):
        given = marks.get((row["auction"], row["agent"], row["round"]), {})
        bids.setdefault(row["auction"], []).append(
            Bid(
                agent=row["agent"],
                price=row["price"],
                round=row["round"],
                plan=row["plan"],
                tokens=row["tokens"],
                entropy=row["entropy"],
                marks=given,
                recalled=msgspec.json.decode(row["recalled"], type=tuple[str, ...]),
            )
        )
    return [
        AuctionRecord(
            format=RECORD_FORMAT,
            task=Task(text=head["task"], kind=head["kind"]),
            weights=msgspec.json.decode(head["weights"], type=Weights),
            scales=msgspec.json.decode(head["scales"], type=Scales),
            bids=tuple(bids.get(head["id"], ())),
            award=Award(agent=head["agent"], round=head["round"], by=head["by"], reason=head["reason"]),
        )
        for head in heads
    ]
