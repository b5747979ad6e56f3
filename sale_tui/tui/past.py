"""What the app does with auctions of the past. Memory is read and written off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from sale_tui.archive import Account, Archive
from sale_tui.errors import ConfigurationFault
from sale_tui.events import AnyEvent, OutcomeSet
from sale_tui.literal import literal
from sale_tui.tui.feed import error_of
from sale_tui.tui.source import task_of
from sale_tui.tui.stage import replay_stage
from sale_tui.types import Outcome

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp

T = TypeVar("T")


class Past:
    """Belongs to the app."""

    def __init__(self, app: SaleApp) -> None:
        self._app = app

    def show(self, name: Literal["ledger", "memory"]) -> None:
        """Lay a screen over what is shown, or nothing where it lies there already."""
        from sale_tui.tui.screens.ledger import LedgerScreen
        from sale_tui.tui.screens.memory import MemoryScreen

        kind = LedgerScreen if name == "ledger" else MemoryScreen
        if not any(isinstance(screen, kind) for screen in self._app.screen_stack):
            self._app.push_screen(kind())

    def play(self, events: Sequence[AnyEvent], speed: float) -> None:
        """Play a recorded log over what is shown now, ``speed`` times as fast as it happened."""
        self._app.start(task_of(events), replay_stage(self._app, events, speed))

    async def archive(self) -> Archive:
        """The memory, once it is open. Raises SaleError where there is none or it cannot be opened."""
        found = await self._app.live.feed.archive()
        if found is None:
            raise ConfigurationFault("a replay has no memory", "start `sale-tui` to look into yours")
        return found

    async def accounts(self) -> list[Account]:
        """What every auction cost, the oldest first. Raises SaleError."""
        return await asyncio.to_thread((await self.archive()).accounts)

    async def mark(self, auction: str, outcome: Outcome) -> bool:
        """Keep whether an answer was right, or say why that cannot be; whether it was kept."""

        def told(archive: Archive) -> None:
            archive.set_outcome(auction, outcome)

        if not await self._done(told):
            return False
        header = self._app.state.header
        if header is not None and header.auction == auction:
            self._app.feed.see(OutcomeSet(outcome=outcome, by="user"))
        words = {"passed": "right", "failed": "wrong", "unknown": "not known to be right or wrong"}
        self._app.say(f"Kept: the answer is {words[outcome]}.")
        return True

    async def forget(self, auctions: Sequence[str]) -> bool:
        """Remove auctions for good, or say why that cannot be; whether they are gone."""

        def gone(archive: Archive) -> int:
            return archive.forget(auctions)

        return await self._done(gone)

    async def export(self, auctions: Sequence[str], file: Path) -> int:
        """Write auctions to a new file; how many there were. Raises SaleError, OSError."""
        from sale_tui.session.export import export

        archive = await self.archive()
        return await asyncio.to_thread(lambda: export(map(archive.get_auction, auctions), file))

    def copy(self, text: str) -> None:
        """Put a text, made literal, into the clipboard of the terminal."""
        self._app.copy_to_clipboard(literal(text))
        self._app.say("Copied, if your terminal lets programs do that (OSC 52).")

    async def _done(self, work: Callable[[Archive], T]) -> bool:
        try:
            archive = await self.archive()
            await asyncio.to_thread(work, archive)
        except Exception as fault:  # noqa: BLE001 - whatever a database says is told in one line
            self._app.say(error_of(fault).message)
            return False
        return True
