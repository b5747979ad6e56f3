"""What if: weights are turned by keys, and the awards that they would have led to change with them."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sale_tui.tui.actions import Scope, bindings
from sale_tui.tui.feed import error_of
from sale_tui.tui.format import short_names
from sale_tui.tui.screens.pages import Page, PageName
from sale_tui.tui.state import AppState
from sale_tui.tui.state_board import Board
from sale_tui.tui.state_what_if import Shown, WhatIf, choose, follow, read_past, restore, shown, turn
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.turn_table import award_parts, turn_parts

WIDE = 104
"""Columns from which weights and awards stand side by side."""


class WhatIfScreen(Page, inherit_bindings=False):
    """Arrows choose and turn; the memory is read once, when it opens."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("what_if")
    page: ClassVar[PageName] = "what_if"
    scope: ClassVar[Scope] = "what_if"
    keys: ClassVar[frozenset[str]] = frozenset({"choose(1)", "turn(-1)", "turn(1)", "restore", "leave"})

    def __init__(self) -> None:
        super().__init__()
        self.what_if = WhatIf()
        self._board: Board | None = None
        self._shown: Shown | None = None

    def contents(self) -> ComposeResult:
        yield PlainText(id="turns")
        yield PlainText(id="awards")

    def on_mount(self) -> None:
        super().on_mount()
        self._read()

    @work(exclusive=True)
    async def _read(self) -> None:
        header = self.sale.state.header
        try:
            past = await read_past(self.sale.feed.past, header.auction if header else "")
        except Exception as fault:  # noqa: BLE001 - the auction on the board can be looked at without a memory
            self._change(replace(self.what_if, trouble=error_of(fault).message))
        else:
            self._change(replace(self.what_if, past=past))

    def _change(self, what_if: WhatIf) -> None:
        self.what_if, self._shown = what_if, None
        self.sale.mark()

    def show_page(self, state: AppState) -> None:
        if state.board is not self._board:
            self._board = state.board
            self.what_if, self._shown = follow(self.what_if, state), None
        if self._shown is None:
            self._shown = shown(self.what_if)
        self.set_class(self.size.width >= WIDE, "-wide")
        short = short_names(self.what_if.pool)
        turns, awards = self.query_one("#turns", PlainText), self.query_one("#awards", PlainText)
        turns.show(*turn_parts(self.what_if, self._shown, short, turns.size.width))
        awards.show(*award_parts(self.what_if, self._shown, awards.size.width))

    def action_choose(self, by: int) -> None:
        self._change(choose(self.what_if, by))

    def action_turn(self, by: int) -> None:
        self._change(turn(self.what_if, by))

    def action_restore(self) -> None:
        self._change(restore(self.what_if))

    def action_roll(self, by: int) -> None:
        scroll = self.query_one("#page", VerticalScroll)
        (scroll.scroll_page_down if by > 0 else scroll.scroll_page_up)(animate=False)
