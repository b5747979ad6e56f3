"""The sum that decided an auction, term by term, as its events and its explanation say it: nothing is scored here."""

from __future__ import annotations

import msgspec

from sale_tui.events import LogStarted
from sale_tui.tui.format import number
from sale_tui.tui.state import AppState
from sale_tui.tui.state_board import Bidder, Board, Offer
from sale_tui.types import AuctionRecord, Bid, Explanation, Round, Scorecard, Task, Weights


class Side(msgspec.Struct, frozen=True):
    """The winner or the runner-up."""

    agent: str
    round: Round
    price: float
    price_estimated: bool
    tokens: int
    total: float | None


class Cell(msgspec.Struct, frozen=True):
    """One term of one bid."""

    raw: float | None
    """The feature before scale and weight: dollars per million tokens × tokens, nats, a mark. None: there is none."""
    filled_in: bool
    """Whether it was missing and was filled in."""
    term: float
    """As it enters the total: cost is added, all else is subtracted."""


class Line(msgspec.Struct, frozen=True):
    """One term of the sum, of both bids."""

    name: str
    """``cost``, ``entropy`` or ``jury:<juror>``."""
    weight: float | None
    scale: float | None
    winner: Cell
    rival: Cell | None
    deciding: bool
    """Whether it favours the winner most."""

    @property
    def favour(self) -> float | None:
        """By how much it favours the winner; over all lines that sums up to the margin."""
        return None if self.rival is None else self.rival.term - self.winner.term


class Decided(msgspec.Struct, frozen=True):
    """Why the auction proposed what it did."""

    winner: Side
    rival: Side | None
    lines: tuple[Line, ...]
    explanation: Explanation
    thrift: float | None
    notes: tuple[str, ...]
    """What else there is to know, a sentence each."""


def decided(state: AppState) -> Decided | None:
    """None until an award is proposed, and where no auction was held."""
    proposal, header = state.board.proposal, state.header
    if proposal is None:
        return None
    award, explanation = proposal.award, proposal.explanation
    winner = _find(state.board, award.agent, award.round)
    if winner is None or winner[2].terms is None:
        return None
    rival = None
    if explanation.runner_up is not None and explanation.runner_up_round is not None:
        rival = _find(state.board, explanation.runner_up, explanation.runner_up_round)
    rival = rival if rival is not None and rival[2].terms is not None else None
    names = ["cost", "entropy", *(f"jury:{juror}" for juror in winner[2].terms.jury)]
    return Decided(
        winner=_side(*winner),
        rival=_side(*rival) if rival else None,
        lines=tuple(_line(name, header, winner, rival, name == explanation.deciding_term) for name in names),
        explanation=explanation,
        thrift=header.thrift if header else None,
        notes=tuple(_notes(state, winner, rival)),
    )


def undecided(state: AppState) -> str:
    """Why there is nothing to explain, in a sentence."""
    decision = state.board.decision
    if decision is not None and state.board.proposal is None:
        return f"No auction was held: {decision.award.agent} runs. {decision.award.reason}"
    if state.error is not None:
        return f"The auction came to no award: {state.error.message}"
    return "No award is proposed yet: bids and marks are still coming in."


def record_of(state: AppState) -> AuctionRecord | None:
    """The auction so far, as its public record; None before its header and its first bid.

    Weights are those that it was scored with. Plans that failed are not in it.
    """
    bids = tuple(
        Bid(
            agent=bidder.name,
            price=bidder.price,
            round=round_,
            plan=str(offer.plan),
            tokens=offer.tokens,
            entropy=offer.entropy,
            marks=offer.given,
        )
        for bidder in state.board.bidders
        for round_, offer in _offers(bidder)
        if offer.placed
    )
    if state.header is None or not bids:
        return None
    kind = state.kind.kind if state.kind else "coding"
    task = Task(text=state.task, kind=kind)
    return AuctionRecord(format=1, task=task, weights=state.header.weights, scales=state.header.scales, bids=bids)


