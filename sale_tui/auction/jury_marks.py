"""What marks say of the jury: who favours itself, and where jurors disagree. Pure, on the bids of an auction."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sale_tui.types import Bid, Round, Value

SELF_PREFERENCE = 1.0
"""Marks; a juror is told of from so much above what the others give its own bid."""
DISAGREEMENT = 2.0
"""Marks between the least and the most that a bid is given, from which it is told."""
ROUNDING = 1e-9
"""So that 3.1 - 2.1 counts as 1."""


class SelfPreference(Value):
    """A juror that marks its own bid above what the others give it."""

    juror: str
    round: Round
    own: float
    """Mark of its own bid."""
    others: float
    """Mean of the other jurors' marks of that bid."""

    @property
    def above(self) -> float:
        """Marks."""
        return self.own - self.others


class Disagreement(Value):
    """A bid whose marks lie far apart."""

    agent: str
    round: Round
    least: float
    least_by: str
    most: float
    most_by: str

    @property
    def spread(self) -> float:
        """Marks."""
        return self.most - self.least


def self_preferences(bids: Sequence[Bid], least: float = SELF_PREFERENCE) -> tuple[SelfPreference, ...]:
    """Jurors whose mark of their own bid is ``least`` or more above the mean of the others', in the order of the bids.

    A bid that its own author, or nobody else, has marked tells nothing.
    """
    found = []
    for bid in bids:
        others = [mark for juror, mark in bid.marks.items() if juror != bid.agent]
        if bid.agent not in bid.marks or not others:
            continue
        told = SelfPreference(
            juror=bid.agent, round=bid.round, own=bid.marks[bid.agent], others=math.fsum(others) / len(others)
        )
        if told.above >= least - ROUNDING:
            found.append(told)
    return tuple(found)


def spread_of(bid: Bid) -> Disagreement | None:
    """The least and the most that a bid is given; None where fewer than two jurors marked it."""
    if len(bid.marks) < 2:
        return None
    ranked = sorted((mark, juror) for juror, mark in bid.marks.items())
    (least, least_by), (most, most_by) = ranked[0], ranked[-1]
    return Disagreement(agent=bid.agent, round=bid.round, least=least, least_by=least_by, most=most, most_by=most_by)


def disagreements(bids: Sequence[Bid], least: float = DISAGREEMENT) -> tuple[Disagreement, ...]:
    """Bids whose marks lie ``least`` or more apart, in the order of the bids."""
    spreads = [spread_of(bid) for bid in bids]
    return tuple(each for each in spreads if each is not None and each.spread >= least - ROUNDING)
