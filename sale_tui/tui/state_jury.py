"""The jury's marks as a grid, and what they say of the jury in words."""

from __future__ import annotations

import msgspec

from sale_tui.auction.jury_marks import (
    DISAGREEMENT,
    SELF_PREFERENCE,
    Disagreement,
    SelfPreference,
    disagreements,
    self_preferences,
    spread_of,
)
from sale_tui.tui.format import number
from sale_tui.tui.state import AppState
from sale_tui.tui.state_board import Bidder, Offer
from sale_tui.tui.state_why import record_of
from sale_tui.types import Bid, Round

SHADES = "·░▒▓█"
"""From a mark below 1 to one of 4 and more."""


class Mark(msgspec.Struct, frozen=True):
    """One juror's mark of one bid."""

    value: float | None = None
    unsure: bool = False
    """It was read, but too uncertainly to count."""
    own: bool = False
    """The juror wrote that bid."""
    flagged: bool = False
    """It wrote it and favours it."""

    @property
    def shade(self) -> str:
        """The darker, the better; a blank where there is no mark."""
        return " " if self.value is None else SHADES[min(max(int(self.value), 0), len(SHADES) - 1)]


class Row(msgspec.Struct, frozen=True):
    """One bid with every juror's mark, in the order of ``Grid.jurors``."""

    agent: str
    round: Round
    marks: tuple[Mark, ...]
    spread: float | None
    """Marks between the least and the most; None where fewer than two were given."""
    flagged: bool = False
    """Whether they lie far apart."""
    failed: str = ""
    """Why there is no bid to mark."""


class Grid(msgspec.Struct, frozen=True):
    """Every bid of the auction by every juror."""

    jurors: tuple[str, ...]
    rows: tuple[Row, ...]
    means: tuple[float | None, ...]
    """What each juror gives on average, over all bids."""
    words: tuple[tuple[str, bool], ...]
    """Sentences, each with whether it flags something."""


def grid_of(state: AppState) -> Grid:
    """The marks given so far."""
    bidders = state.board.bidders
    jurors = tuple(bidder.name for bidder in bidders)
    record = record_of(state)
    bids = {(bid.agent, bid.round): bid for bid in record.bids} if record else {}
    rows = [
        _row(bidder, round_, jurors, bids.get((bidder.name, round_)))
        for bidder in bidders
        for round_ in _rounds(bidder)
    ]
    given = tuple(bids.values())
    return Grid(jurors, tuple(rows), tuple(_mean(juror, given) for juror in jurors), tuple(_words(state, given)))


def _rounds(bidder: Bidder) -> tuple[Round, ...]:
    return ("first",) if bidder.refined is None else ("first", "refined")


def _row(bidder: Bidder, round_: Round, jurors: tuple[str, ...], bid: Bid | None) -> Row:
    offer = bidder.first if round_ == "first" else bidder.refined
    if offer is None or bid is None:
        failed = (offer.failed if offer else "") or (bidder.reason if bidder.status == "failed" else "")
        return Row(bidder.name, round_, tuple(Mark(own=juror == bidder.name) for juror in jurors), None, failed=failed)
    favoured = bool(self_preferences([bid]))
    marks = tuple(_mark(offer, juror, juror == bid.agent, favoured) for juror in jurors)
    told = spread_of(bid)
    return Row(bid.agent, round_, marks, told.spread if told else None, bool(disagreements([bid])))


def _mark(offer: Offer, juror: str, own: bool, favoured: bool) -> Mark:
    marks = offer.marks or {}
    value = marks.get(juror)
    return Mark(value, juror in marks and value is None, own, own and favoured)


def _mean(juror: str, bids: tuple[Bid, ...]) -> float | None:
    given = [bid.marks[juror] for bid in bids if juror in bid.marks]
    return sum(given) / len(given) if given else None


def _words(state: AppState, bids: tuple[Bid, ...]) -> list[tuple[str, bool]]:
    bidders = state.board.bidders
    silent = [(f"{bidder.name} gave no marks: {bidder.silent}", True) for bidder in bidders if bidder.silent]
    if not any(len(bid.marks) > 1 for bid in bids):
        return [*silent, ("No bid has two marks that could be compared.", False)]
    preferring = [(_preferring(told), True) for told in self_preferences(bids)]
    disagreeing = [(_disagreeing(told), True) for told in disagreements(bids)]
    nobody = f"No juror marks its own bid {number(SELF_PREFERENCE, 1)} or more above the others' mean."
    nowhere = f"No bid's marks lie {number(DISAGREEMENT, 1)} or more apart."
    return [*(preferring or [(nobody, False)]), *(disagreeing or [(nowhere, False)]), *silent]


def _preferring(told: SelfPreference) -> str:
    return (
        f"Self-preference: {told.juror} gives its own {told.round} bid {number(told.own)}, the others give it"
        f" {number(told.others)} on average: {number(told.above)} above (told from {number(SELF_PREFERENCE, 1)})."
    )


def _disagreeing(told: Disagreement) -> str:
    return (
        f"Disagreement: {told.agent}'s {told.round} bid gets from {number(told.least)} ({told.least_by}) to"
        f" {number(told.most)} ({told.most_by}): {number(told.spread)} apart (told from {number(DISAGREEMENT, 1)})."
    )
