"""Tasks of the pool to begin with: arrows and Enter, or a click, take one into the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message

from sale_tui.tui.widgets.text import PlainText, one_line, words
from sale_tui.types import Task

KIND = 8
"""Cells of the kind before each task."""


class SampleList(PlainText, can_focus=True):
    """One line a task, under a title. One widget for all of them: the first frame has to be there at once."""

    DEFAULT_CSS = "SampleList { padding: 0 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "take", "Take it into the prompt", show=False),
        Binding("down", "move(1)", "Next", show=False),
        Binding("up", "move(-1)", "Before", show=False),
    ]

    class Taken(Message):
        """This task is to be in the prompt."""

        def __init__(self, sample: Task) -> None:
            super().__init__()
            self.sample = sample

    class Left(Message):
        """The cursor went up from the first task."""

    def __init__(self, title: str, samples: Sequence[Task]) -> None:
        self._title = title
        self._samples = tuple(samples)
        self._at = 0
        super().__init__(title, "\n" * len(self._samples))

    def on_resize(self) -> None:
        self.draw()

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Show every task, cut to the width."""
        width = self.size.width
        lines = [words((self._title, "$quiet")).truncate(width, ellipsis=True)]
        for place, sample in enumerate(self._samples):
            chosen = self.has_focus and place == self._at
            text = one_line(sample.text, width - KIND - 2, "bold" if chosen else "")
            mark = ("▸ ", "bold $primary") if chosen else "  "
            lines.append(words(mark, (sample.kind.ljust(KIND), "$text-accent"), text))
        self.show(Content("\n").join(lines))

    def action_move(self, by: int) -> None:
        if self._at + by < 0:
            self.post_message(self.Left())
            return
        self._at = min(self._at + by, len(self._samples) - 1)
        self.draw()

    def action_take(self) -> None:
        if self._samples:
            self.post_message(self.Taken(self._samples[self._at]))

    def on_click(self, event: Click) -> None:
        event.stop()
        offset = event.get_content_offset(self)
        if offset is not None and 1 <= offset.y <= len(self._samples):
            self._at = offset.y - 1
            self.draw()
            self.action_take()
