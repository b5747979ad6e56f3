"""Who is provisional winner and who takes the award: pure (paper.md section 1, steps 4 and 5).

Works on scorecards, so that ``scoring`` and the choice can be read and tested apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sale_tui.errors import NoValidBid
from sale_tui.types import Bid, Round, Scorecard


@dataclass(frozen=True, slots=True)
class Standing:
    """An eligible bid as the choice sees it."""

    agent: str
    round: Round
    price: float
    total: float

    @property
    def rank(self) -> tuple[float, float, str]:
        """Least first: total, then the lower price, then the name."""
        return (self.total, self.price, self.agent)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the scorecards lead to."""

    provisional: Standing
    """The least total among the eligible first bids."""
    winner: Standing
    """Who takes the award."""
    runner_up: Standing | None
    """The least total among the other bids that could have won: eligible first bids, and eligible refined bids of
    agents strictly cheaper than the provisional winner. Always another agent's; None where there is none."""


def standings(bids: Sequence[Bid], scorecards: Sequence[Scorecard]) -> list[Standing]:
    """The eligible bids with their totals."""
    found = []
    for bid, card in zip(bids, scorecards, strict=True):
        if card.total is not None:
            found.append(Standing(bid.agent, bid.round, bid.price, card.total))
    return found


def choose(eligible: Sequence[Standing]) -> Choice:
    """Provisional winner, award and runner-up. Raises NoValidBid where no first bid is eligible."""
    first = sorted((standing for standing in eligible if standing.round == "first"), key=_rank)
    if not first:
        raise NoValidBid("no first bid has a single mark", "see which jurors failed and why")
    provisional = first[0]
    refined = sorted(
        (standing for standing in eligible if standing.round == "refined" and standing.price < provisional.price),
        key=_rank,
    )
    winner = refined[0] if refined and refined[0].total < provisional.total else provisional
    # On equal totals the provisional bid comes first, whatever its price: a refined bid must be strictly better.
    others = [standing for standing in (provisional, *refined, *first[1:]) if standing is not winner]
    runner_up = min(others, key=_total) if others else None
    return Choice(provisional, winner, runner_up)


def choose_bids(bids: Sequence[Bid], scorecards: Sequence[Scorecard]) -> Choice:
    """The same from bids and their scorecards, which stand in the same order."""
    return choose(standings(bids, scorecards))


def best_of(scorecards: Sequence[Scorecard], prices: Mapping[str, float], without: set[str]) -> Choice:
    """The choice among the scorecards of agents not in ``without``: who comes next where a winner cannot run.

    Totals stay as they are. Raises NoValidBid where nobody is left.
    """
    left = [
        Standing(card.agent, card.round, prices[card.agent], card.total)
        for card in scorecards
        if card.total is not None and card.agent not in without
    ]
    return choose(left)


def _rank(standing: Standing) -> tuple[float, float, str]:
    return standing.rank


def _total(standing: Standing) -> float:
    return standing.total
