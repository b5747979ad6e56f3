"""Past auctions and the ledger: what keys do, and what the screens look like over a real memory."""

from __future__ import annotations

import asyncio
import json
import shutil
import time

import pytest
from textual.widgets import Input

from benchmarks.memory_browser import fill as many
from sale_tui.archive import Wanted
from sale_tui.errors import SaleError
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import open_memory
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.auction import AuctionScreen
from sale_tui.tui.screens.export import ExportScreen
from sale_tui.tui.screens.forget import ForgetScreen
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.ledger import LedgerScreen
from sale_tui.tui.screens.memory import PAGE, MemoryScreen
from sale_tui.tui.screens.past import PastScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.source import ReplaySource, pool_of
from sale_tui.tui.widgets.past_list import PastList
from sale_tui.tui.widgets.prompt import Prompt
from sale_tui.tui.widgets.text import PlainText
from tests.snapshots.past import fill, identity

HELD = 9


@pytest.fixture(autouse=True)
def one_time_zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def filled(tmp_path_factory, log):
    """A database of nine auctions."""
    folder = tmp_path_factory.mktemp("filled")
    memory = open_memory(folder / "memory.db", HashingEmbedder(), folder / "cache")
    asyncio.run(fill(memory, log, HELD))
    memory.close()
    return folder / "memory.db"


@pytest.fixture
def memory(tmp_path, filled):
    """A copy of it."""
    shutil.copy(filled, tmp_path / "memory.db")
    opened = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path / "cache")
    yield opened
    opened.close()


@pytest.fixture
def past_app(log, memory):
    """Makes the app over that memory, without models."""

    def make(archive=True) -> SaleApp:
        async def opened() -> ReplaySource:
            source = ReplaySource(log, float("inf"))
            source.archive = memory.archive if archive else None
            return source

        app = SaleApp(opened, pool_of(log[0]), grace_seconds=0.0)
        app.still = True
        return app

    return make


def shows(app, kind: type) -> bool:
    return isinstance(app.screen, kind)


def said(app, name="#what"):
    return app.screen.query_one(name, PlainText).plain


def listed(app):
    return [row.id for row in app.screen._rows]


async def opened(pilot, wait_for, app, key="ctrl+o", kind=MemoryScreen) -> None:
    await pilot.press(key)
    await wait_for(pilot, lambda: shows(app, kind))
    if kind is MemoryScreen:
        await wait_for(pilot, lambda: app.screen._total is not None and not app.screen.looking)


async def entered(pilot, wait_for, app) -> None:
    await opened(pilot, wait_for, app)
    await pilot.press("enter")
    await wait_for(pilot, lambda: shows(app, PastScreen) and app.screen._stored is not None)
    await pilot.pause(0.1)


async def test_the_list_is_filtered_and_searched_by_keys(past_app, memory, wait_for):
    app = past_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, wait_for, app)
        assert listed(app) == [identity(number) for number in reversed(range(HELD))]
        await pilot.press("k")
        await wait_for(pilot, lambda: len(app.screen._rows) == 4)
        assert {row.kind for row in app.screen._rows} == {"search"}
        await pilot.press("k", "k", "a")
        await wait_for(pilot, lambda: len(app.screen._rows) == 1)
        assert app.screen._rows[0].agent == "micro-l"
        await pilot.press("a", "a", "a", "a")
        await wait_for(pilot, lambda: len(app.screen._rows) == HELD)
        await pilot.press("slash", *"mayor of Velmar", "enter")
        await wait_for(pilot, lambda: "by meaning" in said(app))
        assert "mayor" in app.screen._rows[0].task
        await pilot.press("escape")
        await wait_for(pilot, lambda: "newest first" in said(app) and not app.screen.looking)
        await pilot.press("escape")
        assert shows(app, HomeScreen)


