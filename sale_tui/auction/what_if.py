"""Who would have been awarded under other weights: pure, on stored records. No model is called, bids stay as they are.

An agent that did not refine then stays unrefined, and every mark stays the number that was given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sale_tui.auction.award import Choice
from sale_tui.auction.explanation import choice_at
from sale_tui.auction.scoring import LEAST_SUM, FeatureTable, tabulate, with_thrift
from sale_tui.auction.validation import check_record
from sale_tui.errors import ConfigurationFault, NoValidBid
from sale_tui.types import AuctionRecord, Bid, Value, Weights


class Turns(Value):
    """Weights in place of a record's own; what is not named stays as it was recorded."""

    thrift: float | None = None
    """Rescales the value weights, those turned included, to sum to 1 / thrift."""
    entropy: float | None = None
    jury: dict[str, float] = msgspec.field(default_factory=dict)
    """Juror to weight. Jurors that a record does not have are no matter to it."""


@dataclass(frozen=True, slots=True)
class Held:
    """An auction whose bids are held fixed while weights are turned."""

    bids: tuple[Bid, ...]
    weights: Weights
    """Those that it was scored with."""
    table: FeatureTable
    """Does not change with the weights, so that it is made once."""
    own: Choice
    """Under its own weights."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Whom some auctions were awarded to by their own weights, and would have been by others."""

    before: Mapping[str, int] = field(default_factory=dict)
    """Agent to auctions, by the auction's own rule: nobody's overruling counts."""
    after: Mapping[str, int] = field(default_factory=dict)
    moves: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """From agent, to agent: auctions that change hands."""

    @property
    def auctions(self) -> int:
        """How many were scored."""
        return sum(self.before.values())

    @property
    def moved(self) -> int:
        """How many would have gone to another agent."""
        return sum(self.moves.values())


def hold(record: AuctionRecord) -> Held:
    """Raises ConfigurationFault naming the field that cannot be scored, NoValidBid where no first bid is eligible."""
    check_record(record)
    table = tabulate(record.bids, record.weights.jury, record.scales)
    return Held(record.bids, record.weights, table, choice_at(record.bids, table, record.weights))


def hold_all(records: Sequence[AuctionRecord]) -> tuple[Held, ...]:
    """Those of the records that can be scored, in their order."""
    held = []
    for record in records:
        try:
            held.append(hold(record))
        except (ConfigurationFault, NoValidBid):
            continue
    return tuple(held)


def turned(weights: Weights, turns: Turns) -> Weights:
    """The weights as they are scored with after the turns.

    Value weights that are all 0 stay so, whatever the thrift. Raises ConfigurationFault where thrift is out of range.
    """
    jury = {juror: turns.jury.get(juror, weight) for juror, weight in weights.jury.items()}
    entropy = weights.entropy if turns.entropy is None else turns.entropy
    changed = msgspec.structs.replace(weights, entropy=entropy, jury=jury)
    if turns.thrift is None or value_sum(changed) < LEAST_SUM:
        return changed
    return with_thrift(changed, turns.thrift)


def value_sum(weights: Weights) -> float:
    """Of entropy and jury; its inverse is the thrift that they stand for."""
    return math.fsum([weights.entropy, *weights.jury.values()])


def choice_after(held: Held, turns: Turns) -> Choice:
    """The award under turned weights. Raises ConfigurationFault as ``turned`` does."""
    return held.own if turns == Turns() else choice_at(held.bids, held.table, turned(held.weights, turns))


def tally(auctions: Sequence[Held], turns: Turns) -> Tally:
    """Before and after the turns. Raises ConfigurationFault as ``turned`` does."""
    pairs = [(held.own.winner.agent, choice_after(held, turns).winner.agent) for held in auctions]
    return Tally(
        before=dict(Counter(before for before, _ in pairs)),
        after=dict(Counter(after for _, after in pairs)),
        moves=dict(Counter(pair for pair in pairs if pair[0] != pair[1])),
    )
