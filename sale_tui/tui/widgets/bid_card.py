"""One bid on the board: who, how it stands, its plans, its numbers. A column where there is room, else a row."""

from __future__ import annotations

import msgspec
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message

from sale_tui.tui.format import fit, plural, price
from sale_tui.tui.state_board import Bidder, Board, Offer
from sale_tui.tui.widgets.bid_numbers import COLUMNS, name_width, numbers_row, numbers_table
from sale_tui.tui.widgets.text import Part, PlainText, clipped, one_line, words

SIGNS = {
    "waiting": ("○ waiting", "$quiet"),
    "loading": ("○ loading", "$quiet"),
    "bidding": ("▸ writing its plan", "$text-primary"),
    "placed": ("● plan placed", "$foreground"),
    "judged": ("● judged", "$foreground"),
    "refining": ("▸ refining its plan", "$text-primary"),
    "failed": ("✗ out", "$text-error"),
    "won": ("✓ won the award", "bold $text-success"),
}


SHORT_SIGNS = {
    "▸ writing its plan": "▸ writing",
    "▸ refining its plan": "▸ refining",
    "● plan placed": "● placed",
    "★ provisional winner": "★ leads",
    "▶ proposed award": "▶ proposed",
    "✓ won the award": "✓ won",
    "✓ taken by you": "✓ by you",
}
"""The same in a row."""
SHORT_SIGN = 12
"""Cells that they need."""
INDENT = 3


class Place(msgspec.Struct, frozen=True):
    """Where a bid stands on the board."""

    key: int
    """The digit that takes it."""
    chosen: bool
    short: dict[str, str]
    """Names of jurors without what all share."""
    live: bool
    """Whether the task is under way: else nobody writes any more."""


def sign_of(bidder: Bidder, board: Board, live: bool) -> tuple[str, str]:
    """How a bid stands, in words with a sign, and the style. ``live``: whether the task is under way."""
    decision, proposal = board.decision, board.proposal
    if decision is not None and decision.award.agent == bidder.name:
        return ("✓ taken by you" if decision.award.by == "user" else "✓ won the award"), "bold $text-success"
    if decision is None and proposal is not None and proposal.award.agent == bidder.name:
        return "▶ proposed award", "bold $text-success"
    if bidder.status == "failed":
        return SIGNS["failed"]
    if not live and bidder.status in {"waiting", "loading", "bidding", "refining"}:
        return "■ stopped", "$quiet"
    if bidder.name == board.provisional:
        return "★ provisional winner", "bold $text-warning"
    return SIGNS[bidder.status]


