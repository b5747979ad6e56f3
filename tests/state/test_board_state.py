"""The board, folded from events."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.events import (
    AgentLost,
    AnyEvent,
    AwardDecided,
    AwardProposed,
    BidDelta,
    BidFailed,
    BidPlaced,
    BidStarted,
    CountdownHeld,
    ErrorRaised,
    KindChosen,
    LogStarted,
    MarkGiven,
    Notice,
    ProvisionalChosen,
    RefinementSkipped,
    decode,
    encode,
)
from sale_tui.tui.source import pool_of
from sale_tui.tui.state import AppState, apply, ended, initial, opening
from sale_tui.types import Award


def fold(events: list[AnyEvent]) -> Any:
    header = events[0]
    assert isinstance(header, LogStarted)
    state = opening(initial(pool_of(header)), "a task")
    for event in events:
        state = apply(state, event)
    return state


def after(state: AppState, *events: AnyEvent) -> Any:
    for event in events:
        state = apply(state, event)
    return state


def until(log: list[AnyEvent], kind: type, times: int = 1) -> Any:
    places = [place for place, event in enumerate(log) if isinstance(event, kind)]
    return log[: places[times - 1] + 1]


def test_plans_and_numbers_fill_in_as_they_come(log):
    state = fold(until(log, BidDelta, 9))
    written = {bidder.name: str(bidder.first.plan) for bidder in state.board.bidders if bidder.first}
    assert written["micro-s"].startswith("Write a program that")
    assert {bidder.status for bidder in state.board.bidders} == {"bidding"}
    assert all(bidder.first.tokens > 0 and bidder.first.entropy for bidder in state.board.bidders)
    state = fold(until(log, BidPlaced, 4))
    assert all(bidder.first.placed for bidder in state.board.bidders)


def test_every_mark_stands_under_its_juror(log):
    state = fold(until(log, ProvisionalChosen))
    given_marks = [event for event in log if isinstance(event, MarkGiven) and event.round == "first"]
    for event in given_marks:
        bidder = state.board.find(event.agent)
        assert bidder.first.marks[event.juror] == event.mark
    assert len(given_marks) == 16
    assert state.board.provisional == "micro-m"
    assert all(bidder.first.card.total is not None for bidder in state.board.bidders)


def test_refined_plans_stand_beside_the_first(log):
    state = fold(until(log, AwardProposed))
    challenger = state.board.find("micro-xs")
    assert challenger.first.placed
    assert challenger.refined.placed
    assert str(challenger.first.plan) != str(challenger.refined.plan)
    assert len(challenger.recalled) == 3
    assert challenger.best is challenger.refined
    assert state.deciding


def test_the_countdown_runs_on_the_clock_of_the_events_and_can_be_held(log):
    state = fold(until(log, AwardProposed))
    begun = state.board.proposal.since
    assert state.board.proposal.left(begun + 3) == 5.0
    state = after(state, CountdownHeld(held=True, at=begun + 3))
    assert state.board.proposal.left(begun + 100) == 5.0
    state = after(state, CountdownHeld(held=False, at=begun + 50))
    assert state.board.proposal.left(begun + 52) == 3.0
    assert state.board.proposal.left(begun + 60) == 0.0


def test_an_overruling_is_shown_as_the_users(log):
    state = fold(until(log, AwardProposed))
    award = Award(agent="micro-l", round="first", by="user", reason="overruled by the user")
    state = after(state, AwardDecided(award=award, plan="the plan", proposed_agent="micro-xs"))
    assert state.board.find("micro-l").status == "won"
    assert state.board.find("micro-xs").status != "won"
    assert not state.deciding


def test_a_bidder_that_fails_shows_why_and_the_others_go_on(log):
    state = fold(until(log, BidDelta, 6))
    state = after(state, BidFailed(agent="micro-s", round="first", reason="wrote nothing (2 attempts)"))
    state = after(state, AgentLost(agent="micro-s", reason="killed", hint="see the log"))
    failed = state.board.find("micro-s")
    assert failed.status == "failed"
    assert failed.reason == "killed (see the log)"
    assert "micro-s" not in state.models
    assert state.lost["micro-s"] == "killed (see the log)"
    assert state.board.find("micro-m").status == "bidding"


def test_a_placed_bid_stands_though_its_model_is_lost(log):
    state = after(fold(until(log, BidPlaced, 4)), AgentLost(agent="micro-l", reason="killed"))
    assert state.board.find("micro-l").status == "placed"
    assert state.board.find("micro-l").reason == "killed"


def test_a_failed_refinement_leaves_the_first_bid(log):
    state = fold(until(log, ProvisionalChosen))
    state = after(state, BidStarted(agent="micro-xs", round="refined"))
    state = after(state, BidFailed(agent="micro-xs", round="refined", reason="wrote nothing"))
    bidder = state.board.find("micro-xs")
    assert bidder.status == "judged"
    assert bidder.refined.failed == "wrote nothing"
    assert bidder.best is bidder.first


def test_a_skipped_refinement_shows_its_reason(log):
    state = after(fold(until(log, ProvisionalChosen)), RefinementSkipped(agent="micro-s", reason="no usable pair"))
    assert state.board.find("micro-s").skipped == "no usable pair"


def test_a_second_attempt_begins_with_an_empty_plan(log):
    state = fold(until(log, BidDelta, 8))
    state = after(state, BidStarted(agent="micro-s", round="first"))
    assert str(state.board.find("micro-s").first.plan) == ""


def test_models_stay_for_the_next_task_and_all_else_goes(log):
    state = after(opening(ended(fold(log)), "another"))
    assert state.task == "another"
    assert len(state.models) == 4
    assert state.run is None
    assert state.bill is None
    assert state.board.proposal is None
    assert all(bidder.first is None and bidder.facts for bidder in state.board.bidders)


def test_the_kind_can_be_changed_until_bidding_starts(log):
    assert fold(until(log, KindChosen)).kind_open
    assert not fold(until(log, BidStarted)).kind_open
    assert not ended(fold(until(log, KindChosen))).kind_open


def test_errors_and_notices_are_kept(log):
    error = ErrorRaised(error="no_valid_bid", message="nobody bid", hint="ask again", exit_code=4)
    state = after(fold(until(log, BidStarted)), Notice(text="look"), error)
    assert state.error == error
    assert state.notices == ("look",)


@given(st.integers(0, 194), st.randoms())
def test_any_order_of_events_folds_without_raising(log, cut, random):
    """A log that is cut, or out of order, never brings the app down."""
    header, *rest = log
    shuffled = rest[:cut]
    random.shuffle(shuffled)
    state = fold([header, *shuffled])
    assert len(state.board.bidders) == 4


def test_folding_is_pure(log):
    states = [fold(log[: cut + 1]) for cut in range(0, len(log), 25)]
    again = [fold(log[: cut + 1]) for cut in range(0, len(log), 25)]
    assert states == again


def test_events_read_back_from_json_fold_to_the_same(log):
    assert fold([decode(encode(event)) for event in log]) == fold(log)


def seconds_of_deltas(state: AppState, event: BidDelta, times: int = 1000) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        state = apply(state, event)
    return time.perf_counter() - begun


def test_a_delta_costs_the_same_after_two_hundred_thousand(log):
    events = until(log, BidDelta)
    event = events[-1]
    short = fold(events)
    long = short
    for _ in range(20_000):
        long = after(long, msgspec.structs.replace(event, text="ten words " * 10))
    assert long.board.bidders[0].first.plan.length > 1_900_000
    fast = min(seconds_of_deltas(short, event) for _ in range(5))
    slow = min(seconds_of_deltas(long, event) for _ in range(5))
    assert slow < 3 * fast + 0.005
