"""Weights that are turned by hand, and the awards that they would have led to. The bids stay as they are."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec.structs import replace

from sale_tui.auction.award import Choice
from sale_tui.auction.scoring import LARGEST_THRIFT, LEAST_SUM, LEAST_THRIFT
from sale_tui.auction.what_if import Held, Tally, Turns, choice_after, hold, hold_all, tally, turned, value_sum
from sale_tui.errors import ConfigurationFault, NoValidBid
from sale_tui.tui.state import AppState
from sale_tui.tui.state_why import record_of
from sale_tui.types import AuctionRecord, Round

PAST = 100
"""Auctions of the memory that are looked at, the newest."""
THRIFT_STEP = 1.1
"""Factor of one turn."""
STEPS = 20
"""A turn of a weight is about this part of the sum of the value weights."""
FALLBACK_STEP = 0.05
"""Where they are all 0."""
DIGITS = 12
"""That a turned weight keeps, so that turns there and back meet."""


class Past(msgspec.Struct, frozen=True):
    """Auctions of the memory."""

    auctions: tuple[Held, ...] = ()
    left_out: int = 0
    """Records that cannot be scored."""


class WhatIf(msgspec.Struct, frozen=True):
    """What is turned, of which auctions. Never changed in place."""

    held: Held | None = None
    """The auction on the board; None until its marks are there."""
    pool: tuple[str, ...] = ()
    """Its agents, cheapest first."""
    past: Past | None = None
    """None until the memory is read."""
    trouble: str = ""
    """Why it cannot be read."""
    turns: Turns = Turns()
    chosen: int = 0
    """Which knob the keys turn."""


class Knob(msgspec.Struct, frozen=True):
    """One thing that can be turned."""

    name: str
    """``thrift``, ``entropy`` or ``jury:<juror>``."""
    own: float | None
    """As the auction on the board was scored with; None for the thrift of value weights that are all 0."""
    now: float | None
    """What it is scored with after the turns."""
    turned: bool


class Taken(msgspec.Struct, frozen=True):
    """Who takes an award."""

    agent: str
    round: Round
    runner_up: str
    """Empty where there is none."""
    margin: float | None


class Count(msgspec.Struct, frozen=True):
    """An agent and how many past auctions it takes."""

    agent: str
    before: int
    after: int


class Shown(msgspec.Struct, frozen=True):
    """What the screen says."""

    knobs: tuple[Knob, ...]
    before: Taken | None
    after: Taken | None
    counts: tuple[Count, ...]
    """This pool's agents in its order, then agents of other pools."""
    moves: tuple[tuple[str, str, int], ...]
    """From, to, auctions that change hands; the most first."""
    auctions: int
    moved: int


def follow(what_if: WhatIf, state: AppState) -> WhatIf:
    """The same turns of what is on the board now."""
    pool = tuple(bidder.name for bidder in state.board.bidders)
    record = record_of(state)
    try:
        held = hold(record) if record is not None else None
    except (ConfigurationFault, NoValidBid):
        held = None
    return replace(what_if, held=held, pool=pool)


async def read_past(read: Callable[[int, str], Awaitable[Sequence[AuctionRecord]]], without: str) -> Past:
    """The newest auctions of the memory but for one; what does not change with the weights is made in a thread.

    Raises whatever ``read`` does.
    """
    return await asyncio.to_thread(past_of, await read(PAST, without))


def past_of(records: Sequence[AuctionRecord]) -> Past:
    """Those of the records that can be scored."""
    held = hold_all(records)
    return Past(held, len(records) - len(held))


def choose(what_if: WhatIf, by: int) -> WhatIf:
    """Another knob."""
    knobs = len(_names(what_if))
    return replace(what_if, chosen=(what_if.chosen + by) % knobs) if knobs else what_if