async def test_an_empty_memory_says_so(past_app, memory, wait_for):
    memory.archive.forget([identity(number) for number in range(HELD)])
    app = past_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, wait_for, app)
        await pilot.pause(0.1)
        assert "Nothing yet" in said(app)
        await pilot.press("enter", "y", "d", "e", "end", "escape")
        await opened(pilot, wait_for, app, "ctrl+l", LedgerScreen)
        await wait_for(pilot, lambda: "Nothing yet" in said(app, "#books"))


async def test_without_a_memory_that_is_told(past_app, wait_for):
    app = past_app(archive=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+o")
        await wait_for(pilot, lambda: shows(app, MemoryScreen) and "no memory" in said(app))


async def test_an_answer_is_marked_and_the_mark_taken_back(past_app, memory, wait_for):
    app = past_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, wait_for, app)
        assert (app.screen._rows[0].id, app.screen._rows[0].outcome) == (identity(8), "unknown")
        for key, outcome in (("y", "passed"), ("x", "failed"), ("x", "unknown")):
            await pilot.press(key)
            await wait_for(pilot, lambda outcome=outcome: app.screen._rows[0].outcome == outcome)
            assert memory.store.get_head(identity(8)).outcome == outcome
        await pilot.press("enter")
        await wait_for(pilot, lambda: shows(app, PastScreen) and app.screen._stored is not None)
        await pilot.press("y")
        await wait_for(pilot, lambda: "right, by your mark" in said(app, "#auction"))
        await pilot.press("escape")
        await wait_for(pilot, lambda: shows(app, MemoryScreen) and app.screen._rows[0].outcome == "passed")


async def test_forgetting_asks_and_can_be_left(past_app, memory, wait_for):
    app = past_app()
    async with app.run_test(size=(60, 20)) as pilot:
        await opened(pilot, wait_for, app)
        await pilot.press("d")
        await wait_for(pilot, lambda: shows(app, ForgetScreen))
        await pilot.press("escape")
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: shows(app, PastScreen) and app.screen._stored is not None)
        assert memory.archive.count(Wanted()) == HELD
        await pilot.press("d")
        await wait_for(pilot, lambda: shows(app, ForgetScreen))
        await pilot.press("y")
        await wait_for(pilot, lambda: shows(app, MemoryScreen) and len(app.screen._rows) == HELD - 1)
        assert identity(7) not in listed(app)
        with pytest.raises(SaleError, match="no auction"):
            memory.store.get_head(identity(7))


async def test_what_is_listed_is_exported(past_app, memory, wait_for, tmp_path):
    app = past_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, wait_for, app)
        await pilot.press("k")
        await wait_for(pilot, lambda: len(app.screen._rows) == 4)
        await pilot.press("e")
        await wait_for(pilot, lambda: shows(app, ExportScreen))
        file = app.screen.query_one("#file", Input)
        for name, told in (
            ("past.txt", "neither"),
            ("no/past.json", "cannot be written"),
            ("past.json", "4 auctions in"),
        ):
            file.value = str(tmp_path / name)
            await pilot.press("enter")
            await wait_for(pilot, lambda told=told: told in said(app, "#result"))
        assert len(json.loads((tmp_path / "past.json").read_text("utf-8"))["auctions"]) == 4
        await pilot.press("enter")
        assert shows(app, MemoryScreen)


async def test_a_past_auction_is_played_again_and_left_at_any_moment(past_app, memory, wait_for):
    app = past_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await entered(pilot, wait_for, app)
        await pilot.press("f", "f", "p")
        await wait_for(pilot, lambda: shows(app, AuctionScreen) and bool(app.state.phases))
        assert app.stage is not app.live
        assert not app.live.feed.state.task
        await pilot.press("escape")
        await wait_for(pilot, lambda: shows(app, PastScreen))
        await wait_for(pilot, lambda: app.stage is app.live and not app.state.busy)
        await pilot.press("p")
        await wait_for(pilot, lambda: shows(app, RunScreen) and not app.state.busy)
        assert app.state.run.finished is not None
        await pilot.press("b", "v", "escape", "b", "n")
        assert shows(app, PastScreen)
        assert not app.state.task


