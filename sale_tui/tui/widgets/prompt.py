"""Where a task is written: Enter sends it, ctrl+j begins a new line, and nothing that was pasted is lost."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from sale_tui.literal import literal
from sale_tui.tui.widgets.text import words


class Prompt(TextArea):
    """A text of several lines."""

    DEFAULT_CSS = """
    Prompt {
        height: auto; min-height: 3; max-height: 8; border: round $primary 60%; padding: 0 1; background: $surface;
        &:focus { border: round $primary; }
    }
    """

    class Sent(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The cursor went down from the last line, or Tab was pressed."""

    def __init__(self) -> None:
        super().__init__(
            soft_wrap=True,
            show_line_numbers=False,
            compact=False,
            highlight_cursor_line=False,
            placeholder="Write a coding task or a question…",
        )
        self.border_title = words(("What should be done?", "bold $foreground"))

    def put(self, text: str) -> None:
        """Replace everything by a text, which is made literal."""
        self.text = literal(text)
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        # What comes from another program may hold anything.
        event.prevent_default()
        event.stop()
        start, end = self.selection
        done = self.replace(literal(event.text), start, end)
        self.move_cursor(done.end_location)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Sent(self.text))
        elif event.key in {"ctrl+j", "shift+enter"}:
            event.stop()
            event.prevent_default()
            self.insert("\n")
        elif event.key == "down" and self.cursor_at_last_line:
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())
        else:
            await super()._on_key(event)
