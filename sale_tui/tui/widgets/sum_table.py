"""The sum that decided, as a table of two bids and a few sentences."""

from __future__ import annotations

from sale_tui.literal import literal_line
from sale_tui.tui.format import NONE, compact, fit, flip, number, plural, price, signed, term_name
from sale_tui.tui.state_why import Cell, Decided, Line, Side
from sale_tui.tui.widgets.text import Part, labelled

NAME, WEIGHT, RAW, TERM = 14, 7, 8, 9
WIDE = NAME + 2 * WEIGHT + 2 * (RAW + TERM) + TERM
"""Cells from which scales and the difference of each term have columns."""
DIGITS = 4
"""Of a term."""


def sum_parts(found: Decided, short: dict[str, str], width: int) -> list[Part]:
    """``short``: names of agents without what all share. ``width`` in cells."""
    wide = width >= WIDE
    parts: list[Part] = [*_side("winner", found.winner, width)]
    if found.rival is not None:
        parts += ["\n", *_side("runner-up", found.rival, width)]
    parts += ["\n", *_titles(found, wide)]
    for line in found.lines:
        parts += ["\n", *_line(line, short, wide)]
    parts += ["\n", *_totals(found, wide), "\n"]
    for label, text in _sentences(found):
        parts += ["\n", labelled(label.ljust(10), width, text)]
    for note in found.notes:
        parts += ["\n", labelled("! ", width, (note, "$text-warning"))]
    return parts


def _side(label: str, side: Side, width: int) -> list[Part]:
    cost = f"{price(side.price, side.price_estimated)}/Mt × {plural(side.tokens, 'token')}"
    return [labelled(label.ljust(10), width, (side.agent, "bold"), f", {side.round} bid  ", (cost, "$quiet"))]


def _titles(found: Decided, wide: bool) -> list[Part]:
    pair = RAW + TERM
    over = " " * (NAME + WEIGHT * (1 + wide)) + "winner".rjust(pair)
    below = " " * NAME + "weight".rjust(WEIGHT) + ("scale".rjust(WEIGHT) if wide else "")
    below += "raw".rjust(RAW) + "term".rjust(TERM)
    if found.rival is not None:
        over += "runner-up".rjust(pair)
        below += "raw".rjust(RAW) + "term".rjust(TERM) + ("for it".rjust(TERM) if wide else "")
    return [(f"{over}\n{below}", "$quiet")]


def _line(line: Line, short: dict[str, str], wide: bool) -> list[Part]:
    juror = line.name.removeprefix("jury:")
    name = f"mark by {short.get(juror, juror)}" if line.name.startswith("jury:") else line.name
    style = "bold" if line.deciding else ""
    parts: list[Part] = [("◆ " if line.deciding else "  ", "bold $text-success")]
    parts.append((fit(literal_line(name), NAME - 2).ljust(NAME - 2), style or "$quiet"))
    parts.append((_weight(line.weight), "$quiet"))
    if wide:
        parts.append((_weight(line.scale), "$quiet"))
    parts += _cell(line.winner, style)
    if line.rival is not None:
        parts += _cell(line.rival, style)
    if wide and line.favour is not None:
        parts.append((_term(line.favour), style))
    return parts


def _cell(cell: Cell, style: str) -> list[Part]:
    raw = ("*" if cell.filled_in else "") + (compact(cell.raw, 2, RAW - 2) if cell.raw is not None else NONE)
    return [(raw.rjust(RAW), "$quiet"), (_term(cell.term), style)]


def _totals(found: Decided, wide: bool) -> list[Part]:
    lead = "  total".ljust(NAME + WEIGHT * (1 + wide) + RAW)
    parts: list[Part] = [(lead + compact(found.winner.total, DIGITS, TERM - 1).rjust(TERM), "bold")]
    if found.rival is not None:
        parts.append((compact(found.rival.total, DIGITS, TERM - 1).rjust(RAW + TERM), "bold"))
        if wide and found.explanation.margin is not None:
            parts.append((_term(found.explanation.margin), "bold"))
    return parts


def _sentences(found: Decided) -> list[tuple[str, str]]:
    told, rival = found.explanation, found.rival
    if rival is None or told.margin is None:
        lines = [("margin", "no other bid could have won")]
    else:
        lines = [("margin", f"{number(told.margin, DIGITS)} ahead of {rival.agent}, the least total wins")]
        decider = f"{term_name(told.deciding_term)} ◆, most in its favour" if told.deciding_term else "no term"
        lines += [("decided", f"by {decider}"), ("flip", flip(told))]
    if found.thrift is not None:
        lines.append(("thrift", f"{number(found.thrift)}, which the weights of entropy and marks have in them already"))
    return [*lines, ("total", "cost is added, entropy and marks are subtracted: weight × raw ÷ scale each")]


def _weight(value: float | None) -> str:
    return compact(value, 3, WEIGHT - 1).rjust(WEIGHT)


def _term(value: float) -> str:
    text = signed(value, DIGITS)
    return (text if len(text) < TERM else f"{value:+.1e}").rjust(TERM)
