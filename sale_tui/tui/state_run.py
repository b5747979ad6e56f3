"""The winner's run as the app shows it: steps with their text, calls and outputs, then the answer."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from sale_tui.events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallRejected,
    Event,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFinished,
    StepStarted,
    ToolCalled,
    ToolFinished,
)
from sale_tui.tui.format import call_line
from sale_tui.tui.state_text import Streamed
from sale_tui.types import Usage


class Call(msgspec.Struct, frozen=True):
    """One call of a tool."""

    id: str
    tool: str
    arguments: str
    """As text to read: the code of a program, else ``name=value``."""
    status: Literal["running", "ok", "failed", "rejected", "stopped"] = "running"
    summary: str = ""
    output: str = ""
    truncated: int = 0
    """Characters that were cut from the output."""
    seconds: float | None = None
    leave: str = ""
    """Who allowed or denied it, where that was asked or ruled."""


class Step(msgspec.Struct, frozen=True):
    """One turn of the winner."""

    number: int
    started: float
    text: Streamed = msgspec.field(default_factory=Streamed)
    thinking: Streamed = msgspec.field(default_factory=Streamed)
    tokens: int = 0
    calls: tuple[Call, ...] = ()
    usage: Usage | None = None
    """Known when the turn is complete."""


class Run(msgspec.Struct, frozen=True):
    """The whole run; ``finished`` is None while it goes on."""

    started: RunStarted
    steps: tuple[Step, ...] = ()
    finished: RunFinished | None = None
    question: ApprovalAsked | None = None
    """The call that waits for leave."""

    @property
    def tokens(self) -> int:
        """Generated so far."""
        return sum(step.usage.output_tokens if step.usage else step.tokens for step in self.steps)


def apply_run(run: Run | None, event: Event) -> Run | None:
    """The run after an event; those that do not concern it return it unchanged."""
    if isinstance(event, RunStarted):
        return Run(event)
    if run is None:
        return None
    match event:
        case StepStarted():
            return replace(run, steps=(*run.steps, Step(event.step, event.at)))
        case StepDelta() | StepFinished() | ToolCalled() | ToolFinished() | CallRejected():
            return _in_step(run, event.step, event)
        case ApprovalAsked():
            return _with_leave(replace(run, question=event), event.question, "waits for your word")
        case ApprovalAnswered():
            return _with_leave(replace(run, question=None), event.question, leave_line(event))
        case RunFinished():
            return replace(run, finished=event, question=None, steps=tuple(_stopped(step) for step in run.steps))
        case _:
            return run


def leave_line(event: ApprovalAnswered) -> str:
    """Who allowed or denied a call, in words: ``allowed by you, for this run: search(*)``."""
    told = {
        "user": "by you",
        "flag": "by a flag of this launch",
        "run": "by your word for this run",
        "settings": "by your settings",
        "always": "by your word for always",
        "default": "because nobody could be asked",
    }
    answered = {"run": ", for this run", "always": ", for always"}.get(event.answer or "", "")
    rule = f": {event.rule}" if event.rule else ""
    return f"{'allowed' if event.allowed else 'denied'} {told[event.by]}{answered}{rule}"


def _with_leave(run: Run, call: str, leave: str) -> Run:
    if not run.steps:
        return run
    *before, last = run.steps
    calls = tuple(replace(each, leave=leave) if each.id == call else each for each in last.calls)
    return replace(run, steps=(*before, replace(last, calls=calls)))


def _in_step(run: Run, number: int, event: Event) -> Run:
    # Nearly always the last one, so a delta costs the same at any step.
    for place in range(len(run.steps) - 1, -1, -1):
        if run.steps[place].number == number:
            changed = _step(run.steps[place], event)
            return replace(run, steps=(*run.steps[:place], changed, *run.steps[place + 1 :]))
    return run


def _step(step: Step, event: Event) -> Step:
    match event:
        case StepDelta():
            tokens = step.tokens + event.tokens
            if event.channel == "thinking":
                return replace(step, thinking=step.thinking.add(event.text), tokens=tokens)
            return replace(step, text=step.text.add(event.text), tokens=tokens)
        case StepFinished():
            text, thinking = Streamed.of(event.text), Streamed.of(event.thinking)
            return replace(step, text=text, thinking=thinking, usage=event.usage)
        case ToolCalled():
            call = Call(event.call, event.tool, call_line(event.arguments))
            return replace(step, calls=(*step.calls, call))
        case ToolFinished():
            return replace(step, calls=tuple(_answered(call, event) for call in step.calls))
        case CallRejected():
            rejected = Call("", "rejected call", event.text, "rejected", event.reason)
            return replace(step, calls=(*step.calls, rejected))
        case _:
            return step


def _answered(call: Call, event: ToolFinished) -> Call:
    if call.id != event.call:
        return call
    return replace(
        call,
        status="ok" if event.ok else "failed",
        summary=event.summary,
        output=event.output,
        truncated=event.truncated,
        seconds=event.seconds,
    )


def _stopped(step: Step) -> Step:
    calls = tuple(replace(call, status="stopped") if call.status == "running" else call for call in step.calls)
    return replace(step, calls=calls)