class BidCard(Vertical):
    """``draw`` it from a bidder; a click chooses it."""

    DEFAULT_CSS = """
    BidCard {
        width: 1fr; height: 1fr; padding: 0 1; background: $surface;
        border: round $foreground 25%; border-title-color: $foreground; border-subtitle-color: $quiet;
        &.-leading { border: round $warning; }
        &.-proposed { border: round $success; }
        &.-out { border: round $error 50%; color: $quiet; }
        &.-chosen { background: $primary 12%; border-title-style: bold; }
        .plans { height: 1fr; }
        .numbers { height: auto; }
    }
    BidCard.-row {
        border: none; padding: 0 0 0 1; min-height: 2; background: $background;
        border-left: wide $foreground 15%;
        &.-leading { border-left: wide $warning; }
        &.-proposed { border-left: wide $success; }
        &.-out { border-left: wide $error 50%; }
        &.-chosen { background: $primary 18%; }
        .numbers { display: none; }
    }
    """

    class Chosen(Message):
        """Somebody clicked it."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, place: int) -> None:
        super().__init__()
        self._place = place
        self._drawn: tuple[object, ...] = ()
        self._kept: tuple[object, ...] = ()
        """What was drawn; kept, so that an id means the same value."""
        self._titles: tuple[Content, Content] | None = None
        self._head = PlainText(classes="head")
        self._plans = PlainText(classes="plans")
        self._numbers = PlainText(classes="numbers")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._plans
        yield self._numbers

    def on_click(self, event: Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self._place))

    def draw(self, bidder: Bidder, board: Board, place: Place, row: bool) -> None:
        """``row``: one of several lines under common columns, instead of a column of its own."""
        values = (bidder, board.proposal, board.decision, board.challengers)
        key = (*map(id, values), board.provisional, place, row, self.size)
        if key == self._drawn:
            return
        self._drawn, self._kept = key, values
        sign, style = sign_of(bidder, board, place.live)
        proposed = style.endswith("$text-success")
        self.set_class(row, "-row")
        self.set_class(proposed, "-proposed")
        self.set_class(not proposed and bidder.name == board.provisional, "-leading")
        self.set_class(bidder.status == "failed", "-out")
        self.set_class(place.chosen, "-chosen")
        if row:
            self._draw_row(bidder, place, (sign, style))
        else:
            self._draw_column(bidder, board, place, (sign, style))

    def _draw_column(self, bidder: Bidder, board: Board, place: Place, sign: tuple[str, str]) -> None:
        width, height = self.size.width, self.size.height
        name = one_line(f"{place.key} {bidder.name}", max(width - 4, 1))
        titles = (
            words("▸ " if place.chosen else "", name),
            words(f"{price(bidder.price, bidder.price_estimated)} per Mt"),
        )
        if titles != self._titles:
            # Setting a title draws the whole card again.
            self._titles = titles
            self.border_title = words(titles[0])
            self.border_subtitle = words(titles[1])
        self._head.show(one_line(sign[0], width, sign[1]))
        table = numbers_table(bidder, place.short, width, by_juror=height >= 26)
        self._numbers.show(table)
        self._plans.show(*_plans(bidder, board, width, max(height - 1 - len(table.plain.split("\n")), 0)))

    def _draw_row(self, bidder: Bidder, place: Place, sign: tuple[str, str]) -> None:
        width, height = self.size.width, self.size.height
        roomy = width >= COLUMNS + SHORT_SIGN
        cells = name_width(width) - 4
        mark = "▸" if place.chosen else " "
        head = words((f"{mark}{place.key} ", "bold"), (fit(bidder.name, cells).ljust(cells), "bold"), " ")
        head = words(head, numbers_row(bidder, bidder.first, width))
        said = one_line(SHORT_SIGNS.get(sign[0], sign[0]), max(width - head.cell_length - 2, SHORT_SIGN), sign[1])
        lines = [words(head, "  ", said) if roomy else head]
        if bidder.refined is not None:
            note = words((fit("   ↳ refined", cells + 4).ljust(cells + 4), "italic $quiet"))
            lines.append(words(note, numbers_row(bidder, bidder.refined, width)))
        self._head.show(Content("\n").join(lines))
        rest = height - len(lines)
        before = Content("") if roomy else words(said, "  ")
        text = _excerpt(bidder, width - INDENT - (0 if roomy else before.cell_length), rest)
        shown = [words(" " * INDENT, before if not at else "", line) for at, line in enumerate(text.split("\n"))]
        self._plans.show(Content("\n").join(shown[: max(rest, 0)]))


def _plans(bidder: Bidder, board: Board, width: int, lines: int) -> list[Part]:
    """Both plans, one below the other; the shorter one takes no more than it needs."""
    note = f"not refined: {bidder.skipped}" if bidder.skipped and bidder.name in board.challengers else ""
    if bidder.refined is None:
        return [_plan(bidder, bidder.first, width, lines, note)]
    half = (lines - 1) // 2
    first = _plan(bidder, bidder.first, width, lines, "first")
    shown = f"refined, shown {plural(len(bidder.recalled), 'past auction')}" if bidder.recalled else "refined"
    refined = _plan(bidder, bidder.refined, width, lines, shown)
    for_first = max(half, lines - 1 - _height(refined))
    for_refined = lines - 1 - min(for_first, _height(first))
    return [
        _plan(bidder, bidder.first, width, for_first, "first"),
        "\n\n",
        _plan(bidder, bidder.refined, width, for_refined, shown),
    ]


def _height(content: Content) -> int:
    return content.plain.count("\n") + 1


def _plan(bidder: Bidder, offer: Offer | None, width: int, lines: int, note: str) -> Content:
    """A note on it, why it failed where it did, and as much of the text as there are lines for."""
    parts: list[Content] = []
    why = (offer.failed if offer else "") or (bidder.reason if offer is bidder.first else "")
    for text, style, most in ((note, "italic $quiet", 2), (why, "$text-error", max(lines // 2, min(lines, 3)))):
        if text:
            parts.append(clipped(text, width, most, style))
            lines -= _height(parts[-1])
    if offer is not None and offer.plan:
        parts.append(_text(offer, width, lines, "$quiet" if offer.failed else ""))
    return Content("\n").join([part for part in parts if part.plain])


def _excerpt(bidder: Bidder, width: int, lines: int) -> Content:
    """What a row has room for: why it failed, or the plan that counts."""
    offer = bidder.refined or bidder.first
    failed = bidder.reason if bidder.status == "failed" else (offer.failed if offer else "")
    if failed:
        return clipped(failed, width, lines, "$text-error")
    return _text(offer, width, lines, "$quiet") if offer is not None else Content("")


def _text(offer: Offer, width: int, lines: int, style: str) -> Content:
    """The beginning of a plan that is written, the end of one that is being written."""
    if offer.placed or offer.failed:
        return clipped(str(offer.plan), width, lines, style)
    return clipped(offer.plan.tail(4 * width * max(lines, 1)), width, lines, style, tail=True)
