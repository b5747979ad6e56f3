"""Why this bid won: margin, deciding term, and the least change of one weight that would hand the award on.

The flip is never taken from the formula alone. Bids are chosen in two stages and absent jurors' weights are spread,
so every candidate is checked through the whole scoring and award: at 1.001 of its change the runner-up must have the
award, at 0.999 the winner must still have it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from sale_tui.auction.award import Choice, Standing, choose
from sale_tui.auction.scoring import Features, FeatureTable, spread, tabulate, total_of
from sale_tui.types import Bid, Explanation, Flip, Scales, Weights

BEYOND, SHORT = 1.001, 0.999
"""Shares of a weight's change that must, and must not, flip the award."""
LARGEST_CHANGE = 1e100
"""Of a weight; what lies beyond is no news to anybody and could not be added up."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Contest:
    """The award against its runner-up."""

    bids: Sequence[Bid]
    table: FeatureTable
    weights: Weights
    provisional: Key
    winner: Key
    rival: Key


def explain(bids: Sequence[Bid], weights: Weights, scales: Scales) -> Explanation:
    """Explains the award of validated bids. Raises NoValidBid as ``choose`` does."""
    table = tabulate(bids, weights.jury, scales)
    choice = choice_at(bids, table, weights)
    rival = choice.runner_up
    if rival is None:
        return Explanation(runner_up=None, runner_up_round=None, margin=None, deciding_term=None, flip=None)
    contest = _Contest(bids, table, weights, _key(choice.provisional), _key(choice.winner), _key(rival))
    return Explanation(
        runner_up=rival.agent,
        runner_up_round=rival.round,
        margin=rival.total - choice.winner.total,
        deciding_term=_deciding_term(contest),
        flip=_least_flip(contest),
    )


def set_term(weights: Weights, term: str, value: float) -> Weights:
    """The weights with one of them replaced; ``term`` as in Flip: ``cost``, ``entropy`` or ``jury:<juror>``."""
    if term == "cost":
        return msgspec.structs.replace(weights, cost=value)
    if term == "entropy":
        return msgspec.structs.replace(weights, entropy=value)
    return msgspec.structs.replace(weights, jury={**weights.jury, term.removeprefix("jury:"): value})


def choice_at(bids: Sequence[Bid], table: FeatureTable, weights: Weights) -> Choice:
    """Provisional winner, award and runner-up under other weights. Raises NoValidBid as ``choose`` does."""
    effective = spread(weights, table)
    eligible = [
        Standing(bid.agent, bid.round, bid.price, total_of(row, effective))
        for bid, row in zip(bids, table.rows, strict=True)
        if row is not None
    ]
    return choose(eligible)


def _weights_by_term(weights: Weights) -> dict[str, float]:
    jury = {f"jury:{juror}": weights.jury[juror] for juror in sorted(weights.jury)}
    return {"cost": weights.cost, "entropy": weights.entropy, **jury}


def _differences(table: FeatureTable, one: Key, other: Key) -> dict[str, float]:
    """Per term: feature of ``other`` minus that of ``one``, the sign turned for cost (so that more is better)."""
    rows = {(row.agent, row.round): row for row in table.rows if row is not None}
    mine, theirs = rows[one], rows[other]
    jury = {f"jury:{juror}": theirs.marks[juror] - mine.marks[juror] for juror in mine.marks}
    return {"cost": mine.cost - theirs.cost, "entropy": theirs.entropy - mine.entropy, **jury}


def _deciding_term(contest: _Contest) -> str | None:
    """The term whose weighed difference favours the winner most; None where none does."""
    effective = _weights_by_term(spread(contest.weights, contest.table))
    differences = _differences(contest.table, contest.winner, contest.rival)
    favours = {term: -effective[term] * difference for term, difference in differences.items()}
    best = max(favours, key=lambda term: favours[term])
    return best if favours[best] > 0 else None


def _least_flip(contest: _Contest) -> Flip | None:
    terms = _weights_by_term(contest.weights)
    candidates = [
        (abs(delta) / terms[term], term, delta)
        for pair in _crossings_that_matter(contest)
        for term in terms
        if terms[term] > 0
        for delta in _crossings(contest.table, contest.weights, term, _differences(contest.table, *pair))
        if delta != 0 and abs(delta) <= LARGEST_CHANGE
    ]
    for _, term, delta in sorted(candidates):
        flip = Flip(term=term, weight=terms[term], delta=delta)
        if _flips(contest, flip):
            return flip
    return None


def _crossings_that_matter(contest: _Contest) -> Iterator[tuple[Key, Key]]:
    """Pairs of bids whose totals, where they meet, can hand the award to the runner-up.

    The award against the runner-up; or another first bid that becomes provisional and so changes who may refine.
    """
    pair = (contest.winner, contest.rival)
    yield pair
    for row in contest.table.rows:
        if row is not None and row.round == "first":
            other = (contest.provisional, _key(row))
            if _key(row) != contest.provisional and other != pair:
                yield other


def _flips(contest: _Contest, flip: Flip) -> bool:
    def award_at(share: float) -> Key | None:
        value = flip.weight + share * flip.delta
        if value < 0:
            return None
        return _key(choice_at(contest.bids, contest.table, set_term(contest.weights, flip.term, value)).winner)

    return award_at(BEYOND) == contest.rival and award_at(SHORT) == contest.winner


def _crossings(table: FeatureTable, weights: Weights, term: str, differences: dict[str, float]) -> list[float]:
    """Changes of one weight at which two bids' totals meet, given their differences (other minus one).

    With nobody absent this is margin / difference. Spreading multiplies the jury's part J by 1 + E / W (E: what is
    spread, W: the weight of those present, F: their weighed difference), which makes it a quadratic in w_k.
    """
    effective = spread(weights, table)
    effective_terms = _weights_by_term(effective)
    gain = math.fsum(effective_terms[name] * difference for name, difference in differences.items())
    juror = term.removeprefix("jury:")
    held = {name: weights.jury[name] for name in table.present}
    whole = math.fsum(held.values())
    extra = math.fsum([w for name, w in weights.jury.items() if name not in held])
    extra += 0.0 if table.has_entropy else weights.entropy
    jury = math.fsum(weight * differences[f"jury:{name}"] for name, weight in held.items())
    if term == "cost" or (term == "entropy" and table.has_entropy):
        return _root_linear(gain, differences[term])
    if term == "entropy" or juror not in table.present:
        mean = math.fsum(differences[f"jury:{name}"] for name in held) / len(held)
        return _root_linear(gain, jury / whole if whole > 0 else mean)
    if extra == 0:
        return _root_linear(gain, differences[term])
    slope = differences[term]
    # gain * (W + δ) rewritten: outside * (W + δ) + (W + δ + E) * (F + δ * slope) = 0
    outside = gain - (1.0 + extra / whole) * jury
    return _roots(slope, outside + jury + (whole + extra) * slope, whole * gain)


def _root_linear(constant: float, slope: float) -> list[float]:
    return [-constant / slope] if slope != 0 else []


def _roots(square: float, linear: float, constant: float) -> list[float]:
    """Real roots of square * x² + linear * x + constant, without cancellation."""
    if square == 0:
        return _root_linear(constant, linear)
    discriminant = linear * linear - 4.0 * square * constant
    if not discriminant >= 0:
        return []
    half = -0.5 * (linear + math.copysign(math.sqrt(discriminant), linear))
    return [half / square] + ([constant / half] if half != 0 else [])


def _key(standing: Standing | Features) -> Key:
    return (standing.agent, standing.round)
