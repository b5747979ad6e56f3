"""What the screens of the app have in common: they draw a state, and know which actions do something now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual.screen import Screen

from sale_tui.tui.sale import sale_of
from sale_tui.tui.state import AppState

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp
    from sale_tui.tui.screens.pages import PageName

Result = TypeVar("Result")


class View(Screen[Result], Generic[Result]):
    """A screen that is drawn from the state at every frame in which something changed."""

    ready = False
    """Whether every widget is there to be drawn."""

    stays = False
    """Whether it remains where it is when a run begins."""

    @property
    def sale(self) -> SaleApp:
        """The app, by its own type."""
        return sale_of(self.app)

    def draw(self, state: AppState, now: float) -> None:
        """Show the state; ``now`` on the clock of the events. Widgets that show the same as before cost nothing."""

    def action_page(self, name: PageName) -> None:
        """Why this one, what if, or the jury, over this screen."""
        from sale_tui.tui.screens.pages import open_page

        open_page(self.sale, name)

    def on_mount(self) -> None:
        self.ready = True
        self.sale.mark()

    def on_resize(self) -> None:
        self.sale.mark()

    def on_plain_text_resized(self) -> None:
        self.sale.mark()

    def on_screen_resume(self) -> None:
        self.sale.mark()
