"""The auction as the board shows it: per bidder what it wrote, what it was given for it, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from sale_tui.events import (
    AgentLost,
    AgentReady,
    AwardDecided,
    AwardProposed,
    BidDelta,
    BidFailed,
    BidPlaced,
    BidsScored,
    BidStarted,
    CountdownHeld,
    Event,
    JurorFailed,
    LogStarted,
    MarkGiven,
    ProvisionalChosen,
    Recalled,
    RefinementSkipped,
)
from sale_tui.tui.state_text import Streamed
from sale_tui.types import Award, ContrastPair, Explanation, ModelFacts, Round, Scorecard, Usage

Status = Literal["waiting", "loading", "bidding", "placed", "judged", "refining", "failed", "won"]


class Offer(msgspec.Struct, frozen=True):
    """One plan with its numbers as they fill in."""

    plan: Streamed
    placed: bool = False
    tokens: int = 0
    entropy: float | None = None
    marks: Mapping[str, float | None] | None = None
    """Juror to mark; None where the reading was too uncertain. Never changed in place."""
    card: Scorecard | None = None
    failed: str = ""
    """Why it dropped out; empty where it did not."""
    usage: Usage = msgspec.field(default_factory=Usage)

    @property
    def given(self) -> dict[str, float]:
        """The marks that count."""
        return {juror: mark for juror, mark in (self.marks or {}).items() if mark is not None}

    @property
    def mean_mark(self) -> float | None:
        """Of the marks that count."""
        given = self.given
        return sum(given.values()) / len(given) if given else None

    @property
    def total(self) -> float | None:
        """None until it is scored, or where it is not eligible."""
        return self.card.total if self.card else None


class Bidder(msgspec.Struct, frozen=True):
    """One agent on the board."""

    name: str
    price: float
    price_estimated: bool = False
    status: Status = "waiting"
    facts: ModelFacts | None = None
    first: Offer | None = None
    refined: Offer | None = None
    recalled: tuple[ContrastPair, ...] = ()
    skipped: str = ""
    """Why it did not refine."""
    reason: str = ""
    """Why it failed, with the cure where there is one."""
    silent: str = ""
    """Why it gave no marks."""

    @property
    def best(self) -> Offer | None:
        """The offer that an override takes: the lower total, else the refined one."""
        offers = [offer for offer in (self.refined, self.first) if offer is not None and offer.placed]
        return min(offers, key=lambda offer: (offer.total is None, offer.total or 0.0), default=None)


class Proposal(msgspec.Struct, frozen=True):
    """The proposed award and its countdown, on the clock of the events."""

    award: Award
    explanation: Explanation
    seconds: float
    """Left at ``since``."""
    since: float
    whole: float
    """Seconds that the countdown had at its beginning."""
    held: bool = False

    def left(self, now: float) -> float:
        """Seconds until it is accepted."""
        return self.seconds if self.held else max(0.0, self.seconds - (now - self.since))

    def turned(self, held: bool, at: float) -> Proposal:
        """Held, or let go on, at a time."""
        return replace(self, held=held, seconds=self.left(at), since=at)


class Board(msgspec.Struct, frozen=True):
    """The whole auction."""

    bidders: tuple[Bidder, ...] = ()
    """In the order of the pool: cheapest first."""
    provisional: str = ""
    challengers: tuple[str, ...] = ()
    proposal: Proposal | None = None
    decision: AwardDecided | None = None

    def find(self, name: str) -> Bidder | None:
        """The bidder of that name."""
        return next((bidder for bidder in self.bidders if bidder.name == name), None)

    @property
    def open(self) -> bool:
        """Whether the award can be overruled now."""
        return self.proposal is not None and self.decision is None


def apply_board(board: Board, event: Event) -> Board:
    """The board after an event; those that do not concern it return it unchanged."""
    match event:
        case LogStarted():
            return _opened(board, event)
        case BidDelta() | BidStarted() | BidPlaced() | BidFailed() | MarkGiven():
            return _with(board, event.agent, _bid(board.find(event.agent), event))
        case BidsScored():
            return _scored(board, event.scorecards)
        case AgentReady() | AgentLost() | JurorFailed() | Recalled() | RefinementSkipped():
            name = event.juror if isinstance(event, JurorFailed) else event.agent
            return _with(board, name, _standing(board.find(name), event))
        case ProvisionalChosen() | AwardProposed() | CountdownHeld() | AwardDecided():
            return _awarding(board, event)
        case _:
            return board


def _opened(board: Board, event: LogStarted) -> Board:
    known = {bidder.name: bidder.facts for bidder in board.bidders}
    return Board(
        bidders=tuple(
            Bidder(entry.name, entry.price, entry.price_estimated, "waiting", known.get(entry.name))
            for entry in event.agents
        )
    )


def _with(board: Board, name: str, changed: Bidder | None) -> Board:
    if changed is None:
        return board
    return replace(board, bidders=tuple(changed if bidder.name == name else bidder for bidder in board.bidders))


def _bid(bidder: Bidder | None, event: Event) -> Bidder | None:
    if bidder is None:
        return None
    match event:
        case BidStarted():
            status: Status = "bidding" if event.round == "first" else "refining"
            return replace(_offering(bidder, event.round, Offer(Streamed())), status=status)
        case BidDelta():
            offer = _offer(bidder, event.round)
            grown = replace(offer, plan=offer.plan.add(event.text), tokens=event.tokens, entropy=event.entropy)
            return _offering(bidder, event.round, grown)
        case BidPlaced():
            offer = Offer(Streamed.of(event.plan), True, event.tokens, event.entropy, usage=event.usage)
            return replace(_offering(bidder, event.round, offer), status="placed")
        case BidFailed():
            offer = replace(_offer(bidder, event.round), failed=event.reason, usage=event.usage)
            failed = _offering(bidder, event.round, offer)
            if event.round == "refined":
                return replace(failed, status="judged")
            return replace(failed, status="failed", reason=event.reason)
        case MarkGiven():
            offer = _offer(bidder, event.round)
            marks = {**(offer.marks or {}), event.juror: event.mark}
            return replace(_offering(bidder, event.round, replace(offer, marks=marks)), status="judged")
        case _:
            return bidder


def _offer(bidder: Bidder, round_: Round) -> Offer:
    return (bidder.first if round_ == "first" else bidder.refined) or Offer(Streamed())


def _offering(bidder: Bidder, round_: Round, offer: Offer) -> Bidder:
    return replace(bidder, first=offer) if round_ == "first" else replace(bidder, refined=offer)


def _scored(board: Board, cards: tuple[Scorecard, ...]) -> Board:
    by_offer = {(card.agent, card.round): card for card in cards}

    def scored(bidder: Bidder) -> Bidder:
        first, refined = by_offer.get((bidder.name, "first")), by_offer.get((bidder.name, "refined"))
        if first and bidder.first:
            bidder = replace(bidder, first=replace(bidder.first, card=first))
        if refined and bidder.refined:
            bidder = replace(bidder, refined=replace(bidder.refined, card=refined))
        return bidder

    return replace(board, bidders=tuple(scored(bidder) for bidder in board.bidders))


def _standing(bidder: Bidder | None, event: Event) -> Bidder | None:
    if bidder is None:
        return None
    match event:
        case AgentReady():
            status: Status = "waiting" if bidder.status in {"loading", "failed"} else bidder.status
            return replace(bidder, facts=event.facts, status=status, reason="")
        case AgentLost():
            # A plan that was placed stands, though nobody can ask its agent any more.
            placed = bidder.first is not None and bidder.first.placed
            reason = f"{event.reason} ({event.hint})" if event.hint else event.reason
            return replace(bidder, facts=None, status=bidder.status if placed else "failed", reason=reason)
        case JurorFailed():
            return replace(bidder, silent=event.reason)
        case Recalled():
            return replace(bidder, recalled=event.pairs, status="refining")
        case RefinementSkipped():
            return replace(bidder, skipped=event.reason)
        case _:
            return bidder


def _awarding(board: Board, event: Event) -> Board:
    match event:
        case ProvisionalChosen():
            return replace(board, provisional=event.agent, challengers=event.challengers)
        case AwardProposed():
            proposal = Proposal(
                event.award, event.explanation, event.deadline_seconds, event.at, event.deadline_seconds
            )
            return replace(_scored(board, event.scorecards), proposal=proposal)
        case CountdownHeld() if board.proposal is not None:
            return replace(board, proposal=board.proposal.turned(event.held, event.at))
        case AwardDecided():
            bidders = tuple(
                replace(bidder, status="won") if bidder.name == event.award.agent else bidder
                for bidder in board.bidders
            )
            return replace(board, bidders=bidders, decision=event)
        case _:
            return board
