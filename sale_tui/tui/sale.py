"""The app by its own type, for those that know it only as textual's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import App

if TYPE_CHECKING:
    from sale_tui.tui.app import SaleApp


def sale_of(app: App[Any]) -> SaleApp:
    """The app. Raises TypeError where it is another one."""
    from sale_tui.tui.app import SaleApp

    if not isinstance(app, SaleApp):
        raise TypeError("this belongs to the app of sale-tui")
    return app
