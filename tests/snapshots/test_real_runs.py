"""The app while a real program runs in the real sandbox: it draws on, it stops at once, it tells how tests came out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from pathlib import Path

import pytest

from sale_tui.agent.tools.shell import ShellTool
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.session.wiring import TaskRequest
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.widgets.text import PlainText
from sale_tui.types import MEGABYTE, SandboxLimits

pytestmark = pytest.mark.sandbox
TASK = "Write double(x)."
FRAME = 0.05
"""Seconds of work after which a key would be felt to wait."""
STOP = 0.3
"""Seconds from the key to the end of the run."""
TRIES = 4
"""Of which one has to be in time: the machine may have other things to do."""


def shell(command: str) -> str:
    return f"<tool_call>{json.dumps({'name': 'shell', 'arguments': {'command': command}})}</tool_call>"


@pytest.fixture
def make_run(make_app, base):
    """The app whose winner takes these turns, one after the other, in the real sandbox."""
    apps = []

    def make(*turns: str, limits: SandboxLimits | None = None, **changes):
        bid = ScriptTurn(part="bid", text="1. Run it. 2. Say what it prints.")
        steps = tuple(ScriptTurn(part="execute", text=text, step=step) for step, text in enumerate(turns, start=1))
        script = Script(turn=(bid, *steps), mark=(ScriptMark(mark=3.0),))
        sandbox = BubblewrapSandbox(base, limits)
        app = make_app(script, countdown=0.0, tools=(ShellTool(),), sandbox=sandbox, workspaces=base, **changes)
        apps.append(app)
        return app

    yield make
    for app in apps:
        if app.state.run is not None:
            shutil.rmtree(app.state.run.started.workspace, ignore_errors=True)


class Stretches:
    """How long the app's thread computes without giving a key its turn; seconds of its own processor time, so that
    other programs on the machine do not count."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def watch(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.seconds.append(now - before)
            before = now


async def test_a_flood_of_output_holds_up_no_key(make_run, wait_for):
    flood = "head -c 67108864 /dev/zero | tr '\\0' x"
    app = make_run(shell(flood), "Answer: done", limits=SandboxLimits(drained_bytes=80 * MEGABYTE))
    stretches = Stretches()
    async with app.run_test(size=(120, 40)) as pilot:
        app.start(TaskRequest(text=TASK, kind="coding"))
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen) and bool(app.state.run.steps))
        await wait_for(pilot, lambda: bool(app.state.run.steps[0].calls))
        watching = asyncio.create_task(stretches.watch())
        await wait_for(pilot, lambda: app.state.run.finished is not None)
        watching.cancel()
        [call] = app.state.run.steps[0].calls
        assert call.status == "ok"
        assert call.truncated > 63 * MEGABYTE
    assert len(stretches.seconds) > 20
    assert max(stretches.seconds) <= FRAME


async def test_ctrl_c_ends_a_program_at_once_and_leaves_its_files(make_run, wait_for):
    mark = f"86400.{time.monotonic_ns()}"
    app = make_run(shell(f"echo kept > a.txt; sleep {mark}"))
    took: list[float] = []
    async with app.run_test(size=(80, 24)) as pilot:
        while len(took) < TRIES and min(took, default=1.0) > STOP:
            took.append(await stopped_after(app, pilot, wait_for, mark))
    assert min(took) <= STOP, took


async def stopped_after(app, pilot, wait_for, mark) -> float:
    """Seconds from the key to the end of a run whose program would go on for a day."""
    app.start(TaskRequest(text=TASK, kind="coding"))
    await wait_for(pilot, lambda: bool(app.state.run and app.state.run.steps and app.state.run.steps[0].calls))
    written = Path(app.state.run.started.workspace) / "a.txt"
    await wait_for(pilot, lambda: written.exists() and running(mark))
    began = time.monotonic()
    app.simulate_key("ctrl+c")
    await wait_for(pilot, lambda: app.state.run.finished is not None)
    took = time.monotonic() - began
    assert app.state.run.finished.status == "interrupted"
    assert not running(mark)
    assert written.read_text() == "kept\n"
    await wait_for(pilot, lambda: not app.state.busy)
    shutil.rmtree(written.parent)
    return took


def running(mark: str) -> bool:
    """Whether a process that was started with these words is alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(mark in entry.read_text("utf-8", "replace"))
    return any(found)


async def test_tests_of_the_launch_are_run_on_the_answer(make_run, wait_for):
    given = TaskRequest(text="", tests="assert double(3) == 6")
    app = make_run("Answer:\n```python\ndef double(x):\n    return x * x\n```", given=given)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: "is tested with your file" in app.screen.query_one("#status", PlainText).plain)
        await pilot.press("ctrl+t", "ctrl+t", *"double", "enter")
        await wait_for(pilot, lambda: app.state.outcome is not None and not app.state.busy)
        assert app.state.kind.kind == "coding"
        await wait_for(
            pilot, lambda: "tests      ✗ failed: AssertionError" in app.screen.query_one("#below", PlainText).plain
        )
