"""What the screens look like in a few moments of a recorded task. A snapshot changes only together with its screen."""

from __future__ import annotations

import pytest

from sale_tui.events import AwardProposed, BidDelta, ErrorRaised, ToolCalled
from sale_tui.tui.widgets.prompt import Prompt


def until(log, kind, times=1):
    places = [place for place, event in enumerate(log) if isinstance(event, kind)]
    return log[: places[times - 1] + 1]


@pytest.fixture
def looks(snap_compare, replay_app, wait_for):
    """Whether the app looks as before, after these events and keys."""

    def compare(events, size, *keys, begin=True, stay=True):
        app = replay_app(events, begin, stay)

        async def before(pilot):
            if begin:
                await wait_for(pilot, lambda: app.state.now == events[-1].at and (stay or not app.state.busy))
            else:
                await wait_for(pilot, lambda: len(app.state.models) == 4)
                app.screen.query_one(Prompt).cursor_blink = False
            await pilot.pause(0.15)
            await pilot.press(*keys)
            await pilot.pause(0.15)

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


def test_first_screen(log, looks):
    assert looks(log, (80, 24), begin=False)


def test_bids_stream_side_by_side(log, looks):
    assert looks(until(log, BidDelta, 40), (120, 40))


def test_award_with_its_reasons(log, looks):
    assert looks(until(log, AwardProposed), (120, 40))


def test_award_in_rows(log, looks):
    assert looks(until(log, AwardProposed), (80, 24))


def test_another_bid_is_chosen_on_a_tiny_screen(log, looks):
    assert looks(until(log, AwardProposed), (60, 20), "right")


def test_run_under_way(log, looks):
    assert looks(until(log, ToolCalled, 2), (120, 40))


def test_answer_and_bill(log, looks):
    assert looks(log, (80, 24), stay=False)


def test_error_with_its_cure(log, looks):
    last = log[60]
    hint = "ask again, or try another pool"
    error = ErrorRaised(error="no_valid_bid", message="no agent placed a valid bid", hint=hint, exit_code=4, at=last.at)
    assert looks([*log[:61], error], (80, 24), stay=False)
