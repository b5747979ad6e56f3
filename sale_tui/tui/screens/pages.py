"""What lies over the auction or the run to look closer: why this one, what if, the jury. One is open at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sale_tui.commands import Pause
from sale_tui.tui.actions import Scope, bindings
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.text import Part, PlainText, words
from sale_tui.tui.widgets.top_bar import StatusLine

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp

PageName = Literal["why", "what_if", "jury"]
TABS: tuple[tuple[PageName, str, str], ...] = (
    ("why", "w", "why this one"),
    ("what_if", "f", "what if"),
    ("jury", "j", "jury"),
)
SMALL = 72
"""Columns below which the tabs are short."""


class Page(View[None]):
    """A page; its tabs say which others there are, and how long the award can still be changed."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("page")
    page: ClassVar[PageName]
    scope: ClassVar[Scope] = "page"
    keys: ClassVar[frozenset[str]] = frozenset({"leave"})
    """Names of the actions that always do something."""

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield PlainText(id="tabs")
        with VerticalScroll(id="page", can_focus=self.scope == "page"):
            yield from self.contents()
        yield KeyBar(self.scope)

    def contents(self) -> ComposeResult:
        """What is scrolled."""
        yield PlainText(id="shown")

    def draw(self, state: AppState, now: float) -> None:
        self.query_one(StatusLine).draw(state)
        self.query_one("#tabs", PlainText).show(*_tabs(self.page, state, now, self.size.width))
        self.show_page(state)
        proposal = state.board.proposal
        held = proposal is not None and proposal.held
        self.query_one(KeyBar).draw(
            self.keys | ({"hold"} if state.deciding else set()), {"hold": "go on"} if held else {}
        )

    def show_page(self, state: AppState) -> None:
        """Draw what is below the tabs."""

    def action_hold(self) -> None:
        state = self.sale.state
        if state.board.proposal is not None and state.deciding:
            self.sale.send(Pause(held=not state.board.proposal.held))

    def action_leave(self) -> None:
        self.app.pop_screen()


def open_page(app: SaleApp, name: PageName) -> None:
    """Open a page, in place of another one; the key of the open one closes it."""
    shown = app.screen
    if not isinstance(shown, Page):
        app.push_screen(_made(name))
    elif shown.page == name:
        shown.action_leave()
    else:
        app.switch_screen(_made(name))


def _made(name: PageName) -> Page:
    # Imported when first needed: the first frame does without them.
    if name == "why":
        from sale_tui.tui.screens.why import WhyScreen

        return WhyScreen()
    if name == "what_if":
        from sale_tui.tui.screens.what_if import WhatIfScreen

        return WhatIfScreen()
    from sale_tui.tui.screens.jury import JuryScreen

    return JuryScreen()


def _tabs(page: PageName, state: AppState, now: float, width: int) -> list[Part]:
    parts: list[Part] = []
    for name, key, title in TABS:
        here = name == page
        parts += [(f"{key} ", "bold $accent"), (f"▸{title}" if here else title, "bold" if here else "$quiet"), "   "]
    proposal = state.board.proposal
    if proposal is None or not state.deciding:
        return parts
    left = "‖ held" if proposal.held else f"{proposal.left(now):.0f} s left"
    return [words(*parts), (left if width >= SMALL else left.removesuffix(" left"), "$text-warning")]
