"""A line that is typed: what it is given or what is pasted into it is literal."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from sale_tui.literal import literal_line


class LineInput(Input):
    """One line of literal text."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value=literal_line(value), placeholder=placeholder, id=id)

    def _on_paste(self, event: events.Paste) -> None:
        # What comes from another program may hold anything.
        event.prevent_default()
        event.stop()
        self.replace(literal_line(event.text), *self.selection)