def turn(what_if: WhatIf, by: int) -> WhatIf:
    """The chosen knob one step up or down; a turn that leads back to its own value is none."""
    names, held = _names(what_if), what_if.held
    if held is None or not names:
        return what_if
    name = names[what_if.chosen % len(names)]
    if name == "thrift":
        return replace(what_if, turns=_turn_thrift(held, what_if.turns, by))
    turns, own = what_if.turns, _own(held, name)
    value = _value(turns, name)
    step = _step(held)
    moved = max(0.0, float(f"{(own if value is None else value) + by * step:.{DIGITS}g}"))
    back = math.isclose(moved, own, rel_tol=1e-9, abs_tol=step * 1e-6)
    if name == "entropy":
        return replace(what_if, turns=replace(turns, entropy=None if back else moved))
    juror = name.removeprefix("jury:")
    jury = {other: weight for other, weight in turns.jury.items() if other != juror}
    return replace(what_if, turns=replace(turns, jury=jury if back else {**jury, juror: moved}))


def restore(what_if: WhatIf) -> WhatIf:
    """Back to the weights that every auction was held with."""
    return replace(what_if, turns=Turns())


def shown(what_if: WhatIf) -> Shown:
    """All numbers; some milliseconds for a hundred auctions."""
    held, turns = what_if.held, what_if.turns
    counted = tally(what_if.past.auctions, turns) if what_if.past else Tally()
    moves = sorted(counted.moves.items(), key=lambda item: (-item[1], item[0]))
    return Shown(
        knobs=tuple(_knob(held, turns, name) for name in _names(what_if)) if held else (),
        before=_taken(held.own) if held else None,
        after=_taken(choice_after(held, turns)) if held else None,
        counts=_counts(what_if.pool, counted),
        moves=tuple((giver, taker, auctions) for (giver, taker), auctions in moves),
        auctions=counted.auctions,
        moved=counted.moved,
    )


def _names(what_if: WhatIf) -> list[str]:
    if what_if.held is None:
        return []
    jury = what_if.held.weights.jury
    ordered = [*(name for name in what_if.pool if name in jury), *(name for name in jury if name not in what_if.pool)]
    return ["thrift", "entropy", *(f"jury:{juror}" for juror in ordered)]


def _own(held: Held, name: str) -> float:
    return held.weights.entropy if name == "entropy" else held.weights.jury[name.removeprefix("jury:")]


def _value(turns: Turns, name: str) -> float | None:
    return turns.entropy if name == "entropy" else turns.jury.get(name.removeprefix("jury:"))


def _knob(held: Held, turns: Turns, name: str) -> Knob:
    scored = turned(held.weights, turns)
    if name == "thrift":
        return Knob(name, _thrift(value_sum(held.weights)), _thrift(value_sum(scored)), turns.thrift is not None)
    now = scored.entropy if name == "entropy" else scored.jury[name.removeprefix("jury:")]
    return Knob(name, _own(held, name), now, _value(turns, name) is not None)


def _thrift(total: float) -> float | None:
    return 1.0 / total if total >= LEAST_SUM else None


def _turn_thrift(held: Held, turns: Turns, by: int) -> Turns:
    now = _thrift(value_sum(turned(held.weights, turns)))
    own = _thrift(value_sum(turned(held.weights, replace(turns, thrift=None))))
    if now is None or own is None:
        return turns
    moved = min(max(now * THRIFT_STEP**by, LEAST_THRIFT), LARGEST_THRIFT)
    return replace(turns, thrift=None if math.isclose(moved, own, rel_tol=1e-9) else moved)


def _step(held: Held) -> float:
    """1, 2 or 5 times a power of ten, near a part of the sum of the value weights."""
    wanted = value_sum(held.weights) / STEPS
    if wanted < LEAST_SUM:
        return FALLBACK_STEP
    power = 10.0 ** math.floor(math.log10(wanted))
    return min((factor * power for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / wanted)))


def _taken(choice: Choice) -> Taken:
    winner, other = choice.winner, choice.runner_up
    margin = other.total - winner.total if other else None
    return Taken(winner.agent, winner.round, other.agent if other else "", margin)


def _counts(pool: tuple[str, ...], counted: Tally) -> tuple[Count, ...]:
    before, after = counted.before, counted.after
    others = sorted({*before, *after} - {*pool}, key=lambda name: (-before.get(name, 0), -after.get(name, 0), name))
    return tuple(Count(name, before.get(name, 0), after.get(name, 0)) for name in (*pool, *others))
