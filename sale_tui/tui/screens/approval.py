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
from sale_tui.tui.widgets.diff import diff_parts
from sale_tui.tui.widgets.line_input import LineInput
from sale_tui.tui.widgets.text import Part, PlainText
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import ApprovalAnswer

SHOWN = 40_000
"""Characters of a call that are shown whole."""
SHORT = 20
"""Lines below which the choices stand on one."""
WIDEST = 100
"""Columns, as the style sheet says."""
INPUT = 3
"""Lines of the input."""
FRAME = 3
"""Lines of the border and above what is asked."""


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
            yield PlainText((_title(asked), "bold $text-warning"), id="title")
            with VerticalScroll(id="asked"):
                yield PlainText(*_call(asked), id="call")
                yield PlainText(*_about(asked), id="about")
                yield PlainText(*diff_parts(asked.detail), id="detail")
            yield PlainText(*_choices(asked, short=False), id="choices")
            yield LineInput(placeholder="why not? the model is told; Enter denies, Esc goes back", id="reason")

    def on_mount(self) -> None:
        self.query_one("#reason", LineInput).display = False
        self.query_one("#detail", PlainText).display = bool(self.question.detail)
        self.query_one("#asked", VerticalScroll).focus()
        self.call_after_refresh(self._shown)

    def on_plain_text_resized(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """What is asked scrolls; what can be answered is always there."""
        columns, rows = self.size
        short = rows < SHORT
        self.set_class(short, "-compact")
        width = max(columns - 4 if short else min(columns * 9 // 10, WIDEST) - 6, 1)
        choices = self.query_one("#choices", PlainText)
        if not self._answered:
            choices.show(*_choices(self.question, short))
        said = [self.query_one("#title", PlainText), *([choices] if choices.display else [])]
        taken = sum(len(text.shown.wrap(width)) for text in said) + (0 if choices.display else INPUT)
        room = rows - self.query_one(StatusLine).size.height - taken - (FRAME - short)
        self.query_one("#asked", VerticalScroll).styles.max_height = max(room, 1)

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
            self._ask_why(True)
            self.query_one("#reason", LineInput).focus()

    def action_back(self) -> None:
        self._ask_why(False)
        self.query_one("#asked", VerticalScroll).focus()

    def _ask_why(self, wanted: bool) -> None:
        self.query_one("#reason", LineInput).display = wanted
        self.query_one("#choices", PlainText).display = not wanted
        self._fit()

    def action_interrupt(self) -> None:
        self._post(Interrupt())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._ask_why(False)
        self._answer("deny", event.value.strip())


def _title(asked: ApprovalAsked) -> str:
    if asked.detail:
        return "Accept these changes?"
    return "May this call leave the sandbox?" if asked.leaves else "May this call be made?"


def _call(asked: ApprovalAsked) -> list[Part]:
    parts: list[Part] = [(excerpt(asked.call, SHOWN), "bold")]
    hidden = unseen(asked.call)
    if hidden:
        parts.append((f"\n! and {plural(hidden, 'character')} that cannot be seen", "$text-error"))
    return parts


def _about(asked: ApprovalAsked) -> list[Part]:
    parts: list[Part] = []
    if asked.leaves:
        parts += [("\nleaves   ", "$quiet"), asked.leaves]
    for reason in asked.why:
        parts += [("\nbecause  ", "$quiet"), (reason, "$text-warning")]
    return parts


def _choices(asked: ApprovalAsked, short: bool) -> list[Part]:
    """``short``: as few lines as can be."""
    run, always = (("r", "bold $accent"), ("a", "bold $accent")) if asked.covers else ("", "")
    once, deny = ("o", "bold $accent"), ("d", "bold $accent")
    yes = "accept" if asked.detail else "once"
    if short:
        more: list[Part] = [run, " run  ", always, " always  "] if asked.covers else []
        covers: list[Part] = [("\nr, a  ", "$quiet"), asked.covers] if asked.covers else []
        return [once, f" {yes}  ", *more, deny, " deny", *covers]
    parts: list[Part] = ["\n", once, f"  {yes}\n"]
    if asked.covers:
        parts += [run, "  for this run: ", asked.covers, "\n", always, "  always: ", asked.covers, "\n"]
    return [*parts, deny, "  deny, and say why"]
