"""Lays an open question over whatever the app shows, and takes it away when it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sale_tui.tui.state import AppState

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp
    from sale_tui.tui.screens.approval import ApprovalScreen

READING = 0.5
"""Seconds in which no key answers a question that has just appeared."""


class Asking:
    """At most one question is shown at a time: a run asks for one call after the other."""

    def __init__(self, app: SaleApp) -> None:
        self._app = app
        self._shown: ApprovalScreen | None = None

    def draw(self, state: AppState) -> None:
        """Show what the state says."""
        question = state.run.question if state.run is not None and state.busy else None
        shown = self._shown
        if shown is not None and shown.question is not question:
            self._shown = None
            while shown in self._app.screen_stack:
                self._app.pop_screen()
        if question is None or self._shown is not None:
            return
        from sale_tui.tui.screens.approval import ApprovalScreen

        self._shown = ApprovalScreen(question, self._app.send, self._app.time, READING)
        self._app.push_screen(self._shown)
