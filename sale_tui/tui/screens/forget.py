"""Asks before an auction is forgotten for good."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from sale_tui.archive import AuctionSummary
from sale_tui.tui.actions import bindings
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.text import PlainText, clipped
from sale_tui.tui.widgets.top_bar import StatusLine

LINES = 6
"""Of the task, at most."""


class ForgetScreen(View[bool]):
    """Gives back whether it was forgotten."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("forget")
    stays = True

    def __init__(self, auction: AuctionSummary) -> None:
        super().__init__()
        self._auction = auction

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Vertical(id="forget"):
            yield PlainText(("Forget this auction for good?", "bold $text-warning"))
            yield PlainText(id="task")
            yield PlainText(
                "Its task, plans, marks, answer and log are removed; later bids learn nothing from it any more.",
                ("\nWhat later auctions were shown of it stays in their logs.", "$quiet"),
            )
        yield KeyBar("forget")

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        task = self.query_one("#task", PlainText)
        task.show(clipped(self._auction.task or "(no task)", max(task.size.width, 20), LINES))
        self.query_one(KeyBar).draw({"forget", "keep"})

    @work(exclusive=True)
    async def action_forget(self) -> None:
        self.dismiss(await self.sale.past.forget([self._auction.id]))

    def action_keep(self) -> None:
        self.dismiss(False)
