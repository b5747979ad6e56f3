"""The sum that decided, as a fold of the events that told it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from sale_tui.events import AwardDecided, AwardProposed, ErrorRaised, ProvisionalChosen
from sale_tui.session.record import record_of as record_of_log
from sale_tui.tui.source import pool_of
from sale_tui.tui.state import apply, initial, opening
from sale_tui.tui.state_why import decided, record_of, undecided
from sale_tui.tui.widgets.sum_table import sum_parts
from sale_tui.tui.widgets.text import words
from sale_tui.types import Award
from tests.state.auctions import EVEN, LEADING, NOTHING, PRICES, auction, bid, marked


def fold(events):
    state = opening(initial(pool_of(events[0])), "a task")
    for event in events:
        state = apply(state, event)
    return state


def until(log, kind):
    return log[: [place for place, event in enumerate(log) if isinstance(event, kind)][-1] + 1]


def why(state) -> Any:
    return decided(state)


def said(state, width=76):
    return words(*sum_parts(why(state), {}, width)).plain


def test_terms_add_up_to_the_totals_and_differences_to_the_margin(log):
    found = why(fold(until(log, AwardProposed)))
    proposal = next(event for event in log if isinstance(event, AwardProposed))
    assert (found.winner.agent, found.winner.round) == ("micro-xs", "refined")
    assert (found.rival.agent, found.rival.round) == ("micro-s", "refined")
    assert math.fsum(line.winner.term for line in found.lines) == pytest.approx(found.winner.total, abs=1e-12)
    assert math.fsum(line.rival.term for line in found.lines) == pytest.approx(found.rival.total, abs=1e-12)
    assert math.fsum(line.favour for line in found.lines) == pytest.approx(proposal.explanation.margin, abs=1e-12)
    [deciding] = [line for line in found.lines if line.deciding]
    assert deciding.name == proposal.explanation.deciding_term
    assert deciding.favour == max(line.favour for line in found.lines)


def test_weights_and_scales_are_those_of_the_header(log):
    found = why(fold(until(log, AwardProposed)))
    by_name = {line.name: line for line in found.lines}
    assert (by_name["cost"].weight, by_name["cost"].scale) == (1.0, 60.0)
    assert (by_name["jury:micro-l"].weight, by_name["jury:micro-l"].scale) == (0.2, 5.0)
    assert by_name["cost"].winner.raw == pytest.approx(0.05 * 37)
    assert by_name["jury:micro-l"].winner.raw == 4.2
    for line in found.lines:
        sign = 1 if line.name == "cost" else -1
        assert line.winner.term == pytest.approx(sign * line.weight * line.winner.raw / line.scale)


def test_the_record_of_the_board_is_that_of_the_log(log):
    mine: Any = record_of(fold(log))
    theirs = record_of_log(log)
    strip = {(b.agent, b.round): msgspec.structs.replace(b, recalled=()) for b in theirs.bids}
    assert {(b.agent, b.round): b for b in mine.bids} == strip
    assert (mine.weights, mine.scales) == (theirs.weights, theirs.scales)


def test_before_an_award_there_is_nothing_to_explain(log):
    state = fold(until(log, ProvisionalChosen))
    assert why(state) is None
    assert "still coming in" in undecided(state)
    error = ErrorRaised(error="no_valid_bid", message="nobody bid", hint="", exit_code=4)
    assert undecided(apply(state, error)).endswith("nobody bid")
    pinned = Award(agent="micro-l", round="first", by="user", reason="pinned: no auction was held")
    assert "micro-l" in undecided(apply(state, AwardDecided(award=pinned, plan="p", proposed_agent="micro-l")))


@pytest.mark.parametrize(
    ("bids", "rule"),
    [
        (EVEN, "the lower price wins"),
        ((EVEN[1], msgspec.structs.replace(EVEN[0], price=PRICES["birch"])), "first in the alphabet"),
        ((EVEN[2], msgspec.structs.replace(EVEN[0], round="refined")), "must be strictly better"),
    ],
)
def test_a_tie_says_which_rule_decided(bids, rule):
    state = fold(auction(bids))
    assert why(state).explanation.margin == 0
    assert rule in " ".join(said(state).split())
    assert "by no term" in said(state)


def test_all_weights_zero_is_a_tie_of_nothing():
    state = fold(auction(LEADING, NOTHING))
    assert {line.winner.term for line in why(state).lines} == {0.0}
    assert "the lower price wins" in said(state)
    assert "−0.0000" not in said(state)


def test_one_bidder_alone_has_no_runner_up():
    state = fold(auction(LEADING[:1], failed="elm"))
    found = why(state)
    assert found.rival is None
    assert all(line.rival is None and line.favour is None for line in found.lines)
    assert "no other bid could have won" in said(state)


def test_what_was_missing_is_marked_and_a_silent_juror_told():
    bids = (bid("ash", (2.0, None, 4.0, None)), bid("cedar", (1.0, 3.0, 2.0, None)))
    state = fold(auction(bids))
    filled = {line.name for line in why(state).lines if line.winner.filled_in}
    assert filled == {"jury:birch"}
    shown = said(state)
    assert "* was missing" in shown
    assert "elm marked no first bid" in shown


def test_a_mark_that_was_unsure_has_no_number():
    events = auction((bid("ash", (2.0, None, 4.0, 3.0)), bid("cedar", (1.0, 3.0, 2.0, 1.0))))
    state = fold([*events[:-1], marked(LEADING[0], "birch", None), events[-1]])
    [line] = [line for line in why(state).lines if line.name == "jury:birch"]
    assert (line.winner.raw, line.winner.filled_in) == (None, True)


def test_an_overruling_is_told_beside_the_sum():
    state = fold(auction(LEADING))
    meant = state.board.proposal.award.agent
    award = Award(agent="elm", round="first", by="user", reason="by hand")
    over = apply(state, AwardDecided(award=award, plan="p", proposed_agent=meant))
    assert why(over).winner.agent == meant
    assert "You overruled it and took elm's first bid, total" in said(over)
    gone = Award(agent="elm", round="first", by="auction", reason="least total")
    assert "went on to elm" in said(apply(state, AwardDecided(award=gone, plan="p", proposed_agent=meant)))


@pytest.mark.parametrize("width", [20, 56, 76, 116])
def test_rows_stay_within_the_screen(log, width):
    shown = said(fold(log), width)
    rows = [line for line in shown.split("\n") if line.startswith(("  mark", "◆ mark", "  cost", "  total"))]
    assert len(rows) == 6
    assert max(map(len, rows)) <= max(width, 56)


def test_numbers_too_large_for_a_column_are_in_powers_of_ten():
    bids = tuple(msgspec.structs.replace(each, price=1e30, tokens=10**20) for each in LEADING[:2])
    shown = said(fold(auction(bids)))
    assert "e+" in shown
    assert max(len(line) for line in shown.split("\n")) <= 80
