"""Cost, value and total of bids: pure arithmetic (paper.md section 1, steps 2 and 3; section 2).

Three steps: features are imputed (what is missing must not pay), weights are spread (a juror who marked nothing
hands its weight on), then every total is a sum of products. Sums are exactly rounded, so that the order in which
bids and jurors arrive never changes a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.types import AuctionRules, Bid, Scales, Scorecard, Terms, Weights

LEAST_THRIFT, LARGEST_THRIFT = 1e-9, 1e9
LEAST_SUM = 1e-100
"""Of the value weights, below which rescaling them would lose their digits."""


@dataclass(frozen=True, slots=True)
class Features:
    """One bid's scaled features, what was missing filled in."""

    agent: str
    round: str
    price: float
    cost: float
    """price * tokens / s_c."""
    entropy: float
    """Of nats / s_h; 0 where no first bid has an entropy (its weight is then spread)."""
    marks: dict[str, float]
    """Juror to mark / s_mark; only jurors who marked a first bid."""
    imputed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """All that scoring needs besides the weights; it does not change when weights do."""

    rows: tuple[Features | None, ...]
    """In the order of the bids; None where a bid has no mark and so is not eligible."""
    has_entropy: bool
    """Whether any first bid has an entropy."""
    present: frozenset[str]
    """Jurors who marked at least one first bid."""


def with_thrift(weights: Weights, thrift: float) -> Weights:
    """The value weights rescaled to sum to 1 / thrift; the cost's weight stays (paper.md section 2).

    Raises ConfigurationFault if thrift is out of range or every value weight is 0.
    """
    if not LEAST_THRIFT <= thrift <= LARGEST_THRIFT:
        raise ConfigurationFault(
            f"thrift: {thrift} is not a number from {LEAST_THRIFT:g} to {LARGEST_THRIFT:g}", "1 is the neutral thrift"
        )
    total = math.fsum([weights.entropy, *weights.jury.values()])
    if total <= 0:
        raise ConfigurationFault(
            "weights: entropy and jury are all 0, so thrift cannot rescale them", "give one of them a weight"
        )
    if total < LEAST_SUM:
        raise ConfigurationFault(
            f"weights: entropy and jury sum to {total}, too little to be rescaled", "weights near 1 are usual"
        )
    factor = 1.0 / (thrift * total)
    jury = {juror: weight * factor for juror, weight in weights.jury.items()}
    return msgspec.structs.replace(weights, entropy=weights.entropy * factor, jury=jury)


def scored_weights(rules: AuctionRules) -> Weights:
    """The weights that an auction under these rules scores with, as its log's header shows them."""
    return with_thrift(rules.weights, rules.thrift)


def tabulate(bids: Sequence[Bid], jurors: Iterable[str], scales: Scales) -> FeatureTable:
    """Features of validated bids. ``jurors`` are those who have a weight."""
    first = [bid for bid in bids if bid.round == "first"]
    entropies = [bid.entropy for bid in first if bid.entropy is not None]
    mean_entropy = _mean(entropies) if entropies else 0.0
    means = {juror: _mean(given) for juror in jurors if (given := [b.marks[juror] for b in first if juror in b.marks])}
    rows = tuple(_features(bid, scales, mean_entropy, bool(entropies), means) for bid in bids)
    return FeatureTable(rows, bool(entropies), frozenset(means))


def _features(
    bid: Bid, scales: Scales, mean_entropy: float, has_entropy: bool, means: Mapping[str, float]
) -> Features | None:
    if not bid.marks:
        return None
    imputed = ["entropy"] if has_entropy and bid.entropy is None else []
    imputed += [f"mark:{juror}" for juror in sorted(means) if juror not in bid.marks]
    # Without any first entropy its weight is spread, so that a refined bid's own entropy must not count either.
    entropy = (mean_entropy if bid.entropy is None else bid.entropy) if has_entropy else 0.0
    return Features(
        agent=bid.agent,
        round=bid.round,
        price=bid.price,
        cost=bid.price * bid.tokens / scales.cost,
        entropy=entropy / scales.entropy,
        marks={juror: bid.marks.get(juror, mean) / scales.mark for juror, mean in means.items()},
        imputed=tuple(imputed),
    )


def spread(weights: Weights, table: FeatureTable) -> Weights:
    """The weights with those of absent jurors, and of an entropy that no first bid has, spread over the other jurors.

    In proportion to theirs; equally where those are all 0 (design: what is missing must not pay).
    """
    absent = [weight for juror, weight in weights.jury.items() if juror not in table.present]
    extra = math.fsum(absent if table.has_entropy else [*absent, weights.entropy])
    present = {juror: weight for juror, weight in weights.jury.items() if juror in table.present}
    held = math.fsum(present.values())
    if extra > 0 and held > 0:
        present = {juror: weight * (1.0 + extra / held) for juror, weight in present.items()}
    elif extra > 0 and present:
        present = {juror: weight + extra / len(present) for juror, weight in present.items()}
    jury = {juror: present.get(juror, 0.0) for juror in weights.jury}
    return Weights(cost=weights.cost, entropy=weights.entropy if table.has_entropy else 0.0, jury=jury)


def total_of(row: Features, spread_weights: Weights) -> float:
    """C - V of one bid under spread weights."""
    terms = _terms(row, spread_weights)
    return terms.cost - _value(terms)


def score_bids(bids: Sequence[Bid], weights: Weights, scales: Scales) -> tuple[Scorecard, ...]:
    """A scorecard for every bid, in their order. ``weights`` are those of the record: after thrift, before spreading.

    Raises ConfigurationFault where a total is not finite. Bids are validated before (``auction.validation``).
    """
    table = tabulate(bids, weights.jury, scales)
    return scorecards_of(bids, table, weights)


def scorecards_of(bids: Sequence[Bid], table: FeatureTable, weights: Weights) -> tuple[Scorecard, ...]:
    """The same from a table that is at hand."""
    effective = spread(weights, table)
    return tuple(_scorecard(bid, row, effective) for bid, row in zip(bids, table.rows, strict=True))


def _scorecard(bid: Bid, row: Features | None, effective: Weights) -> Scorecard:
    if row is None:
        return Scorecard(
            agent=bid.agent, round=bid.round, eligible=False, cost=None, value=None, total=None, terms=None
        )
    terms = _terms(row, effective)
    value = _value(terms)
    if not (math.isfinite(terms.cost) and math.isfinite(value) and math.isfinite(terms.cost - value)):
        raise ConfigurationFault(
            f"bids: the total of {bid.agent}'s {bid.round} bid is not finite",
            "check weights, scales, price and tokens for sizes that make no sense",
        )
    return Scorecard(
        agent=bid.agent,
        round=bid.round,
        eligible=True,
        cost=terms.cost,
        value=value,
        total=terms.cost - value,
        terms=terms,
        imputed=row.imputed,
    )


def _terms(row: Features, effective: Weights) -> Terms:
    jury = {juror: weight * row.marks.get(juror, 0.0) for juror, weight in effective.jury.items()}
    return Terms(cost=effective.cost * row.cost, entropy=effective.entropy * row.entropy, jury=jury)


def _value(terms: Terms) -> float:
    return math.fsum([terms.entropy, *terms.jury.values()])


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
