"""The run of the winner, then its answer and the bill."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from sale_tui.tui.actions import PAGES, bindings
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.state_run import Run
from sale_tui.tui.widgets.answer_panel import AnswerPanel
from sale_tui.tui.widgets.error_panel import ErrorPanel
from sale_tui.tui.widgets.following import Following
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.phase_line import PhaseLine
from sale_tui.tui.widgets.step_view import StepView
from sale_tui.tui.widgets.task_line import TaskLine
from sale_tui.tui.widgets.text import Part, PlainText, clipped, one_line, words
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Outcome

WINDOW = 40
"""Steps that are kept on the screen; the log keeps them all."""
SHORT = 22
TINY = 16
"""Lines below which the plan gives way to what comes of it."""
PLAN_LINES = 3


class RunScreen(View[None]):
    """Steps as they come, then the answer."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self) -> None:
        super().__init__()
        self._steps: dict[int, StepView] = {}
        self._thoughts = False
        self._drawn: Run | None = None

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield TaskLine()
        yield PhaseLine()
        yield PlainText(id="plan")
        yield Following(PlainText(id="earlier"), id="steps")
        yield ErrorPanel()
        yield AnswerPanel()
        yield KeyBar("run")

    def reset(self) -> None:
        """Another task begins."""
        for view in self._steps.values():
            view.remove()
        self._steps.clear()
        self._drawn = None
        if self.ready:
            self.query_one(Following).follow()

    def draw(self, state: AppState, now: float) -> None:
        self.set_class(self.size.height < TINY, "-tiny")
        self.query_one(StatusLine).draw(state)
        self.query_one(TaskLine).draw(state, single=self.size.height < SHORT)
        self.query_one(PhaseLine).draw(state, now, self.sale.still)
        if state.run is not None:
            self._draw_head(state.run, state.notices)
            self._draw_steps(state.run)
        self.query_one(AnswerPanel).draw(state)
        # What a failed run says stands in its own panel already.
        spoken = state.run is not None and state.run.finished is not None and state.run.finished.status != "answered"
        self.query_one(ErrorPanel).draw(None if spoken and not (state.error and state.error.hint) else state.error)
        enabled = {"show_board", *PAGES, "interrupt" if state.busy else "new_task"}
        if state.run is not None and any(step.thinking for step in state.run.steps):
            enabled.add("turn_thinking")
        if self._workspace(state):
            enabled.add("save")
        if _answer(state):
            enabled |= {"copy"} if state.busy else {"copy", "mark_right", "mark_wrong", "app.ledger"}
        self.query_one(KeyBar).draw(enabled)

    def _draw_head(self, run: Run, notices: tuple[str, ...]) -> None:
        started, plan = run.started, self.query_one("#plan", PlainText)
        tools = ", ".join(started.tools) or "no tools"
        withheld = f" · withheld: {'; '.join(started.withheld)}" if started.withheld else ""
        head = words(
            (started.agent, "bold $text-success"), " follows its plan with ", tools, (withheld, "$text-warning")
        )
        width = max(plan.size.width, 20)
        parts: list[Part] = [head.truncate(width, ellipsis=True)]
        lines = PLAN_LINES if self.size.height >= SHORT + 6 else 1
        parts += ["\n", clipped(started.plan, width, lines, "$quiet")]
        parts += [words(("\n! ", "$text-warning"), one_line(text, width - 2, "$text-warning")) for text in notices[-1:]]
        plan.show(*parts)

    def _draw_steps(self, run: Run) -> None:
        window = run.steps[-WINDOW:]
        hidden = len(run.steps) - len(window)
        earlier = self.query_one("#earlier", PlainText)
        earlier.display = hidden > 0
        earlier.show((f"… {hidden} earlier steps", "$quiet"))
        kept = {step.number for step in window}
        for number in [number for number in self._steps if number not in kept]:
            self._steps.pop(number).remove()
        scroll = self.query_one(Following)
        for step in window:
            if step.number not in self._steps:
                view = self._steps[step.number] = StepView()
                scroll.mount(view)
            self._steps[step.number].draw(step, self._thoughts)
        if run is not self._drawn:
            self._drawn = run
            scroll.grown()

    def _workspace(self, state: AppState) -> str:
        run = state.run
        return run.finished.workspace if run and run.finished else ""

    def action_show_board(self) -> None:
        self.sale.show("auction")

    def action_turn_thinking(self) -> None:
        self._thoughts = not self._thoughts
        self.sale.mark()

    def action_save(self) -> None:
        if workspace := self._workspace(self.sale.state):
            self.sale.ask_to_save(Path(workspace))

    def action_copy(self) -> None:
        if answer := _answer(self.sale.state):
            self.sale.past.copy(answer)

    def action_mark_right(self) -> None:
        self._mark("passed")

    def action_mark_wrong(self) -> None:
        self._mark("failed")

    def _mark(self, outcome: Outcome) -> None:
        state = self.sale.state
        if state.busy or state.header is None or not _answer(state):
            return
        known = state.outcome.outcome if state.outcome is not None else "unknown"
        wanted: Outcome = "unknown" if known == outcome else outcome
        self.run_worker(self.sale.past.mark(state.header.auction, wanted), group="mark")

    def action_new_task(self) -> None:
        self.sale.new_task()

    def action_interrupt(self) -> None:
        self.sale.interrupt()


def _answer(state: AppState) -> str:
    return state.run.finished.answer if state.run and state.run.finished else ""
