"""What many auctions came to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.archive import Account
from sale_tui.session.books import Sums, agents_of, sums_of
from sale_tui.types import Bill, Outcome

OUTCOMES: list[Outcome] = ["passed", "failed", "unknown"]


def account(agent: str | None = "s", outcome: Outcome = "unknown", scale: float = 1.0, billed: bool = True) -> Account:
    bill = Bill(
        auction_dollars=1.0 * scale,
        run_dollars=2.0 * scale,
        always_largest_dollars=9.0 * scale,
        auction_tokens=10,
        run_tokens=20,
    )
    return Account(id="x", agent=agent, outcome=outcome, seconds=5.0 * scale, bill=bill if billed else None)


def test_sums_are_of_what_has_a_bill():
    sums = sums_of([account(outcome="passed"), account(outcome="failed", scale=2.0), account(), account(billed=False)])
    assert (sums.tasks, sums.tokens, sums.seconds) == (3, 90, 20.0)
    assert (sums.dollars, sums.largest_dollars) == (12.0, 36.0)
    assert (sums.known, sums.solved, sums.known_dollars, sums.known_seconds) == (2, 1, 9.0, 15.0)
    assert sums.bill().always_largest_dollars == 36.0
    assert sums_of([]) == Sums()


def test_an_agent_is_measured_by_its_own_awards():
    accounts = [account("s"), account("s", "passed"), account("m", "failed"), account("m", "passed"), account(None)]
    first, second = agents_of(accounts, 2)
    assert (first.agent, first.wins, first.share, first.shares) == ("m", 2, 0.5, (0.0, 1.0))
    assert (second.agent, second.shares) == ("s", (1.0, 0.0))
    assert (first.pass_rate, second.pass_rate, first.dollars) == (0.5, 1.0, 3.0)
    assert agents_of([account()], 9)[0].pass_rate is None
    assert agents_of([account(None)], 9) == ()


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=60), st.integers(1, 20))
def test_shares_of_every_stretch_sum_to_one(names, stretches):
    agents = agents_of([account(name) for name in names], stretches)
    assert len({len(agent.shares) for agent in agents}) == 1
    assert sum(agent.share for agent in agents) == pytest.approx(1.0)
    for column in zip(*(agent.shares for agent in agents), strict=True):
        assert sum(column) == pytest.approx(1.0)
    assert len(agents[0].shares) == min(stretches, len(names))
