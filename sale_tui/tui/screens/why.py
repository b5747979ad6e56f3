"""Why this one: the sum that decided, term by term, of the winner and the runner-up."""

from __future__ import annotations

from typing import ClassVar

from sale_tui.tui.format import short_names
from sale_tui.tui.screens.pages import Page, PageName
from sale_tui.tui.state import AppState
from sale_tui.tui.state_why import decided, undecided
from sale_tui.tui.widgets.sum_table import sum_parts
from sale_tui.tui.widgets.text import PlainText


class WhyScreen(Page):
    """Scrolls; shows nothing that the events have not told."""

    page: ClassVar[PageName] = "why"

    def show_page(self, state: AppState) -> None:
        text, found = self.query_one("#shown", PlainText), decided(state)
        if found is None:
            text.show((undecided(state), "$quiet"))
            return
        short = short_names([bidder.name for bidder in state.board.bidders])
        text.show(*sum_parts(found, short, text.size.width))
