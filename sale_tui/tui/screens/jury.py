"""The jury: every juror's mark of every bid, and what the marks say of the jury."""

from __future__ import annotations

from typing import ClassVar

from sale_tui.tui.format import short_names
from sale_tui.tui.screens.pages import Page, PageName
from sale_tui.tui.state import AppState
from sale_tui.tui.state_jury import grid_of
from sale_tui.tui.widgets.mark_grid import grid_parts
from sale_tui.tui.widgets.text import PlainText


class JuryScreen(Page):
    """Scrolls; marks fill in as they are given."""

    page: ClassVar[PageName] = "jury"

    def show_page(self, state: AppState) -> None:
        text = self.query_one("#shown", PlainText)
        short = short_names([bidder.name for bidder in state.board.bidders])
        text.show(*grid_parts(grid_of(state), short, text.size.width))
