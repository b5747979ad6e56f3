"""How the run ended: the answer, what it rests on, where the workspace lies, what it cost."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from sale_tui.events import OutcomeSet
from sale_tui.literal import literal_line
from sale_tui.tui.format import bill_line, duration, excerpt, largest_line, plural, source_line
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.text import Part, PlainText, labelled
from sale_tui.types import Outcome

SHOWN = 20000
ENDS = {
    "answered": ("✓ Answer", "bold $text-success"),
    "failed": ("✗ No answer", "bold $text-error"),
    "limit": ("✗ Met a limit", "bold $text-error"),
    "interrupted": ("■ Stopped", "bold $text-warning"),
}

VERDICTS: dict[Outcome, str] = {"passed": "right", "failed": "wrong", "unknown": "not known"}
"""What the user says by a mark."""
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "passed": ("✓", "$text-success"),
    "failed": ("✗", "$text-error"),
    "unknown": ("?", "$text-warning"),
}


class AnswerPanel(VerticalScroll):
    """Hidden until the run is over."""

    DEFAULT_CSS = """
    AnswerPanel {
        display: none; height: auto; max-height: 60%; margin: 0 1; padding: 0 1;
        border: round $success; background: $surface;
        scrollbar-size-vertical: 1;
        &.-shown { display: block; }
        &.-bad { border: round $error; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer = PlainText(id="answer")
        self._below = PlainText(id="below")

    def compose(self) -> ComposeResult:
        yield self._answer
        yield self._below

    def draw(self, state: AppState) -> None:
        """Show how it ended, or hide."""
        finished = state.run.finished if state.run else None
        self.set_class(finished is not None, "-shown")
        if finished is None or state.run is None:
            return
        title, style = ENDS[finished.status]
        self.set_class(finished.status != "answered", "-bad")
        tokens = plural(finished.usage.output_tokens, "token")
        spent = f"  {plural(finished.steps, 'step')} · {tokens} · {duration(finished.usage.seconds)}"
        body = finished.answer or finished.reason
        reason = f"\n{finished.reason}" if finished.answer and finished.reason else ""
        self._answer.show(
            (title, style), (spent, "$quiet"), "\n", (excerpt(body, SHOWN), "bold"), (reason, "$text-error")
        )
        # Before it is laid out for the first time it has no width of its own.
        width = self.size.width or self.screen.size.width - 4
        self._below.show(_below(state, finished.workspace, max(width - 5, 20)))


def outcome_parts(outcome: OutcomeSet) -> list[Part]:
    """Whether the answer was right, and what a test said."""
    sign, style = OUTCOMES[outcome.outcome]
    said = f"{VERDICTS[outcome.outcome]}, by your mark" if outcome.by == "user" else outcome.outcome
    return [(f"{sign} {said}", style), f": {literal_line(outcome.reason)}" if outcome.reason else ""]


def _below(state: AppState, workspace: str, width: int) -> Content:
    finished = state.run.finished if state.run else None
    lines: list[Content] = []
    if finished is not None and finished.sources:
        for place, source in enumerate(finished.sources):
            lines.append(labelled("           " if place else "sources    ", width, source_line(source)))
    if state.outcome is not None and (state.outcome.by, state.outcome.outcome) != ("user", "unknown"):
        label = "tests      " if state.outcome.by == "checker" else "outcome    "
        lines.append(labelled(label, width, *outcome_parts(state.outcome)))
    if workspace:
        lines.append(labelled("workspace  ", width, workspace))
    if state.bill is not None:
        estimated = any(bidder.price_estimated for bidder in state.board.bidders)
        lines.append(labelled("bill       ", width, bill_line(state.bill, estimated)))
        lines.append(labelled("           ", width, "always the largest ", largest_line(state.bill)))
    if state.remembered is not None:
        lines.append(labelled("memory     ", width, plural(state.remembered, "auction"), " to learn from"))
    return Content("\n").join(lines)
