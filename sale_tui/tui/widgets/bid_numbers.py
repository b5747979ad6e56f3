"""The numbers of a bid, aligned: one below the other in a column, or side by side in a row."""

from __future__ import annotations

from textual.content import Content

from sale_tui.tui.format import NONE, fit, number, price
from sale_tui.tui.state_board import Bidder, Offer
from sale_tui.tui.widgets.text import Part, words

NAMES = ("$/Mt", "tokens", "entropy", "mark", "cost", "value", "total")
NARROW_NAMES = ("$/Mt", "tok", "entr", "mark", "cost", "value", "total")
WIDTHS = (7, 7, 8, 6, 7, 7, 8)
NARROW_WIDTHS = (6, 5, 6, 6, 7, 7, 7)
NAME, NARROW_NAME = 14, 12
"""Cells before the numbers of a row: sign, digit, name."""
COLUMNS = NAME + sum(WIDTHS)
"""Cells that a row of numbers takes; the narrow columns are for less."""
CELL = 8
"""Cells of a number in a column."""


def name_width(width: int) -> int:
    """Cells before the numbers, where there are so many in all."""
    return NAME if width >= COLUMNS else NARROW_NAME


def row_title(width: int) -> Content:
    """The line over the rows."""
    names, widths = (NAMES, WIDTHS) if width >= COLUMNS else (NARROW_NAMES, NARROW_WIDTHS)
    titles = "".join(name.rjust(cells) for name, cells in zip(names, widths, strict=True))
    return words((" " * name_width(width) + titles, "$quiet"))


def numbers_row(bidder: Bidder, offer: Offer | None, width: int) -> Content:
    """Price, length, entropy, mean mark, cost, value, total under the ``row_title`` of that width."""
    card = offer.card if offer else None
    imputed = card.imputed if card else ()
    values: tuple[tuple[str, str], ...] = (
        (price(bidder.price, bidder.price_estimated), "$quiet"),
        (str(offer.tokens) if offer and offer.tokens else NONE, ""),
        (_flagged(number(offer.entropy if offer else None), "entropy" in imputed), ""),
        (number(offer.mean_mark if offer else None), ""),
        (number(card.cost if card else None, 3), ""),
        (number(card.value if card else None, 3), ""),
        (number(card.total if card else None, 3), "bold"),
    )
    parts: list[Part] = [
        (text.rjust(cells), "$faint" if text == NONE else style)
        for (text, style), cells in zip(values, WIDTHS if width >= COLUMNS else NARROW_WIDTHS, strict=True)
    ]
    return words(*parts)


def numbers_table(bidder: Bidder, short: dict[str, str], width: int, by_juror: bool) -> Content:
    """Lines of a label and one number each of the first and the refined bid, right-aligned at ``width`` cells."""
    offers = (bidder.first, bidder.refined)
    label = max(width - 2 * CELL, 4)
    lines: list[Part] = [("─" * width, "$faint")]
    if bidder.refined is not None:
        lines.append((" " * label + "first".rjust(CELL) + "refined".rjust(CELL), "$quiet"))
    for name, texts, style in _lines(offers, short, by_juror):
        shown = texts if bidder.refined is not None else ("", texts[0])
        cells = [(text.rjust(CELL), "$faint" if text == NONE else style) for text in shown]
        lines.append(words((fit(name, label).ljust(label), style or "$quiet"), *cells))
    return Content("\n").join([words(line) for line in lines])


def _lines(
    offers: tuple[Offer | None, Offer | None], short: dict[str, str], by_juror: bool
) -> list[tuple[str, tuple[str, str], str]]:
    def texts(one: Offer | None) -> list[str]:
        card = one.card if one else None
        imputed = card.imputed if card else ()
        marks = [_mark(one, juror) for juror in short] if by_juror else [number(one.mean_mark if one else None)]
        return [
            str(one.tokens) if one and one.tokens else NONE,
            _flagged(number(one.entropy if one else None), "entropy" in imputed),
            *marks,
            number(card.cost if card else None, 3),
            number(card.value if card else None, 3),
            number(card.total if card else None, 3),
        ]

    marks = [f"mark {name}" for name in short.values()] if by_juror else ["mean mark"]
    names = ["tokens", "entropy", *marks, "cost", "value", "total"]
    first, refined = texts(offers[0]), texts(offers[1])
    return [
        (name, (one, other), "bold" if name == "total" else "")
        for name, one, other in zip(names, first, refined, strict=True)
    ]


def _mark(offer: Offer | None, juror: str) -> str:
    if offer is None or not offer.marks or juror not in offer.marks:
        return NONE
    mark = offer.marks[juror]
    if mark is not None:
        return number(mark)
    return "unsure"


def _flagged(text: str, imputed: bool) -> str:
    """A number that was missing and filled in bears a star."""
    return f"*{text}" if imputed else text
