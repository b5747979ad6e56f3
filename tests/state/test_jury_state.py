"""The grid of marks, without a screen."""

from __future__ import annotations

import pytest

from sale_tui.events import BidFailed, JurorFailed, ProvisionalChosen
from sale_tui.tui.state import apply
from sale_tui.tui.state_jury import Mark, grid_of
from sale_tui.tui.widgets.mark_grid import grid_parts
from sale_tui.tui.widgets.text import words
from tests.state.auctions import EVEN, LEADING, auction, bid, marked
from tests.state.test_why_state import fold, until


def text_of(state, width=76):
    return words(*grid_parts(grid_of(state), {}, width)).plain


def test_every_mark_stands_at_its_bid_and_juror(log):
    grid = grid_of(fold(log))
    assert grid.jurors == ("micro-xs", "micro-s", "micro-m", "micro-l")
    assert [(row.agent, row.round) for row in grid.rows][:2] == [("micro-xs", "first"), ("micro-xs", "refined")]
    assert [mark.value for mark in grid.rows[0].marks] == [2.6, 1.9, 1.4, 0.9]
    assert [mark.own for mark in grid.rows[0].marks] == [True, False, False, False]
    assert grid.rows[0].spread == pytest.approx(1.7)
    assert grid.means[0] == pytest.approx((2.6 + 3.6 + 3.1 + 3.5 + 3.6 + 3.4) / 6)


def test_self_preference_is_flagged_in_words_and_by_a_sign(log):
    state = fold(log)
    assert [mark.flagged for mark in grid_of(state).rows[0].marks] == [True, False, False, False]
    text = text_of(state)
    assert "Self-preference: micro-xs gives its own first bid 2.60, the others give it 1.40" in " ".join(text.split())
    assert "!▒[2.60]" in text
    assert "No bid's marks lie 2.0 or more apart." in text


def test_disagreement_is_flagged_in_words_and_by_a_sign():
    state = fold(auction((*LEADING[:3], bid("elm", (0.5, 4.0, 4.0, 3.0)))))
    assert [row.flagged for row in grid_of(state).rows] == [False, False, False, True]
    text = " ".join(text_of(state).split())
    assert "Disagreement: elm's first bid gets from 0.50 (ash) to 4.00 (cedar): 3.50 apart (told from 2.0)." in text
    assert "3.50!" in text


def test_a_jury_of_one_mind_is_said_to_be_so():
    text = text_of(fold(auction(EVEN)))
    assert "No juror marks its own bid 1.0 or more above the others' mean." in text
    assert "No bid's marks lie 2.0 or more apart." in text


def test_a_failed_bidder_has_a_row_that_says_why():
    state = fold(auction(LEADING[:3], failed="elm"))
    row = grid_of(state).rows[-1]
    assert (row.agent, row.failed) == ("elm", "wrote nothing (2 attempts)")
    assert "✗ no bid: wrote nothing" in text_of(state)


def test_a_failed_refinement_has_a_row_of_its_own(log):
    state = apply(fold(until(log, ProvisionalChosen)), BidFailed(agent="micro-s", round="refined", reason="too long"))
    rows = {(row.agent, row.round): row for row in grid_of(state).rows}
    assert rows["micro-s", "refined"].failed == "too long"
    assert rows["micro-s", "first"].failed == ""


def test_marks_that_are_missing_unsure_or_refused_are_told_apart():
    events = auction((bid("ash", (2.0, None, None, 3.0)), LEADING[1]))
    state = apply(fold(events), marked(LEADING[0], "birch", None))
    state = apply(state, JurorFailed(juror="cedar", round="first", reason="its model ended"))
    row = grid_of(state).rows[0]
    assert [mark.unsure for mark in row.marks] == [False, True, False, False]
    assert row.marks[2].value is None
    text = text_of(state)
    assert "unsure" in text
    assert "cedar gave no marks: its model ended" in text


def test_before_any_mark_nothing_is_claimed(log):
    text = text_of(fold(log[:40]))
    assert "No bid has two marks that could be compared." in text
    assert "No juror" not in text


@pytest.mark.parametrize(("value", "shade"), [(None, " "), (0.0, "·"), (0.99, "·"), (1.0, "░"), (4.0, "█"), (5.0, "█")])
def test_the_better_the_darker(value, shade):
    assert Mark(value).shade == shade


@pytest.mark.parametrize("width", [22, 56, 76])
def test_jurors_that_do_not_fit_stand_below(log, width):
    state = fold(log)
    for line in text_of(state, width).split("\n"):
        assert len(line) <= max(width, 30)
    assert text_of(state, width).count("2.60") == 2
