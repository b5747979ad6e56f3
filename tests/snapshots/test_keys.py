"""What keys do, in the real app over a real session with scripted models."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from sale_tui.errors import NoAgentLoads
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.tui.screens.auction import AuctionScreen
from sale_tui.tui.screens.bid import BidScreen
from sale_tui.tui.screens.help import HelpScreen
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.screens.save import SaveScreen
from sale_tui.tui.widgets.answer_panel import AnswerPanel
from sale_tui.tui.widgets.award_panel import AwardPanel
from sale_tui.tui.widgets.bid_card import BidCard
from sale_tui.tui.widgets.error_panel import ErrorPanel
from sale_tui.tui.widgets.kind_switch import KindSwitch
from sale_tui.tui.widgets.prompt import Prompt
from sale_tui.tui.widgets.task_line import TaskLine
from sale_tui.tui.widgets.text import PlainText

TASK = "Where does the sister of Velmar live?"
SLOW = Script(turn=(ScriptTurn(part="bid", text="One two three four five six.", delay=5.0),), mark=(ScriptMark(),))


def shows(app, kind: type) -> bool:
    return isinstance(app.screen, kind)


async def test_a_typed_task_ends_in_its_answer(make_app, wait_for):
    app = make_app(countdown=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*"Where")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.state.run is not None and not app.state.busy)
        await wait_for(pilot, lambda: shows(app, RunScreen))
        await wait_for(pilot, lambda: "Orrin" in app.screen.query_one("#answer", PlainText).plain)
        await wait_for(pilot, lambda: "always the largest ≈ $" in app.screen.query_one("#below", PlainText).plain)
        await pilot.press("n")
        assert shows(app, HomeScreen)
        assert app.screen.query_one(Prompt).text == ""


@pytest.mark.parametrize(("keys", "agent"), [("4", "elm"), ("1", "ash")])
async def test_a_digit_takes_another_bid(make_app, wait_for, keys, agent):
    app = make_app(begin=TASK)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        assert app.state.board.proposal.award.agent == "cedar"
        await pilot.pause(0.1)
        await pilot.press(keys)
        await wait_for(pilot, lambda: app.state.board.decision is not None)
        award = app.state.board.decision.award
        assert (award.agent, award.by) == (agent, "user")


async def test_arrows_choose_and_enter_takes(make_app, wait_for):
    app = make_app(begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.pause(0.1)
        await pilot.press("down")
        await pilot.pause(0.1)
        assert "Enter takes elm instead" in app.screen.query_one(AwardPanel).plain
        await pilot.press("up", "left", "enter")
        await wait_for(pilot, lambda: app.state.board.decision is not None)
        assert app.state.board.decision.award.agent == "birch"


async def test_enter_accepts_the_proposal(make_app, wait_for):
    app = make_app(begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.pause(0.1)
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.state.board.decision is not None)
        award = app.state.board.decision.award
        assert (award.agent, award.by) == ("cedar", "auction")


async def test_space_holds_the_countdown_and_lets_it_go_on(make_app, wait_for):
    app = make_app(begin=TASK, countdown=0.6)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.pause(0.1)
        await pilot.press("space")
        await wait_for(pilot, lambda: app.state.board.proposal.held)
        await pilot.pause(0.9)
        assert app.state.deciding
        assert "held" in app.screen.query_one(AwardPanel).plain
        await pilot.press("space")
        await wait_for(pilot, lambda: app.state.board.decision is not None)


async def test_a_key_that_was_meant_for_something_else_decides_nothing(make_app, wait_for):
    app = make_app(begin=TASK)
    app.grace = 60.0
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.press("enter", "4")
        await pilot.pause(0.3)
        assert app.state.deciding


async def test_the_chosen_bid_is_shown_in_full(make_app, wait_for):
    app = make_app(begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.press("v")
        await pilot.pause(0.2)
        assert shows(app, BidScreen)
        shown = app.screen.query_one("#bid PlainText", PlainText).plain
        assert "cedar" in shown
        assert "mark by elm" in shown
        await pilot.press("right")
        await pilot.pause(0.2)
        assert app.screen.query_one("#bid PlainText", PlainText).plain.startswith("elm")
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert shows(app, AuctionScreen)


async def test_ctrl_c_stops_a_running_auction_and_keeps_the_prompt(make_app, wait_for):
    app = make_app(script=SLOW)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"keep me")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.state.phase == "bidding")
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: not app.state.busy)
        await pilot.pause(0.1)
        assert app.is_running
        assert "Stopped" in app.screen.query_one(ErrorPanel).plain
        await pilot.press("n")
        assert app.screen.query_one(Prompt).text == "keep me"


async def test_a_task_under_way_is_not_left_by_accident(make_app, wait_for):
    app = make_app(script=SLOW, begin=TASK)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.phase == "bidding")
        await pilot.press("n")
        assert shows(app, AuctionScreen)


async def test_no_valid_bid_is_one_panel_with_cause_and_cure(make_app, wait_for):
    app = make_app(script=Script(turn=(ScriptTurn(part="bid", text="7"),)), begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.error is not None and not app.state.busy)
        await pilot.pause(0.1)
        panel = app.screen.query_one(ErrorPanel)
        assert "No valid bid" in panel.plain
        assert "→ " in panel.plain
        assert all(bidder.status == "failed" for bidder in app.state.board.bidders)


async def test_models_that_do_not_load_are_named_at_once(make_app, wait_for):
    app = make_app(script=Script(turn=TURNS_OF_NOBODY, load_fault=dict.fromkeys(("ash", "elm"), "truncated file")))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: len(app.state.lost) == 2 and len(app.state.models) == 2)
        await pilot.pause(0.1)
        assert "elm did not load" in app.screen.query_one("#status", PlainText).plain


TURNS_OF_NOBODY = (ScriptTurn(part="bid", text="Nobody asks."),)


async def test_a_session_that_does_not_open_is_an_error_and_the_app_stays(make_app, wait_for):
    tries = []

    async def refuse():
        tries.append(1)
        raise NoAgentLoads("the pool is empty", "see `sale-tui pool check`")

    app = make_app(open_session=refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.error is not None)
        await pilot.pause(0.1)
        assert "the pool is empty" in app.screen.query_one(ErrorPanel).plain
        await pilot.press(*"try")
        await pilot.press("enter")
        await wait_for(pilot, lambda: len(tries) == 2 and not app.state.busy)
        await pilot.press("n")
        assert app.screen.query_one(Prompt).text == "try"


async def test_an_empty_task_is_one_line(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "enter")
        assert "the task is empty" in app.screen.query_one("#complaint", PlainText).plain
        assert shows(app, HomeScreen)


async def test_a_sample_goes_into_the_prompt(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down", "enter")
        assert app.screen.query_one(Prompt).text.startswith("Reverse the word order")
        await pilot.click("SampleList", offset=(20, 1))
        assert app.screen.query_one(Prompt).text.startswith("Take the even numbers")
        assert app.screen.query_one("#note", PlainText).plain.startswith("This pool knows only")


async def test_the_kind_is_turned_and_sent_along(make_app, wait_for):
    app = make_app(countdown=0.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+t", "ctrl+t")
        assert app.screen.query_one(KindSwitch).kind == "coding"
        await pilot.press("ctrl+t", "ctrl+t")
        assert app.screen.query_one(KindSwitch).kind == "search"
        await pilot.press(*"go")
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.state.kind is not None)
        assert (app.state.kind.kind, app.state.kind.by) == ("search", "user")


async def test_what_is_typed_is_text_and_not_a_key(make_app, wait_for):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a", "ctrl+j", "q", "n", "?", "2")
        assert app.screen.query_one(Prompt).text == "a\nqn?2"
        await pilot.press("down", "q")
        await wait_for(pilot, lambda: not app.is_running)


async def test_the_workspace_is_saved_where_the_user_says(make_app, wait_for, tmp_path):
    app = make_app(countdown=0.0, begin=TASK)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.run is not None and not app.state.busy)
        await wait_for(pilot, lambda: shows(app, RunScreen))
        await pilot.press("s")
        await pilot.pause(0.1)
        assert shows(app, SaveScreen)
        folder = app.screen.query_one("#folder", Input)
        folder.value = str(tmp_path)
        await pilot.press("enter")
        await wait_for(pilot, lambda: "exists already" in app.screen.query_one("#result", PlainText).plain)
        folder.value = str(tmp_path / "saved")
        await pilot.press("enter")
        await wait_for(pilot, lambda: "saved to" in app.screen.query_one("#result", PlainText).plain)
        assert (tmp_path / "saved").is_dir()
        await pilot.press("escape", "b")
        await pilot.pause(0.1)
        assert shows(app, AuctionScreen)
        await pilot.press("b")
        await pilot.pause(0.1)
        assert app.screen.query_one(AnswerPanel).has_class("-shown")


async def test_help_lists_every_key_and_closes(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f1")
        await pilot.pause(0.1)
        assert shows(app, HelpScreen)
        assert "Hold the countdown" in app.screen.query_one("#keys", PlainText).plain
        await pilot.press("escape")
        assert shows(app, HomeScreen)


async def test_quitting_closes_the_session(make_app, wait_for):
    app = make_app(script=SLOW, begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.phase == "bidding")
        source = app.feed._source
        await pilot.press("q")
        await wait_for(pilot, lambda: not app.is_running)
    assert not source.busy


async def test_ctrl_c_stops_a_run_and_the_board_stays(make_app, wait_for):
    slow = ScriptTurn(part="execute", text="One two three four five six.", delay=5.0)
    app = make_app(script=Script(turn=(*SLOW_BIDS, slow), mark=(ScriptMark(),)), countdown=0.0, begin=TASK)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: shows(app, RunScreen))
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: not app.state.busy)
        await wait_for(pilot, lambda: "Stopped" in app.screen.query_one("#answer", PlainText).plain)
        await pilot.press("b")
        assert shows(app, AuctionScreen)


async def test_a_model_that_dies_while_bidding_is_out_and_the_others_go_on(make_app, wait_for):
    dying = ScriptTurn(agent="elm", part="bid", text="One two three four.", fault="killed by signal 9", tokens=2)
    app = make_app(script=Script(turn=(dying, *SLOW_BIDS), mark=(ScriptMark(),)), begin=TASK)
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.pause(0.2)
        shown = "\n".join(card.query_one(".plans", PlainText).plain for card in app.screen.query(BidCard))
        assert "killed by" in shown
        await pilot.press("4")
        await pilot.pause(0.2)
        assert app.state.deciding


SLOW_BIDS = (ScriptTurn(part="bid", text="Search the town. Open its document."),)


async def test_the_kind_that_was_found_is_shown_and_changed_by_a_key(make_app, wait_for):
    app = make_app(begin=TASK, kind_seconds=30.0)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.kind is not None)
        found = app.state.kind
        assert found.by == "auto"
        await wait_for(pilot, lambda: "k changes it" in app.screen.query_one(TaskLine).plain)
        await pilot.press("k")
        await wait_for(pilot, lambda: app.state.phase == "awarding")
        assert app.state.kind.by == "user"
        assert app.state.kind.kind != found.kind
        assert not app.state.kind_open
