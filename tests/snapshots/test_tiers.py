"""The tier of the sandbox stands on every screen at every size, and what has to be known of it cannot be hidden."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from sale_tui.events import ApprovalAsked, LogStarted, RunFinished, RunStarted, ToolCalled
from sale_tui.tier_words import WARNINGS
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.approval import ApprovalScreen
from sale_tui.tui.screens.box import BoxScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.source import pool_of
from sale_tui.types import SandboxLimits

SIZES = [(120, 40), (40, 12), (20, 8)]
ASKED = ApprovalAsked(
    question="", call="open(https://a.example/)", leaves="a request to a.example", covers="open(https://a.example/*)",
    detail="\n".join(["+line"] * 60),
)  # fmt: skip


def with_tier(events, tier):
    return [
        msgspec.structs.replace(event, sandbox=tier) if isinstance(event, LogStarted | RunStarted) else event
        for event in events
    ]


@pytest.fixture
def asking(log):
    """The log up to a question that nobody answers."""
    place = next(place for place, event in enumerate(log) if isinstance(event, ToolCalled))
    called = log[place]
    asked = msgspec.structs.replace(ASKED, question=called.call, auction=called.auction, seq=called.seq, at=called.at)
    return [*log[: place + 1], asked]


def rows(app):
    return [strip.text for strip in app.screen._compositor.render_strips()]


def check(app, tier):
    """The first line ends with the tier; the second is the widest warning that it has room for."""
    first, second = rows(app)[:2]
    width = app.size.width - 2
    assert first.rstrip().endswith(f"sandbox {tier}" if width >= 8 + len(tier) else tier), (app.screen, app.size)
    fitting = [text for text in WARNINGS[tier] if len(text) <= width]
    assert second.strip() == fitting[0], (app.screen, app.size)


@pytest.mark.parametrize("tier", ["unsafe", "reduced"])
async def test_every_screen_says_it_at_every_size(log, replay_app, wait_for, tier):
    app = replay_app(with_tier(log, tier))
    async with app.run_test(size=SIZES[0]) as pilot:
        await wait_for(pilot, lambda: app.state.run is not None and app.state.run.finished and not app.state.busy)
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        for keys in ((), ("b",), ("v",), ("escape", "f1"), ("escape", "b", "s"), ("escape", "n")):
            await pilot.press(*keys)
            for size in SIZES[1:] if not keys else SIZES[-1:]:
                await pilot.resize_terminal(*size)
                await pilot.pause()
                check(app, tier)


async def test_a_question_does_not_cover_it(asking, replay_app, wait_for):
    app = replay_app(with_tier(asking, "unsafe"), stay=True)
    async with app.run_test(size=SIZES[0]) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ApprovalScreen))
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause(0.02)
            check(app, "unsafe")


async def test_it_is_said_before_there_is_a_session(log):
    async def never():
        await asyncio.Event().wait()

    app = SaleApp(never, pool_of(log[0]), unsafe=True)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause(0.1)
        assert any("○ coding" in row for row in rows(app))
        for keys in ((), ("f1",)):
            await pilot.press(*keys)
            await pilot.pause(0.1)
            check(app, "unsafe")


async def test_a_full_sandbox_needs_no_warning(log, replay_app, wait_for):
    app = replay_app(log)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.state.run and app.state.run.finished, RunFinished))
        await pilot.pause(0.1)
        assert rows(app)[0].rstrip().endswith("sandbox full")
        assert not any(text in row for row in rows(app) for wordings in WARNINGS.values() for text in wordings[:1])


@pytest.mark.parametrize(("tier", "size"), [("unsafe", (80, 24)), ("reduced", (40, 12))])
def test_a_banner(snap_compare, log, replay_app, wait_for, tier, size):
    app = replay_app(with_tier(log, tier))

    async def before(pilot):
        await wait_for(pilot, lambda: app.state.run is not None and app.state.run.finished and not app.state.busy)
        await pilot.pause(0.15)

    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_limits(snap_compare, log, replay_app, wait_for, size):
    header = msgspec.structs.replace(log[0], sandbox_limits=SandboxLimits(), sandbox_seconds=30.0)
    app = replay_app([header, *log[1:]])

    async def before(pilot):
        await wait_for(pilot, lambda: app.state.run is not None and app.state.run.finished and not app.state.busy)
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("f2")
        await wait_for(pilot, lambda: isinstance(app.screen, BoxScreen))
        await pilot.pause(0.15)

    assert snap_compare(app, terminal_size=size, run_before=before)


def test_no_screen_goes_without_it():
    folder = Path(__file__).parents[2] / "sale_tui" / "tui" / "screens"
    texts = {path.name: path.read_text("utf-8") for path in folder.glob("*.py") if path.name != "view.py"}
    screens = {name: text for name, text in texts.items() if "(ModalScreen[" in text or "(View[" in text}
    assert len(screens) > 8
    assert [name for name, text in screens.items() if "yield StatusLine()" not in text] == []
