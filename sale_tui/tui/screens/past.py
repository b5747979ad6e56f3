"""One auction of the past in full: its bids and marks, who won and why, the answer, what it cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sale_tui.archive import StoredAuction
from sale_tui.tui.actions import bindings
from sale_tui.tui.feed import error_of
from sale_tui.tui.past_text import past_parts
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Outcome

SPEEDS = (1, 2, 5, 10, 20)
"""Times as fast as it happened."""


class PastScreen(View[bool]):
    """Gives back whether something of the auction was changed."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("past")
    stays = True

    def __init__(self, auction: str) -> None:
        """``auction``: its id."""
        super().__init__()
        self._auction = auction
        self._stored: StoredAuction | None = None
        self._trouble = ""
        self._speed = SPEEDS[2]
        self._changed = False

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with VerticalScroll(id="past"):
            yield PlainText(id="auction")
        yield KeyBar("past")

    def on_mount(self) -> None:
        self.query_one("#past", VerticalScroll).focus()
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            archive = await self.sale.past.archive()
            self._stored = await asyncio.to_thread(archive.get_auction, self._auction)
        except Exception as fault:  # noqa: BLE001 - whatever memory says is shown in one line
            self._trouble = error_of(fault).message
        self.sale.mark()

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        stored, text = self._stored, self.query_one("#auction", PlainText)
        enabled = {"leave"}
        if self._trouble:
            text.show((f"✗ {self._trouble}", "$text-error"))
        elif stored is not None:
            text.show(*past_parts(stored, max(text.size.width, 20)))
            enabled |= {"export", "forget"}
            if not state.busy and stored.events:
                enabled |= {"play", "faster"}
            if self._answer:
                enabled |= {"mark_right", "mark_wrong", "copy"}
        self.query_one(KeyBar).draw(enabled, {"play": f"replay {self._speed}×"})

    @property
    def _answer(self) -> str:
        run = self._stored.run if self._stored is not None else None
        return (run.answer or "") if run is not None else ""

    def action_mark_right(self) -> None:
        self._mark("passed")

    def action_mark_wrong(self) -> None:
        self._mark("failed")

    @work(group="mark", exclusive=True)
    async def _mark(self, outcome: Outcome) -> None:
        if self._stored is None or not self._answer:
            return
        wanted: Outcome = "unknown" if self._stored.outcome == outcome else outcome
        if await self.sale.past.mark(self._auction, wanted):
            self._changed = True
            self._read()

    def action_copy(self) -> None:
        if self._answer:
            self.sale.past.copy(self._answer)

    def action_faster(self) -> None:
        self._speed = SPEEDS[(SPEEDS.index(self._speed) + 1) % len(SPEEDS)]
        self.sale.mark()

    def action_play(self) -> None:
        if self._stored is not None and self._stored.events:
            self.sale.past.play(self._stored.events, self._speed)

    def action_forget(self) -> None:
        if self._stored is not None:
            from sale_tui.tui.screens.forget import ForgetScreen

            self.app.push_screen(ForgetScreen(self._stored.summary), self._forgotten)

    def _forgotten(self, gone: bool | None) -> None:
        if gone:
            self.dismiss(True)

    def action_export(self) -> None:
        from sale_tui.tui.screens.export import ExportScreen

        if self._stored is not None:
            self.app.push_screen(ExportScreen([self._auction]))

    def action_leave(self) -> None:
        self.dismiss(self._changed)
