"""Weights turned by keys, without a screen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sale_tui.auction.rescore import rescore
from sale_tui.auction.scoring import with_thrift
from sale_tui.auction.what_if import Turns
from sale_tui.events import BidPlaced
from sale_tui.session.record import record_of as record_of_log
from sale_tui.tui.state_what_if import WhatIf, choose, follow, past_of, read_past, restore, shown, turn
from sale_tui.tui.widgets.text import words
from sale_tui.tui.widgets.turn_table import award_parts, turn_parts
from tests.state.auctions import EVEN, LEADING, NOTHING, WEIGHTS, auction
from tests.state.test_why_state import fold, until


def seen(what_if) -> Any:
    return shown(what_if)


def opened(events, past=()):
    return msgspec.structs.replace(follow(WhatIf(), fold(events)), past=past_of(list(past)))


def pressed(what_if, *keys):
    for key in keys:
        match key:
            case "up" | "down":
                what_if = choose(what_if, -1 if key == "up" else 1)
            case _:
                what_if = turn(what_if, -1 if key == "left" else 1)
    return what_if


def knob(what_if, name):
    return next(each for each in seen(what_if).knobs if each.name == name)


def test_every_weight_of_the_pool_can_be_turned(log):
    what_if = opened(log)
    jurors = ["jury:micro-xs", "jury:micro-s", "jury:micro-m", "jury:micro-l"]
    assert [each.name for each in seen(what_if).knobs] == ["thrift", "entropy", *jurors]
    for place, each in enumerate(seen(what_if).knobs):
        up = pressed(what_if, *["down"] * place, "right")
        now = seen(up).knobs[place]
        assert now.turned
        assert now.now > each.own
    assert choose(what_if, -1).chosen == 5


@pytest.mark.parametrize("place", range(6))
def test_there_and_back_is_as_it_was(log, place):
    what_if = pressed(opened(log), *["down"] * place)
    assert pressed(what_if, "right", "right", "left", "left").turns == Turns()
    assert pressed(what_if, "left", "left", "right", "right").turns == Turns()


def test_a_turn_shows_what_rescore_says(log):
    what_if = pressed(opened(log), "down", "down", "right", "up", "up", *["right"] * 18)
    own = record_of_log(log).weights
    jury = {**own.jury, "micro-xs": 0.25}
    said = rescore(record_of_log(log), weights=msgspec.structs.replace(own, jury=jury), thrift=1.1**18 / 1.05)
    after = seen(what_if).after
    assert (after.agent, after.round) == (said["award"]["agent"], said["award"]["round"]) == ("micro-xs", "first")
    assert seen(what_if).before.round == "refined"
    assert restore(what_if).turns == Turns()


def test_thrift_rescales_what_is_scored(log):
    what_if = pressed(opened(log), "right")
    own = record_of_log(log).weights
    assert knob(what_if, "entropy").now == pytest.approx(with_thrift(own, 1.1).entropy)
    assert knob(what_if, "thrift").now == pytest.approx(1.1)
    assert not knob(what_if, "entropy").turned


def test_a_weight_goes_to_0_and_no_further():
    what_if = pressed(opened(auction(LEADING)), "down", *["left"] * 9)
    assert knob(what_if, "entropy").now == 0
    assert knob(pressed(what_if, "right"), "entropy").now == pytest.approx(0.05)


def test_weights_that_are_all_0_can_be_raised_and_have_no_thrift():
    what_if = opened(auction(LEADING, NOTHING))
    assert knob(what_if, "thrift").own is None
    assert pressed(what_if, "right").turns == Turns()
    raised = pressed(what_if, "down", "down", "down", "down", "right")
    assert knob(raised, "jury:cedar").now == pytest.approx(0.05)
    assert (seen(what_if).after.agent, seen(raised).after.agent) == ("ash", "cedar")


def test_weights_as_large_as_a_record_may_hold_are_turned_without_a_fault():
    large = msgspec.structs.replace(WEIGHTS, jury=dict.fromkeys(WEIGHTS.jury, 1e30))
    what_if = pressed(opened(auction(LEADING, large)), "right", "right", "left", "down", "right", "down", "left")
    assert seen(what_if).after is not None


def test_a_tie_goes_as_the_rules_say():
    before = seen(opened(auction(EVEN))).before
    assert (before.agent, before.margin) == ("ash", 0)


def test_past_auctions_are_counted_by_agent(log):
    record = record_of_log(log)
    first = msgspec.structs.replace(record, bids=tuple(b for b in record.bids if b.round == "first"))
    stranger = record_of_log(auction(LEADING))
    what_if = opened(log, [record, first, first, stranger, msgspec.structs.replace(record, bids=())])
    assert what_if.past.left_out == 1
    counts = {each.agent: (each.before, each.after) for each in seen(what_if).counts}
    agents = ["micro-xs", "micro-s", "micro-m", "micro-l", "cedar"]
    assert list(counts) == agents
    assert counts["micro-m"] == (2, 2)
    assert seen(what_if).moved == 0
    turned = pressed(what_if, *["right"] * 20)
    after = seen(turned)
    assert (after.auctions, after.moved) == (4, 3)
    assert after.moves == (("micro-m", "micro-xs", 2), ("cedar", "birch", 1))
    text = words(*award_parts(turned, after, 70)).plain
    assert "Last 4 auctions in memory: 3 would change hands" in text
    assert "micro-m → micro-xs: 2" in text
    assert "1 record cannot be scored" in text


async def test_the_memory_is_asked_for_a_hundred_but_this_one(log):
    asked = []

    async def read(limit, without):
        asked.append((limit, without))
        return [record_of_log(log)] * 3

    assert len((await read_past(read, "this")).auctions) == 3
    assert asked == [(100, "this")]


def test_before_any_mark_it_says_so(log):
    what_if = follow(WhatIf(), fold(until(log, BidPlaced)[:40]))
    assert what_if.held is None
    assert pressed(what_if, "right", "down") == what_if
    text = words(*turn_parts(what_if, seen(what_if), {}, 56)).plain
    assert "bids are held fixed" in text
    assert "Nothing can be scored yet" in text


def test_what_became_of_the_memory_is_said(log):
    what_if = opened(log)
    assert "holds no other auction" in words(*award_parts(what_if, seen(what_if), 56)).plain
    reading = msgspec.structs.replace(what_if, past=None)
    assert "Reading past auctions" in words(*award_parts(reading, seen(reading), 56)).plain
    broken = msgspec.structs.replace(reading, trouble="it is gone")
    assert "cannot be read: it is gone" in words(*award_parts(broken, seen(broken), 56)).plain
