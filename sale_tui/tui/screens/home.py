"""The first screen: a prompt, the kind of task, six tasks to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from sale_tui.tui.actions import bindings
from sale_tui.tui.screens.view import View
from sale_tui.tui.state import AppState
from sale_tui.tui.widgets.error_panel import ErrorPanel
from sale_tui.tui.widgets.key_bar import KeyBar
from sale_tui.tui.widgets.kind_switch import KindSwitch
from sale_tui.tui.widgets.prompt import Prompt
from sale_tui.tui.widgets.sample_list import SampleList
from sale_tui.tui.widgets.text import Part, PlainText
from sale_tui.tui.widgets.top_bar import StatusLine
from sale_tui.types import Pool

if TYPE_CHECKING:
    from sale_tui.session.wiring import TaskRequest


class HomeScreen(View[None]):
    """What is written in the prompt stays there until its task has ended well."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("home")
    AUTO_FOCUS = "Prompt"

    def __init__(self, pool: Pool, given: TaskRequest | None) -> None:
        """``given``: what every task is asked with."""
        super().__init__()
        self._pool = pool
        self._given = given

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Vertical(id="middle"):
            yield Prompt()
            yield KindSwitch()
            yield PlainText(id="complaint")
            if self._pool.samples:
                yield SampleList("Or one of these, which the pool has never seen:", self._pool.samples)
            yield PlainText(self._pool.note, id="note")
            yield PlainText(id="status")
        yield ErrorPanel()
        yield KeyBar("home")

    def draw(self, state: AppState, now: float) -> None:  # noqa: ARG002
        self.query_one(StatusLine).draw(state)
        self.query_one(ErrorPanel).draw(state.error if state.error and not state.task else None)
        self.query_one("#status", PlainText).show(*self._status(state))
        # Where there is little room, what is wrong goes before what the pool is.
        self.query_one("#note", PlainText).display = not (self.has_class("-short") and (state.notices or state.lost))
        self.query_one(KeyBar).draw({"start", "turn_kind", "newline", "samples", "app.memory", "app.ledger"})

    def _status(self, state: AppState) -> list[Part]:
        parts: list[Part] = []
        if self._given is not None and self._given.workspace is not None:
            parts += [("tools work in a copy of ", "$quiet"), str(self._given.workspace), "\n"]
        if self._given is not None and self._given.tests:
            parts.append(("the code of every coding task's answer is tested with your file\n", "$quiet"))
        loading = [bidder.name for bidder in state.board.bidders if bidder.name not in {*state.models, *state.lost}]
        if loading and not state.error:
            parts.append((f"loading {', '.join(loading)}… you can start already", "$quiet"))
        for name, reason in state.lost.items():
            parts += [(f"✗ {name} ", "$text-error"), f"did not load: {reason}\n"]
        parts += [(f"{text}\n", "$text-warning") for text in state.notices[-2:]]
        return parts

    def complain(self, text: str) -> None:
        """One line on what is wrong with the input; empty: nothing."""
        self.query_one("#complaint", PlainText).show((f"✗ {text}" if text else "", "$text-error"))

    def clear(self) -> None:
        """The task has ended well; the next one begins empty."""
        self.query_one(Prompt).text = ""
        self.query_one(KindSwitch).choose("auto")
        self.query_one(Prompt).focus()

    def on_prompt_sent(self, message: Prompt.Sent) -> None:
        if not message.text.strip():
            self.complain("the task is empty: say what you want done, or take one of the samples")
            return
        from sale_tui.session.wiring import TaskRequest

        self.complain("")
        kind, given = self.query_one(KindSwitch).kind, self._given or TaskRequest(text="")
        tests = "" if kind == "search" else given.tests
        self.sale.start(TaskRequest(text=message.text.strip(), kind=kind, workspace=given.workspace, tests=tests))

    def on_prompt_left(self) -> None:
        self.focus_next(SampleList)

    def on_sample_list_left(self) -> None:
        self.query_one(Prompt).focus()

    def on_sample_list_taken(self, message: SampleList.Taken) -> None:
        prompt = self.query_one(Prompt)
        prompt.put(message.sample.text)
        prompt.focus()
        self.complain("")

    def action_turn_kind(self) -> None:
        self.query_one(KindSwitch).turn()