def _offers(bidder: Bidder) -> list[tuple[Round, Offer]]:
    found: list[tuple[Round, Offer]] = []
    if bidder.first is not None:
        found.append(("first", bidder.first))
    if bidder.refined is not None:
        found.append(("refined", bidder.refined))
    return found


Scored = tuple[Bidder, Offer, Scorecard]


def _find(board: Board, agent: str, round_: Round) -> Scored | None:
    bidder = board.find(agent)
    offer = (bidder.first if round_ == "first" else bidder.refined) if bidder else None
    if bidder is None or offer is None or offer.card is None:
        return None
    return bidder, offer, offer.card


def _side(bidder: Bidder, offer: Offer, card: Scorecard) -> Side:
    return Side(bidder.name, card.round, bidder.price, bidder.price_estimated, offer.tokens, card.total)


def _line(name: str, header: LogStarted | None, winner: Scored, rival: Scored | None, deciding: bool) -> Line:
    weight = _weight(header.weights, name) if header else None
    scale = getattr(header.scales, "mark" if name.startswith("jury:") else name) if header else None
    return Line(name, weight, scale, _cell(name, *winner), _cell(name, *rival) if rival else None, deciding)


def _weight(weights: Weights, name: str) -> float | None:
    if name.startswith("jury:"):
        return weights.jury.get(name.removeprefix("jury:"))
    return weights.cost if name == "cost" else weights.entropy


def _cell(name: str, bidder: Bidder, offer: Offer, card: Scorecard) -> Cell:
    if card.terms is None:
        return Cell(None, False, 0.0)
    if name == "cost":
        return Cell(bidder.price * offer.tokens, False, card.terms.cost)
    if name == "entropy":
        return Cell(offer.entropy, "entropy" in card.imputed, -card.terms.entropy)
    juror = name.removeprefix("jury:")
    return Cell(offer.given.get(juror), f"mark:{juror}" in card.imputed, -card.terms.jury.get(juror, 0.0))


def _notes(state: AppState, winner: Scored, rival: Scored | None) -> list[str]:
    notes = []
    explanation = state.board.proposal.explanation if state.board.proposal else None
    if explanation is not None and explanation.margin == 0 and rival is not None:
        notes.append(_tie(winner, rival))
    notes += _other_award(state)
    if any(scored is not None and scored[2].imputed for scored in (winner, rival)):
        notes.append("* was missing and counts as the mean over the first bids.")
    return notes + _spread(state)


def _tie(winner: Scored, rival: Scored) -> str:
    if winner[2].round != rival[2].round:
        return "A tie: the totals are equal, and a refined bid must be strictly better to win."
    if winner[0].price != rival[0].price:
        return "A tie: the totals are equal, so the lower price wins."
    return "A tie: totals and prices are equal, so the name that comes first in the alphabet wins."


def _other_award(state: AppState) -> list[str]:
    """Where the award went elsewhere than this sum says."""
    decision, proposal = state.board.decision, state.board.proposal
    if decision is None or proposal is None:
        return []
    taken, meant = decision.award, proposal.award
    if (taken.agent, taken.round) == (meant.agent, meant.round):
        return []
    found = _find(state.board, taken.agent, taken.round)
    total = f", total {number(found[2].total, 4)}" if found else ""
    what = f"{taken.agent}'s {taken.round} bid{total}"
    if taken.by == "user":
        return [f"You overruled it and took {what}."]
    return [f"The award went on to {what}: {taken.reason}"]


def _spread(state: AppState) -> list[str]:
    """Weights that are spread over others, because what they weigh is not there."""
    if state.header is None:
        return []
    first = [bidder.first for bidder in state.board.bidders if bidder.first is not None and bidder.first.placed]
    present = {juror for offer in first for juror in offer.given}
    absent = [juror for juror, weight in state.header.weights.jury.items() if weight > 0 and juror not in present]
    notes = []
    if absent:
        notes.append(f"{', '.join(absent)} marked no first bid; what they weigh is spread over the other jurors.")
    if state.header.weights.entropy > 0 and all(offer.entropy is None for offer in first):
        notes.append("No first bid has an entropy; what it weighs is spread over the jurors.")
    return notes
