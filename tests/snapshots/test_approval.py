"""A call that asks for leave: shown whole, answered by a key that was meant for it, and closed with its run."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Input

from sale_tui.agent.tools.base import ToolResult, make_spec
from sale_tui.agent.tools.open import OpenArguments
from sale_tui.events import ApprovalAsked, ToolCalled
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.tui.screens.approval import ApprovalScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.widgets.text import PlainText

CALL = '<tool_call>{"name": "open", "arguments": {"document": "https://a.example/[@click=app.quit]x"}}</tool_call>'
SCRIPT = Script(
    turn=(
        ScriptTurn(part="bid", text="Open the page."),
        ScriptTurn(part="execute", step=1, text=CALL),
        ScriptTurn(part="execute", step=2, text=CALL.replace("a.example", "b.example")),
        ScriptTurn(part="execute", text="Answer: done"),
    ),
    mark=(ScriptMark(mark=2.0),),
)


class PageTool:
    """Sends something out, as far as anybody can tell."""

    name = "open"
    needs_sandbox = False
    spec = make_spec("open", "Read a page.", OpenArguments)

    def check(self, arguments):
        """Takes everything."""

    def leaves(self, arguments):
        return f"a request to {arguments['document']}"

    async def call(self, arguments, context):
        return ToolResult(ok=True, summary="read", output="a page")


class HandClock:
    """Time that stands until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def asked(make_app, wait_for, clock):
    """The app at its first question."""

    def make():
        return make_app(SCRIPT, countdown=0.0, begin="a task", tools=(PageTool(),), monotonic=clock)

    return make


def question(app) -> bool:
    return isinstance(app.screen, ApprovalScreen)


async def settled(app, pilot, wait_for):
    await wait_for(pilot, lambda: question(app) and app.screen._seen_at is not None)


async def test_a_key_counts_after_half_a_second(asked, wait_for, clock):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        clock.now += 0.49
        await pilot.press("o", "a", "r", "d", "enter", "escape")
        await pilot.pause(0.1)
        assert question(app)
        assert app.state.run.question is not None
        assert not app.screen.query_one("#reason", Input).display
        clock.now += 0.02
        await pilot.press("o")
        await wait_for(pilot, lambda: app.state.run.steps[0].calls[0].status == "ok")
        assert app.state.run.steps[0].calls[0].leave == "allowed by you"


async def test_the_whole_call_is_shown_literally(asked, wait_for):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        assert app.screen.query_one("#call", PlainText).plain == "open(https://a.example/[@click=app.quit]x)"
        assert "a request to https://a.example/" in app.screen.query_one("#about", PlainText).plain
        assert "this run: open(https://a.example/*)" in app.screen.query_one("#choices", PlainText).plain


async def test_a_denial_takes_its_reason_along(asked, wait_for, clock):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        clock.now += 1
        await pilot.press("d")
        await pilot.press("n", "o", "escape")
        assert question(app)
        assert not app.screen.query_one("#reason", Input).display
        await pilot.press("d", "t", "enter")
        await wait_for(pilot, lambda: app.state.run.steps[0].calls[0].status == "failed")
        assert app.state.run.steps[0].calls[0].output == "error: denied: t"


@pytest.mark.parametrize(("key", "asks"), [("r", 2), ("a", 2), ("o", 2)])
async def test_the_next_host_is_asked_for_by_a_question_of_its_own(asked, wait_for, clock, key, asks):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        first = app.screen
        clock.now += 1
        await pilot.press(key)
        await wait_for(pilot, lambda: question(app) and app.screen is not first and app.screen._seen_at is not None)
        await pilot.press("o")
        await pilot.pause(0.1)
        assert question(app), "a key was taken for the question before"
        clock.now += 1
        await pilot.press("o")
        await wait_for(pilot, lambda: app.state.run.finished is not None)
        assert isinstance(app.screen, RunScreen)
        assert app.state.run.finished.answer == "done"


async def test_stopping_the_run_closes_the_question(asked, wait_for, clock):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        await pilot.press("ctrl+c")
        await wait_for(pilot, lambda: not app.state.busy and isinstance(app.screen, RunScreen))
        assert app.state.run.finished.status == "interrupted"
        assert app.state.run.steps[0].calls[0].status == "stopped"


async def test_quitting_at_a_question_ends_the_app(asked, wait_for):
    app = asked()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        await pilot.press("ctrl+q")
        await wait_for(pilot, lambda: not app.is_running)


@pytest.fixture
def asking_log(log):
    place = next(place for place, event in enumerate(log) if isinstance(event, ToolCalled))
    called = log[place]
    question = ApprovalAsked(
        question=called.call,
        call="open(https://docs.python.org/3/library/asyncio.html)",
        leaves="a request to docs.python.org",
        why=("this run has read what strangers wrote, and that may want to send something out",),
        covers="open(https://docs.python.org/*)",
    )
    stamped = msgspec.structs.replace(question, auction=called.auction, seq=called.seq + 1, at=called.at)
    return [*log[: place + 1], stamped]


async def test_a_replay_shows_the_question_and_no_key_answers_it(asking_log, replay_app, wait_for):
    app = replay_app(asking_log, stay=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(app, pilot, wait_for)
        await pilot.pause(0.6)
        await pilot.press("o")
        await pilot.pause(0.1)
        assert question(app)
        assert app.state.run.question is not None


def test_a_question(snap_compare, asking_log, replay_app, wait_for):
    app = replay_app(asking_log, stay=True)

    async def before(pilot):
        await settled(app, pilot, wait_for)
        await pilot.pause(0.15)

    assert snap_compare(app, terminal_size=(100, 30), run_before=before)


DIFF = (
    "diff --git a/solution.py b/solution.py\n--- a/solution.py\n+++ b/solution.py\n@@ -1,2 +1,2 @@\n def double(x):\n"
    "-    return x * x\n+    return x + x\n" + "".join(f"+line {number}\n" for number in range(60))
)


@pytest.fixture
def diff_log(asking_log):
    folder = "/home/you/projects/double"
    asked = msgspec.structs.replace(
        asking_log[-1], call=f"accept_changes({folder})", leaves=f"2 changed files to {folder}", detail=DIFF, covers="",
        why=(),
    )  # fmt: skip
    return [*asking_log[:-1], asked]


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12)])
def test_a_diff(snap_compare, diff_log, replay_app, wait_for, size):
    app = replay_app(diff_log, stay=True)

    async def before(pilot):
        await settled(app, pilot, wait_for)
        await pilot.pause(0.15)

    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("which", ["asking_log", "diff_log"])
async def test_what_can_be_answered_is_never_cut_off(request, replay_app, wait_for, clock, which):
    app = replay_app(request.getfixturevalue(which), stay=True)
    app._monotonic = clock
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(app, pilot, wait_for)
        for size in [(60, 20), (40, 12)]:
            await pilot.resize_terminal(*size)
            await pilot.pause(0.05)
            shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
            assert all(
                word in shown for word in ("sandbox full", " accept" if which == "diff_log" else " once", " deny", "?")
            )
            assert app.screen.query_one("#asked").size.height >= 3
            assert ("docs.python.org/*" in shown.replace(" ", "")) == (which == "asking_log")
        clock.now += 1
        await pilot.press("d")
        await pilot.pause(0.05)
        assert app.screen.query_one("#reason", Input).region.bottom < app.size.height
        await pilot.press("escape", "end")
        await pilot.pause(0.05)
        assert app.screen.query_one("#choices").region.bottom < app.size.height
        if which == "diff_log":
            assert "+line 59" in "\n".join(strip.text for strip in app.screen._compositor.render_strips())
