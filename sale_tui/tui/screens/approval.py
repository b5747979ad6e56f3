"""Asks whether a call may be made. A key counts only when the question has stood there long enough to be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from sale_tui.commands import Answer, Command, Interrupt
from sale_tui.events import ApprovalAsked
from sale_tui.literal import unseen
from sale_tui.tui.actions import bindings
from sale_tui.tui.format import excerpt, plural
from sale_tui.tui.widgets.line_input import LineInput
from sale_tui.tui.widgets.text import Part, PlainText
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import ApprovalAnswer

SHOWN = 40_000
"""Characters of a call, and of a detail, that are shown whole."""


class ApprovalScreen(ModalScreen[None]):
    """One question. It is taken away by whoever showed it, when the question is closed."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("question")

    def __init__(
        self, question: ApprovalAsked, send: Callable[[Command], None], time: Callable[[], float], grace_seconds: float
    ) -> None:
        """``time``: seconds that never go back. ``grace_seconds``: how long keys count for nothing at first."""
        super().__init__()
        self.question = question
        self._post = send
        self._time = time
        self._grace = grace_seconds
        self._seen_at: float | None = None
        self._answered = False

    def compose(self) -> ComposeResult:
        asked = self.question
        yield StatusLine()
        with Vertical(id="question"):
            leaves = "May this call leave the sandbox?" if asked.leaves else "May this call be made?"
            yield PlainText((leaves, "bold $text-warning"))
            with VerticalScroll(id="asked"):
                yield PlainText(*_call(asked), id="call")
                yield PlainText(*_about(asked), id="about")
            yield PlainText(*_choices(asked), id="choices")
            yield LineInput(placeholder="why not? the model is told; Enter denies, Esc goes back", id="reason")

    def on_mount(self) -> None:
        self.query_one("#reason", LineInput).display = False
        self.query_one("#asked", VerticalScroll).focus()
        self.call_after_refresh(self._shown)

    def _shown(self) -> None:
        self._seen_at = self._time()

    @property
    def _open(self) -> bool:
        """Whether a key counts now."""
        return not self._answered and self._seen_at is not None and self._time() - self._seen_at >= self._grace

    def _answer(self, answer: ApprovalAnswer, reason: str = "") -> None:
        if not self._open:
            return
        self._answered = True
        self.query_one("#choices", PlainText).show(("…", "$quiet"))
        self._post(Answer(question=self.question.question, answer=answer, reason=reason))

    def action_once(self) -> None:
        self._answer("once")

    def action_run(self) -> None:
        if self.question.covers:
            self._answer("run")

    def action_always(self) -> None:
        if self.question.covers:
            self._answer("always")

    def action_deny(self) -> None:
        if self._open:
            reason = self.query_one("#reason", LineInput)
            reason.display = True
            reason.focus()

    def action_back(self) -> None:
        self.query_one("#reason", LineInput).display = False
        self.query_one("#asked", VerticalScroll).focus()

    def action_interrupt(self) -> None:
        self._post(Interrupt())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.display = False
        self._answer("deny", event.value.strip())


def _call(asked: ApprovalAsked) -> list[Part]:
    parts: list[Part] = [(excerpt(asked.call, SHOWN), "bold")]
    hidden = unseen(asked.call)
    if hidden:
        parts.append((f"\n! and {plural(hidden, 'character')} that cannot be seen", "$text-error"))
    if asked.detail:
        parts += ["\n\n", excerpt(asked.detail, SHOWN)]
    return parts


def _about(asked: ApprovalAsked) -> list[Part]:
    parts: list[Part] = []
    if asked.leaves:
        parts += [("\nleaves   ", "$quiet"), asked.leaves]
    for reason in asked.why:
        parts += [("\nbecause  ", "$quiet"), (reason, "$text-warning")]
    return parts


def _choices(asked: ApprovalAsked) -> list[Part]:
    parts: list[Part] = ["\n", ("o", "bold $accent"), "  once\n"]
    if asked.covers:
        parts += [
            ("r", "bold $accent"), "  for this run: ", asked.covers, "\n",
            ("a", "bold $accent"), "  always: ", asked.covers, "\n",
        ]  # fmt: skip
    return [*parts, ("d", "bold $accent"), "  deny, and say why"]
