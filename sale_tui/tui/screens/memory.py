"""The auctions of the past: the newest first, or those whose task means nearly what was searched."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from sale_tui.archive import AuctionSummary, SearchResult, Wanted
from sale_tui.tui.actions import bindings
from sale_tui.tui.feed import error_of
from sale_tui.tui.format import count, plural
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.line_input import LineInput
from sale_tui.tui.widgets.past_list import PastList
from sale_tui.tui.widgets.text import Part, PlainText
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Kind, Outcome

PAGE = 200
"""Auctions that are read at once."""
FOUND = 200
"""Auctions that a search finds, at most."""
WIDE = 72
"""Columns from which the line over the list has a title."""
KINDS: tuple[Kind | None, ...] = (None, "search", "coding")


class MemoryScreen(View[None]):
    """Reads page by page, so that it opens as fast with thousands of auctions as with ten."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("memory")
    AUTO_FOCUS = "PastList"
    stays = True

    def __init__(self) -> None:
        super().__init__()
        self._wanted = Wanted()
        self._query = ""
        self._rows: list[AuctionSummary] = []
        self._found: SearchResult | None = None
        self._total: int | None = None
        self._agents: list[str] = []
        self._trouble = ""
        self._all_read = False
        self.looking = True
        """Whether something is being read."""

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield PlainText(id="what")
        yield LineInput(placeholder="what was it about? Enter searches by meaning", id="query")
        yield PastList()
        yield KeyBar("memory")

    def on_mount(self) -> None:
        self.query_one("#query", LineInput).display = False
        self._look()

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        self.query_one("#what", PlainText).show(*self._what())
        self._draw_keys()

    def _draw_keys(self) -> None:
        enabled = {"seek", "turn_kind", "turn_agent", "leave"}
        chosen = self.query_one(PastList).chosen
        if chosen is not None:
            enabled |= {"open", "forget", "export"}
            if chosen.answer and chosen.status != "running":
                enabled |= {"mark_right", "mark_wrong"}
        self.query_one(KeyBar).draw(enabled)

    def _what(self) -> list[Part]:
        wanted = self._wanted
        parts: list[Part] = [("Past auctions  ", "bold")] if self.size.width >= WIDE else []
        if self._found is not None:
            parts.append(f"{count(len(self._rows))} like “{self._query}”, by {self._found.by}")
        elif self._total is not None:
            parts.append(f"{plural(self._total, 'auction')}, newest first")
        parts += [("  kind ", "$quiet"), (wanted.kind or "all", "$text-accent")]
        parts += [("  agent ", "$quiet"), (wanted.agent or "all", "$text-primary")]
        if self._trouble:
            parts += ["\n", (f"✗ {self._trouble}", "$text-error")]
        elif self.looking:
            parts += ["\n", ("looking…", "$quiet")]
        elif self._found is not None and self._found.reason:
            parts += ["\n", (f"! not by meaning: {self._found.reason}", "$text-warning")]
        elif not self._rows:
            empty = not self._query and wanted == Wanted()
            parts += ["\n", ("Nothing yet: every task is kept here." if empty else "Nothing like that.", "$quiet")]
        return parts

    def look_again(self) -> None:
        """Read anew what is shown: something was marked or forgotten."""
        self._look(keep=True)

    @work(group="look", exclusive=True)
    async def _look(self, keep: bool = False) -> None:
        """From the beginning; ``keep``: as many as there are now, and the cursor stays."""
        self.looking, self._trouble = True, ""
        self.sale.mark()
        limit = max(len(self._rows), PAGE) if keep else PAGE
        try:
            archive = await self.sale.past.archive()
            if self._query:
                self._found = await archive.search(self._query, self._wanted, FOUND)
                self._rows, self._all_read = [hit.auction for hit in self._found.hits], True
            else:
                self._found = None
                self._rows = await asyncio.to_thread(archive.page, self._wanted, limit)
                self._all_read = len(self._rows) < limit
            near = [hit.similarity for hit in self._found.hits] if self._found is not None else []
            self.query_one(PastList).put(self._rows, near, keep)
            self.looking = False
            self.sale.mark()
            self._total = await asyncio.to_thread(archive.count, self._wanted)
            self._agents = await asyncio.to_thread(archive.agents)
        except Exception as fault:  # noqa: BLE001 - whatever memory says is shown in one line
            self._trouble = error_of(fault).message
        self.looking = False
        self.sale.mark()

    @work(group="more", exclusive=True)
    async def _more(self) -> None:
        if self._all_read or self.looking or not self._rows:
            return
        rows = self._rows
        more = await self._page(PAGE, rows[-1].id)
        # What was read for another list meanwhile is not this one's end.
        if rows is self._rows:
            self._rows, self._all_read = [*rows, *more], len(more) < PAGE
            self.query_one(PastList).put(self._rows, keep=True)
            self.sale.mark()

    async def _page(self, limit: int, before: str) -> list[AuctionSummary]:
        """More of what is listed; none where memory cannot be read, which is told."""
        try:
            archive = await self.sale.past.archive()
            return await asyncio.to_thread(archive.page, self._wanted, limit, before)
        except Exception as fault:  # noqa: BLE001 - whatever memory says is shown in one line
            self._trouble = error_of(fault).message
            return []

    def on_past_list_wanting(self) -> None:
        self._draw_keys()
        self._more()

    def on_past_list_opened(self) -> None:
        chosen = self.query_one(PastList).chosen
        if chosen is not None:
            from sale_tui.tui.screens.past import PastScreen

            self.app.push_screen(PastScreen(chosen.id), self._came_back)

    def _came_back(self, changed: bool | None) -> None:
        if changed:
            self.look_again()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._query = event.value.strip()
        event.input.display = bool(self._query)
        self.query_one(PastList).focus()
        self._look()

    def action_seek(self) -> None:
        query = self.query_one("#query", LineInput)
        query.display = True
        query.focus()

    def action_turn_kind(self) -> None:
        kind = KINDS[(KINDS.index(self._wanted.kind) + 1) % len(KINDS)]
        self._wanted = Wanted(kind=kind, agent=self._wanted.agent)
        self._look()

    def action_turn_agent(self) -> None:
        names: list[str | None] = [None, *self._agents]
        at = names.index(self._wanted.agent) if self._wanted.agent in names else 0
        self._wanted = Wanted(kind=self._wanted.kind, agent=names[(at + 1) % len(names)])
        self._look()

    def action_mark_right(self) -> None:
        self._mark("passed")

    def action_mark_wrong(self) -> None:
        self._mark("failed")

    @work(group="mark")
    async def _mark(self, outcome: Outcome) -> None:
        chosen = self.query_one(PastList).chosen
        if chosen is None or not chosen.answer or chosen.status == "running":
            return
        if await self.sale.past.mark(chosen.id, "unknown" if chosen.outcome == outcome else outcome):
            self.look_again()

    def action_forget(self) -> None:
        chosen = self.query_one(PastList).chosen
        if chosen is not None:
            from sale_tui.tui.screens.forget import ForgetScreen

            self.app.push_screen(ForgetScreen(chosen), self._came_back)

    def action_export(self) -> None:
        if self._rows:
            self._export()

    @work(group="export", exclusive=True)
    async def _export(self) -> None:
        from sale_tui.tui.screens.export import ExportScreen

        rows = self._rows
        if not self._all_read:
            rows = rows + await self._page(-1, rows[-1].id)
        self.app.push_screen(ExportScreen([row.id for row in rows]))

    def action_leave(self) -> None:
        query = self.query_one("#query", LineInput)
        if query.has_focus or self._query:
            query.value = ""
            query.display = False
            self.query_one(PastList).focus()
            if self._query:
                self._query = ""
                self._look()
        else:
            self.dismiss()
