"""Tasks of the pool to begin with: arrows and Enter, or a click, take one into the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Click
from textual.message import Message

from sale_tui.tui.widgets.text import PlainText, one_line, words
from sale_tui.types import Task


class SampleRow(PlainText, can_focus=True):
    """One task, on one line."""

    DEFAULT_CSS = """
    SampleRow { height: 1; padding: 0 1; }
    SampleRow:focus { background: $primary 25%; }
    SampleRow:hover { background: $primary 12%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "take", "Take it into the prompt", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Before", show=False),
    ]

    class Taken(Message):
        """This task is to be in the prompt."""

        def __init__(self, task: Task) -> None:
            super().__init__()
            self.task_taken = task

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._sample = task

    def on_resize(self) -> None:
        kind = words((self._sample.kind.ljust(8), "$text-accent"))
        self.show(kind, one_line(self._sample.text, self.size.width - kind.cell_length))

    def action_take(self) -> None:
        self.post_message(self.Taken(self._sample))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.action_take()


class SampleList(VerticalScroll, can_focus=False):
    """All of them."""

    DEFAULT_CSS = "SampleList { height: auto; max-height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }"

    def __init__(self, samples: Sequence[Task]) -> None:
        super().__init__()
        self._samples = tuple(samples)

    def compose(self) -> ComposeResult:
        for sample in self._samples:
            yield SampleRow(sample)
