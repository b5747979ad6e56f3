"""What tasks cost: this one, this session, all time; who won, and who was right at what price."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from sale_tui.archive import Account
from sale_tui.tui.actions import bindings
from sale_tui.tui.feed import error_of
from sale_tui.tui.ledger_text import ledger_parts
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.text import PlainText
from sale_tui.tui.widgets.top_bar import StatusLine


class LedgerScreen(View[None]):
    """Read once, when it is opened; the task that is under way is counted when its bill is made."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("ledger")
    stays = True

    def __init__(self) -> None:
        super().__init__()
        self._accounts: list[Account] | None = None
        self._trouble = ""
        self._drawn: tuple[str, int, int] | None = None
        """What the sums were drawn for: thousands of auctions are not summed at every frame."""

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with VerticalScroll(id="ledger"):
            yield PlainText(id="books")
        yield KeyBar("ledger")

    def on_mount(self) -> None:
        self.query_one("#ledger", VerticalScroll).focus()
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            self._accounts = await self.sale.past.accounts()
        except Exception as fault:  # noqa: BLE001 - whatever memory says is shown in one line
            self._trouble = error_of(fault).message
        self.sale.mark()

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        text = self.query_one("#books", PlainText)
        if self._trouble:
            text.show((f"✗ {self._trouble}", "$text-error"))
        elif self._accounts is None:
            text.show(("looking…", "$quiet"))
        else:
            task = state.header.auction if state.header is not None else ""
            key = (task, len(self.sale.live.feed.auctions), max(text.size.width, 40))
            if key != self._drawn:
                self._drawn = key
                text.show(*ledger_parts(self._accounts, task, self.sale.live.feed.auctions, key[-1]))
        self.query_one(KeyBar).draw({"leave"})

    def action_leave(self) -> None:
        self.dismiss()
