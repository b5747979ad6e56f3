"""The jury's marks as a grid of numbers with a shade, and sentences below it."""

from __future__ import annotations

from sale_tui.literal import literal_line
from sale_tui.tui.format import NONE, fit, number
from sale_tui.tui.state_jury import Grid, Mark, Row
from sale_tui.tui.widgets.text import Part, labelled, one_line

NAME, CELL, SPREAD = 13, 8, 8
LEGEND = "[own] a juror's mark of its own bid · shade ░▒▓█ from 1 to 5 · spread: most − least · ! see below"

SHORT_LEGEND = "[own bid] · ░▒▓█ marks 1 to 5 · spread: most − least"


def grid_parts(grid: Grid, short: dict[str, str], width: int) -> list[Part]:
    """As many jurors side by side as there is room for, the rest below. ``short``: names without what all share."""
    across = max((width - NAME - SPREAD) // CELL, 1)
    parts: list[Part] = [labelled("", width, ("Rows: bids. Columns: jurors, who mark from 0 to 5.", "$quiet")), "\n"]
    for begin in range(0, len(grid.jurors), across):
        block = range(begin, min(begin + across, len(grid.jurors)))
        parts += _block(grid, block, short, width, last=block[-1] == len(grid.jurors) - 1)
    parts += [labelled("", width, (LEGEND if width >= len(LEGEND) else SHORT_LEGEND, "$quiet"))]
    for sentence, flagged in grid.words:
        told = (sentence, "$text-warning" if flagged else "")
        parts += ["\n", labelled("! " if flagged else "  ", width, told)]
    return parts


def _block(grid: Grid, block: range, short: dict[str, str], width: int, last: bool) -> list[Part]:
    names = [fit(literal_line(short.get(grid.jurors[at], grid.jurors[at])), CELL - 2) for at in block]
    title = (
        " " * NAME
        + "".join(f" {name.rjust(CELL - 2)} " for name in names)
        + ("spread".rjust(SPREAD - 1) if last else "")
    )
    parts: list[Part] = [(f"{title}\n", "bold")]
    for row in grid.rows:
        name = literal_line(short.get(row.agent, row.agent)) if row.round == "first" else "  ↳ refined"
        parts.append((fit(name, NAME - 1).ljust(NAME), "" if row.round == "first" else "$quiet"))
        if row.failed:
            parts += [one_line(f"✗ no bid: {row.failed}", max(width - NAME, 1), "$text-error"), "\n"]
            continue
        for at in block:
            parts += _cell(row.marks[at])
        parts += [*(_spread(row) if last else []), "\n"]
    means = "".join(f" {number(grid.means[at]).rjust(CELL - 2)} " for at in block)
    return [*parts, ("gives, mean".ljust(NAME) + means + "\n", "$quiet")]


def _cell(mark: Mark) -> list[Part]:
    if mark.unsure:
        return [("  unsure", "$quiet")]
    if mark.value is None:
        return [(NONE.rjust(5).ljust(CELL), "$faint")]
    text = f"[{number(mark.value)}]" if mark.own else f" {number(mark.value)} "
    flag = ("!" if mark.flagged else " ", "bold $text-warning")
    return [flag, (mark.shade, "$text-primary"), (text, "bold $text-warning" if mark.flagged else "")]


def _spread(row: Row) -> list[Part]:
    text = number(row.spread).rjust(SPREAD - 2)
    return [(text + ("!" if row.flagged else " "), "bold $text-warning" if row.flagged else "$quiet")]
