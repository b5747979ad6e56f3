"""Auctions made of bids and weights: the events that the engine tells, scored by the real rules."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sale_tui.auction.award import choose_bids
from sale_tui.auction.explanation import explain
from sale_tui.auction.rescore import award_of
from sale_tui.auction.scoring import score_bids
from sale_tui.events import (
    AgentEntry,
    AnyEvent,
    AwardProposed,
    BidFailed,
    BidPlaced,
    KindChosen,
    LogStarted,
    MarkGiven,
    ProvisionalChosen,
    TaskReceived,
)
from sale_tui.types import Bid, Round, Scales, Usage, Weights

PRICES = {"ash": 0.05, "birch": 0.09, "cedar": 0.16, "elm": 0.36}
JURY = dict.fromkeys(PRICES, 0.2)
WEIGHTS = Weights(cost=1.0, entropy=0.2, jury=JURY)
NOTHING = Weights(cost=0.0, entropy=0.0, jury=dict.fromkeys(PRICES, 0.0))


def bid(agent: str, marks: Sequence[float | None], tokens: int = 40, round_: Round = "first") -> Bid:
    """``marks`` by ash, birch, cedar, elm; None where a juror gives none."""
    given = {juror: mark for juror, mark in zip(PRICES, marks, strict=True) if mark is not None}
    return Bid(
        agent=agent, price=PRICES[agent], round=round_, plan="Look it up.", tokens=tokens, entropy=0.5, marks=given
    )


def auction(bids: Sequence[Bid], weights: Weights = WEIGHTS, failed: str = "") -> list[AnyEvent]:
    """Up to the proposed award. ``failed``: an agent that placed no bid."""
    scales = Scales(cost=60.0, entropy=0.6)
    prices = PRICES | {each.agent: each.price for each in bids}
    entries = tuple(
        AgentEntry(name=name, price=price, price_estimated=False, model=f"{name}.gguf", sha256="", bid_seed=0)
        for name, price in prices.items()
    )
    events: list[AnyEvent] = [
        LogStarted(
            format=1, version="0.1.0", pool="trees", agents=entries, weights=weights, scales=scales, thrift=1.0,
            neighbours=4, prompt_hashes={}, sandbox="full", auction="0001",
        ),
        TaskReceived(text="a task", requested_kind="coding"),
        KindChosen(kind="coding", by="user"),
    ]  # fmt: skip
    if failed:
        events.append(BidFailed(agent=failed, round="first", reason="wrote nothing (2 attempts)"))
    for each in bids:
        events.append(
            BidPlaced(
                agent=each.agent, round=each.round, plan=each.plan, tokens=each.tokens, entropy=each.entropy,
                price=each.price, recalled=(), usage=Usage(),
            )
        )  # fmt: skip
        events += [marked(each, juror, mark) for juror, mark in each.marks.items()]
    cards = score_bids(bids, weights, scales)
    choice = choose_bids(bids, cards)
    provisional = choice.provisional
    events += [
        ProvisionalChosen(agent=provisional.agent, total=provisional.total, challengers=()),
        AwardProposed(
            award=award_of(choice),
            scorecards=cards,
            explanation=explain(bids, weights, scales),
            deadline_seconds=8.0,
        ),
    ]
    return [msgspec.structs.replace(event, seq=n, at=1000.0 + n) for n, event in enumerate(events)]


def marked(each: Bid, juror: str, mark: float | None) -> MarkGiven:
    """A juror's mark of a bid; None where it was too unsure."""
    return MarkGiven(
        juror=juror, agent=each.agent, round=each.round, mark=mark, expected=mark or 0.0,
        probabilities=(0.1, 0.1, 0.1, 0.1, 0.1, 0.5), mass=0.9 if mark is not None else 0.2, usage=Usage(),
    )  # fmt: skip


LEADING = (
    bid("ash", (2.0, 1.0, 1.5, 1.0)),
    bid("birch", (3.0, 2.5, 3.0, 2.0)),
    bid("cedar", (4.0, 4.5, 4.0, 4.0)),
    bid("elm", (4.0, 4.0, 4.0, 5.0)),
)
"""Cedar's is the least total."""
EVEN = tuple(bid(agent, (3.0, 3.0, 3.0, 3.0), tokens=0) for agent in PRICES)
"""All totals are equal."""
