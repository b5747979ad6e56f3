"""Which kind of task it is: found automatically, or said by the user."""

from __future__ import annotations

from typing import Literal

from textual.events import Click

from sale_tui.tui.widgets.text import Part, PlainText

Requested = Literal["auto", "search", "coding"]
KINDS: tuple[Requested, ...] = ("auto", "search", "coding")


WHOLE = 37
"""Cells of all that it shows."""


class KindSwitch(PlainText):
    """A click, or ``turn``, goes to the next kind."""

    DEFAULT_CSS = "KindSwitch { height: 1; padding: 0 2; }"

    def __init__(self) -> None:
        super().__init__()
        self.kind: Requested = "auto"
        self._draw()

    def turn(self) -> None:
        """To the next kind."""
        self.choose(KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)])

    def choose(self, kind: Requested) -> None:
        """To this kind."""
        self.kind = kind
        self._draw()

    def on_resize(self) -> None:
        super().on_resize()
        self._draw()

    def _draw(self) -> None:
        # The kinds themselves go before the word for them.
        parts: list[Part] = [] if 0 < self.size.width < WHOLE else [("kind  ", "$quiet")]
        for kind in KINDS:
            chosen = kind == self.kind
            parts += [(f" ● {kind} " if chosen else f" ○ {kind} ", "bold $text-accent" if chosen else "$quiet"), " "]
        self.show(*parts)

    def on_click(self, event: Click) -> None:
        event.stop()
        self.turn()
