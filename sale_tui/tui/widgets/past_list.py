"""Past auctions, a line each; only those that are seen are drawn, and more are asked for when the end comes near."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from sale_tui.archive import AuctionSummary
from sale_tui.literal import literal_line
from sale_tui.tui.format import fit
from sale_tui.tui.widgets.text import PlainText, one_line, words

NEAR = 100
"""Lines before the end of what is there at which more is asked for."""
SIGNS = {
    "passed": ("✓", "bold $text-success"),
    "failed": ("✗", "bold $text-error"),
    "answered": ("·", "$quiet"),
    "awarded": ("○", "$quiet"),
    "running": ("▸", "$text-primary"),
    "interrupted": ("■", "$text-warning"),
}
NO_ANSWER = ("!", "$text-warning")
WIDE = 100
"""Columns from which the year is told."""
AGENT, NARROW_AGENT = 16, 10


def sign_of(summary: AuctionSummary) -> tuple[str, str]:
    """Whether the answer was right, else how the auction ended; and the style."""
    return SIGNS.get(summary.outcome if summary.outcome != "unknown" else summary.status, NO_ANSWER)


class PastList(PlainText, can_focus=True):
    """``put`` the auctions; the arrows choose one."""

    DEFAULT_CSS = "PastList { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open it", show=False),
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Before", show=False),
        Binding("pagedown", "turn(1)", "Next page", show=False),
        Binding("pageup", "turn(-1)", "Page before", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
    ]

    class Opened(Message):
        """The chosen one is to be shown."""

    class Wanting(Message):
        """The end of what is there is near."""

    def __init__(self) -> None:
        self._rows: Sequence[AuctionSummary] = ()
        self._near: Sequence[float | None] = ()
        self._at = 0
        self._top = 0
        super().__init__()

    @property
    def chosen(self) -> AuctionSummary | None:
        """The auction under the cursor."""
        return self._rows[self._at] if self._rows else None

    def put(self, rows: Sequence[AuctionSummary], near: Sequence[float | None] = (), keep: bool = False) -> None:
        """Show these; ``near``: the likeness of each to what was searched. ``keep``: the cursor stays where it is."""
        self._rows, self._near = rows, near
        self._at = min(self._at, max(len(rows) - 1, 0)) if keep else 0
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw the lines that there is room for."""
        width, height = self.size.width, self.size.height
        if height < 1 or width < 1:
            return
        self._top = max(min(self._top, self._at, len(self._rows) - height), self._at - height + 1, 0)
        places = range(self._top, min(self._top + height, len(self._rows)))
        self.show(Content("\n").join([self._line(place, width) for place in places]))

    def _line(self, place: int, width: int) -> Content:
        row = self._rows[place]
        chosen = place == self._at
        when = datetime.fromtimestamp(row.started).astimezone()
        wide = width >= WIDE
        agent = AGENT if wide else NARROW_AGENT
        near = self._near[place] if place < len(self._near) else None
        head = words(
            ("▸ " if chosen else "  ", "bold $text-primary"),
            sign_of(row),
            (f" {when.strftime('%Y-%m-%d %H:%M' if wide else '%m-%d %H:%M')} ", "$quiet"),
            (f"{near:.2f} " if near is not None else "", "$text-accent"),
            ((row.kind or "·").ljust(7), "$text-accent"),
            (fit(literal_line(row.agent or "·"), agent).ljust(agent + 1), "$text-primary"),
        )
        style = "bold" if chosen and self.has_focus else ""
        return words(head, one_line(row.task or "(no task)", max(width - head.cell_length, 1), style))

    def action_move(self, by: int) -> None:
        if not self._rows:
            return
        self._at = max(min(self._at + by, len(self._rows) - 1), 0)
        self.draw()
        if self._at + NEAR >= len(self._rows):
            self.post_message(self.Wanting())

    def action_turn(self, by: int) -> None:
        self.action_move(by * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        self.action_move(-len(self._rows))

    def action_last(self) -> None:
        self.action_move(len(self._rows))

    def action_open(self) -> None:
        if self._rows:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.action_move(-3)

    def on_click(self, event: Click) -> None:
        event.stop()
        offset = event.get_content_offset(self)
        if offset is None or not 0 <= self._top + offset.y < len(self._rows):
            return
        again = self._at == self._top + offset.y
        self._at = self._top + offset.y
        self.draw()
        if again:
            self.action_open()
