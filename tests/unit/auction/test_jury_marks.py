"""Who favours itself, and where jurors disagree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.auction.jury_marks import DISAGREEMENT, SELF_PREFERENCE, disagreements, self_preferences, spread_of
from sale_tui.types import Bid

AGENTS = ("ash", "birch", "cedar")
given_marks = st.dictionaries(st.sampled_from(AGENTS), st.floats(0, 5))


def bid(marks: dict[str, float], agent: str = "ash") -> Bid:
    return Bid(agent=agent, price=0.1, round="first", plan="p", tokens=9, entropy=None, marks=marks)


def test_a_juror_above_the_mean_of_the_others_is_told() -> None:
    [told] = self_preferences(
        [bid({"ash": 4.0, "birch": 2.0, "cedar": 3.0}), bid({"ash": 1.0, "birch": 1.9, "cedar": 1.0}, "birch")]
    )
    assert (told.juror, told.own, told.others, told.above) == ("ash", 4.0, 2.5, 1.5)


@pytest.mark.parametrize(("own", "found"), [(3.1, 1), (3.0, 0), (1.0, 0)])
def test_it_is_told_from_the_amount_that_is_stated(own: float, found: int) -> None:
    assert SELF_PREFERENCE == 1.0
    assert len(self_preferences([bid({"ash": own, "birch": 2.1})])) == found


@pytest.mark.parametrize("marks", [{}, {"ash": 5.0}, {"birch": 1.0, "cedar": 5.0}])
def test_without_its_own_mark_or_any_other_nothing_is_told(marks: dict[str, float]) -> None:
    assert self_preferences([bid(marks)]) == ()


def test_a_bid_on_which_jurors_disagree_names_them() -> None:
    [told] = disagreements([bid({"ash": 1.0, "birch": 2.5, "cedar": 4.0}), bid({"ash": 1.0, "birch": 2.9}, "birch")])
    assert (told.least, told.least_by, told.most, told.most_by, told.spread) == (1.0, "ash", 4.0, "cedar", 3.0)


@pytest.mark.parametrize(("most", "found"), [(3.1, 1), (3.0, 0)])
def test_a_spread_is_told_from_the_amount_that_is_stated(most: float, found: int) -> None:
    assert DISAGREEMENT == 2.0
    assert len(disagreements([bid({"ash": 1.1, "birch": most})])) == found


@given(given_marks, st.floats(0, 5))
def test_what_is_told_keeps_to_its_rule(marks: dict[str, float], least: float) -> None:
    one = bid(marks)
    for told in self_preferences([one], least):
        assert told.own == marks["ash"]
        assert min(marks[j] for j in marks if j != "ash") - 1e-9 <= told.others <= 5.0
        assert told.above >= least - 1e-6
    spread = spread_of(one)
    assert (spread is None) == (len(marks) < 2)
    if spread is not None:
        assert spread.spread == max(marks.values()) - min(marks.values())
        assert (marks[spread.least_by], marks[spread.most_by]) == (spread.least, spread.most)
        assert bool(disagreements([one], least)) == (spread.spread >= least - 1e-9)