async def test_the_answer_of_a_run_is_marked_and_copied(make_app, wait_for):
    app = make_app(countdown=0.0, begin="Where does the sister of Velmar live?")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: shows(app, RunScreen) and not app.state.busy)
        await pilot.press("c", "y")
        await wait_for(pilot, lambda: app.state.outcome is not None)
        await wait_for(pilot, lambda: "✓ right, by your mark" in said(app, "#below"))
        assert app.clipboard == "Orrin"
        await pilot.press("x")
        await wait_for(pilot, lambda: app.state.outcome.outcome == "failed")
        archive = await app.past.archive()
        assert archive.page(Wanted(), 1)[0].outcome == "failed"
        await opened(pilot, wait_for, app, "ctrl+l", LedgerScreen)
        await wait_for(pilot, lambda: "0 (0%)" in said(app, "#books"))
        await pilot.press("escape")
        assert shows(app, RunScreen)


async def test_a_run_that_begins_leaves_who_reads_alone(make_app, wait_for):
    app = make_app(countdown=0.5, begin="Where does the sister of Velmar live?")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await opened(pilot, wait_for, app)
        await wait_for(pilot, lambda: not app.state.busy)
        await pilot.pause(0.1)
        assert shows(app, MemoryScreen)
        await pilot.press("escape", "b")
        assert shows(app, RunScreen)


@pytest.fixture
def looks(snap_compare, past_app, wait_for):
    """Whether a screen over a memory of nine auctions looks as before."""

    def compare(size, *keys, kind):
        app = past_app()

        async def before(pilot):
            await wait_for(pilot, lambda: len(app.state.models) == 4)
            app.screen.query_one(Prompt).cursor_blink = False
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.2)
            await wait_for(pilot, lambda: shows(app, kind))
            await pilot.pause(0.3)

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=str)
def test_past_auctions(looks, size):
    assert looks(size, "ctrl+o", "down", kind=MemoryScreen)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=str)
def test_a_past_auction(looks, size):
    assert looks(size, "ctrl+o", "enter", kind=PastScreen)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=str)
def test_the_ledger(looks, size):
    assert looks(size, "ctrl+l", kind=LedgerScreen)


def test_the_question_before_forgetting(looks):
    assert looks((80, 24), "ctrl+o", "d", kind=ForgetScreen)


async def test_the_cursor_goes_through_pages(past_app, memory, wait_for, monkeypatch):
    monkeypatch.setattr("sale_tui.tui.screens.memory.PAGE", 4)
    app = past_app()
    async with app.run_test(size=(80, 10)) as pilot:
        await opened(pilot, wait_for, app)
        for _ in range(4):
            await pilot.press("end")
            await pilot.pause(0.1)
        await wait_for(pilot, lambda: len(app.screen._rows) == HELD)
        await pilot.press("end")
        assert app.screen.query_one(PastList).chosen.id == identity(0)
        await pilot.press("pageup", "home", "end", "up")
        assert app.screen.query_one(PastList).chosen.id == identity(1)


async def test_of_five_thousand_only_what_is_near_is_read(past_app, memory, wait_for):
    many(memory, 5000, ("auctions", "awards", "runs", "bills"))
    app = past_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, wait_for, app)
        assert app.screen._total == 5000 + HELD
        assert len(app.screen._rows) == PAGE
        past = app.screen.query_one(PastList)
        assert len(past.plain.splitlines()) == past.size.height
        await pilot.press("end")
        await wait_for(pilot, lambda: len(app.screen._rows) == 2 * PAGE)
        assert len(past.plain.splitlines()) == past.size.height
        await pilot.press("escape")
        await opened(pilot, wait_for, app, "ctrl+l", LedgerScreen)
        await wait_for(pilot, lambda: "5,009" in said(app, "#books"))
