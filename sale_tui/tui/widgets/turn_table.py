"""Weights that are turned, and the awards before and after, as text."""

from __future__ import annotations

from sale_tui.literal import literal_line
from sale_tui.tui.format import compact, count, fit, number, plural, signed
from sale_tui.tui.state_what_if import Knob, Shown, Taken, WhatIf
from sale_tui.tui.widgets.text import Part, labelled

FIXED = "The bids are held fixed: nobody bids, refines or marks anew, and no model is asked."
SHORT_FIXED = "The bids are held fixed; no model is asked."
NAME, CELL = 18, 9
BAR = 20
"""Cells of the longest bar."""
MOVES = 6
"""Ways in which auctions change hands that are named."""


def turn_parts(what_if: WhatIf, shown: Shown, short: dict[str, str], width: int) -> list[Part]:
    """Every weight as it was and as it is now. ``short``: names of agents without what all share."""
    parts: list[Part] = [labelled("", width, (FIXED if width >= len(FIXED) else SHORT_FIXED, "$text-warning"))]
    if not shown.knobs:
        return [*parts, "\n", labelled("", width, ("Nothing can be scored yet: no first bid has a mark.", "$quiet"))]
    parts += ["\n", (" " * NAME + "own".rjust(CELL) + "now".rjust(CELL), "$quiet")]
    for place, knob in enumerate(shown.knobs):
        parts += ["\n", *_knob(knob, place == what_if.chosen % len(shown.knobs), short)]
    return parts


def _knob(knob: Knob, chosen: bool, short: dict[str, str]) -> list[Part]:
    juror = knob.name.removeprefix("jury:")
    name = f"weight of {short.get(juror, juror)}" if knob.name.startswith("jury:") else knob.name
    name = "entropy weight" if knob.name == "entropy" else name
    style = "bold" if chosen else ""
    return [
        ("▸ " if chosen else "  ", "bold $text-primary"),
        (fit(literal_line(name), NAME - 2).ljust(NAME - 2), style),
        (compact(knob.own, 3, CELL - 1).rjust(CELL), "$quiet"),
        (compact(knob.now, 3, CELL - 1).rjust(CELL), style),
        ("  turned" if knob.turned else "", "$text-warning"),
    ]


def award_parts(what_if: WhatIf, shown: Shown, width: int) -> list[Part]:
    """This auction's award and those of the memory, before and after."""
    parts: list[Part] = []
    if shown.before is not None and shown.after is not None:
        same = (shown.before.agent, shown.before.round) == (shown.after.agent, shown.after.round)
        parts += [labelled("before     ", width, *_taken(shown.before)), "\n"]
        parts += [labelled("unchanged  " if same else "changed to ", width, *_taken(shown.after)), "\n"]
    return [*parts, *_past(what_if, shown, width)]


def _taken(taken: Taken) -> list[Part]:
    parts: list[Part] = [(taken.agent, "bold"), f" ({taken.round})"]
    if taken.margin is not None:
        parts.append((f"  {number(taken.margin, 3)} ahead of {taken.runner_up}", "$quiet"))
    return parts


def _past(what_if: WhatIf, shown: Shown, width: int) -> list[Part]:
    if what_if.trouble:
        return [labelled("! ", width, (f"The memory cannot be read: {what_if.trouble}", "$text-error"))]
    if what_if.past is None:
        return [("Reading past auctions…", "$quiet")]
    if not shown.auctions:
        return [labelled("", width, ("The memory holds no other auction that could be scored.", "$quiet"))]
    title = f"Last {plural(shown.auctions, 'auction')} in memory: {count(shown.moved)} would change hands"
    parts: list[Part] = [labelled("", width, (title, "bold"))]
    parts.append(("\n" + " " * NAME + "before".rjust(CELL) + "now".rjust(CELL), "$quiet"))
    room = min(width - NAME - 2 * CELL - 8, BAR)
    for each in shown.counts:
        change = each.after - each.before
        parts += [
            "\n  ", fit(literal_line(each.agent), NAME - 2).ljust(NAME - 2),
            (count(each.before).rjust(CELL), "$quiet"), (count(each.after).rjust(CELL), "bold" if change else ""),
            (f"  {signed(change, 0) if change else ''}".ljust(7), "$text-warning"),
            ("█" * round(max(room, 0) * each.after / shown.auctions), "$quiet"),
        ]  # fmt: skip
    for giver, taker, auctions in shown.moves[:MOVES]:
        parts += ["\n  ", (f"{giver} → {taker}: {count(auctions)}", "$quiet")]
    if len(shown.moves) > MOVES:
        parts += ["\n  ", (f"and {plural(len(shown.moves) - MOVES, 'other way')}", "$quiet")]
    if what_if.past.left_out:
        left = f"{plural(what_if.past.left_out, 'record')} cannot be scored and count for nothing here."
        parts += ["\n", labelled("", width, (left, "$quiet"))]
    return parts
