"""Why this one, what if, jury: how they look, and what their keys do."""

from __future__ import annotations

import json

import msgspec
import pytest

from sale_tui.commands import Accept
from sale_tui.errors import SaleError
from sale_tui.events import AwardProposed, decode, encode
from sale_tui.session.record import record_of
from sale_tui.tui.screens.auction import AuctionScreen
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.jury import JuryScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.screens.what_if import WhatIfScreen
from sale_tui.tui.screens.why import WhyScreen
from sale_tui.tui.widgets.text import PlainText
from tests.snapshots.test_hostile_text import CONTROL
from tests.state.auctions import EVEN, LEADING, NOTHING, auction

SIZES = [(60, 20), (80, 24), (120, 40)]
TURNED = ("f", "right", "right", "up", "left")


def proposed(log):
    return log[: [place for place, event in enumerate(log) if isinstance(event, AwardProposed)][-1] + 1]


def past_of(log):
    """Forty auctions: the dearer bids are marked from badly to well, every third has no refined bids."""
    record = record_of(log)

    def made(number):
        share = 0.5 + number * 7 % 40 / 80
        marks = [{juror: mark * share for juror, mark in bid.marks.items()} for bid in record.bids]
        bids = tuple(
            bid if bid.agent == "micro-xs" else msgspec.structs.replace(bid, marks=less)
            for bid, less in zip(record.bids, marks, strict=True)
            if number % 3 or bid.round == "first"
        )
        return msgspec.structs.replace(record, bids=bids)

    return lambda limit, without: [made(number) for number in range(40)][:limit]


def shown(app):
    return "\n".join(text.plain for text in app.screen.query("#page PlainText").results(PlainText))


@pytest.fixture
def looks(snap_compare, replay_app, wait_for, log):
    def compare(size, keys, sign):
        events = proposed(log)
        app = replay_app(events, stay=True, past=past_of(log))

        async def before(pilot):
            await wait_for(pilot, lambda: app.state.now == events[-1].at and isinstance(app.screen, AuctionScreen))
            await pilot.press(*keys)
            await wait_for(pilot, lambda: sign in shown(app) and app.drawn)
            await pilot.pause(0.1)

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_why_this_one(looks, size):
    assert looks(size, ("w",), "decided")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_if(looks, size):
    assert looks(size, TURNED, "Last 40 auctions")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_jury(looks, size):
    assert looks(size, ("j",), "Self-preference")


async def test_keys_go_from_page_to_page_and_back(log, replay_app, wait_for):
    app = replay_app(log)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen) and not app.state.busy)
        for key, kind in (("w", WhyScreen), ("f", WhatIfScreen), ("j", JuryScreen), ("w", WhyScreen)):
            await pilot.press(key)
            await wait_for(pilot, lambda kind=kind: isinstance(app.screen, kind))
            assert len(app.screen_stack) == 3
        await pilot.press("w")
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("b", "f")
        await wait_for(pilot, lambda: isinstance(app.screen, WhatIfScreen))
        await wait_for(pilot, lambda: "holds no other auction" in shown(app))
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, AuctionScreen))


@pytest.mark.parametrize(
    ("bids", "changes", "keys", "sign"),
    [
        (EVEN, {}, ("w",), "the lower price wins"),
        (LEADING[:3], {"failed": "elm"}, ("j",), "✗ no bid: wrote nothing"),
        (LEADING, {"weights": NOTHING}, ("f", "right", *["down"] * 4, "right"), "changed to cedar"),
    ],
    ids=["tie", "failed", "all-zero"],
)
async def test_odd_auctions(replay_app, wait_for, bids, changes, keys, sign):
    app = replay_app(auction(bids, **changes))
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_for(pilot, lambda: app.state.board.proposal is not None and not app.state.busy)
        await pilot.press(*keys)
        await wait_for(pilot, lambda: sign in shown(app))


async def test_names_and_reasons_are_literal(replay_app, wait_for):
    name = "[/] $text [@click=app.quit]x[/] \x1b[31m\u202e 漢字かな交じり文\n"
    lines = [encode(event).replace('"ash"', json.dumps(name)) for event in auction(LEADING[:3], failed="elm")]
    app = replay_app([decode(line.replace("wrote nothing", json.dumps(name)[1:-1])) for line in lines])
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_for(pilot, lambda: app.state.board.proposal is not None and not app.state.busy)
        for key, sign in (("w", "decided"), ("f", "memory"), ("j", "✗ no bid")):
            await pilot.press(key)
            await wait_for(pilot, lambda sign=sign: sign in shown(app))
            assert "[/]" in shown(app)
            assert not CONTROL.search("".join(strip.text for strip in app.screen._compositor.render_strips()))


async def test_a_finished_auction_is_in_the_memory_of_the_next(make_app, wait_for):
    app = make_app(begin="Where does the sister of Velmar live?")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.press("f")
        await wait_for(pilot, lambda: "holds no other auction" in shown(app))
        await pilot.press("space")
        await wait_for(pilot, lambda: app.state.board.proposal.held)
        app.send(Accept())
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen) and not app.state.busy)
        await pilot.press("n")
        await wait_for(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("x", "enter")
        await wait_for(pilot, lambda: app.state.deciding)
        await pilot.press("f")
        await wait_for(pilot, lambda: "Last 1 auction in memory: 0 would change hands" in shown(app))
        assert "cedar" in shown(app)


async def test_a_memory_that_cannot_be_read_is_said(log, replay_app, wait_for):
    def broken(limit, without):
        raise SaleError("the disk is gone", "mend it")

    app = replay_app(proposed(log), past=broken)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: app.state.board.proposal is not None and not app.state.busy)
        await pilot.press("f", "right")
        await wait_for(pilot, lambda: "The memory cannot be read: the disk is gone" in shown(app))
        assert "turned" in shown(app)
