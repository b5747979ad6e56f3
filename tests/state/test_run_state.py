"""The run, folded from events."""

from __future__ import annotations

from typing import Any

from sale_tui.events import (
    BillMade,
    CallRejected,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFinished,
    StepStarted,
    ToolCalled,
    ToolFinished,
)
from sale_tui.tui.state_run import Run, apply_run
from sale_tui.types import Limits, Source, Usage

START = RunStarted(
    agent="elm", plan="think", tools=("python",), withheld=(), limits=Limits(), sandbox="full", workspace="w"
)
END = RunFinished(
    status="answered", answer="42", reason="", steps=1, sources=(Source(document="a.md", title="A"),), workspace="w",
    usage=Usage(output_tokens=9),
)  # fmt: skip


def fold(*events) -> Any:
    run = None
    for event in events:
        run = apply_run(run, event)
    assert isinstance(run, Run)
    return run


def test_a_recorded_run_ends_with_its_answer(log):
    run: Any = None
    for event in log:
        run = apply_run(run, event)
    assert run.finished.answer == "[100, 64, 16, 4]"
    assert [step.number for step in run.steps] == [1, 2, 3]
    assert [call.status for step in run.steps for call in step.calls] == ["failed", "ok"]
    assert run.steps[0].calls[0].arguments.startswith("numbers = [7, 4")
    assert str(run.steps[0].thinking).startswith("The list has six")
    assert any(isinstance(event, BillMade) for event in log)


def test_text_and_thinking_stream_apart():
    run = fold(
        START,
        StepStarted(step=1, at=1.0),
        StepDelta(step=1, channel="thinking", text="hm", tokens=1),
        StepDelta(step=1, channel="text", text="so ", tokens=1),
        StepDelta(step=1, channel="text", text="it is", tokens=2),
    )
    assert (str(run.steps[0].thinking), str(run.steps[0].text), run.tokens) == ("hm", "so it is", 4)


def test_the_finished_turn_replaces_what_was_streamed():
    run = fold(
        START,
        StepStarted(step=1),
        StepDelta(step=1, channel="text", text="half", tokens=1),
        StepFinished(step=1, text="whole", thinking="", usage=Usage(output_tokens=7)),
    )
    assert str(run.steps[0].text) == "whole"
    assert run.tokens == 7


def test_a_call_waits_then_has_its_output():
    called = ToolCalled(step=1, call="a", tool="open", arguments={"document": "Velmar.md", "page": 2})
    waiting = fold(START, StepStarted(step=1), called)
    assert waiting.steps[0].calls[0].status == "running"
    assert waiting.steps[0].calls[0].arguments == "document='Velmar.md', page=2"
    done = ToolFinished(step=1, call="a", tool="open", ok=False, summary="no", output="none", truncated=3, seconds=0.5)
    answered: Any = apply_run(waiting, done)
    call = answered.steps[0].calls[0]
    assert (call.status, call.output, call.truncated, call.seconds) == ("failed", "none", 3, 0.5)


def test_a_rejected_call_shows_text_and_reason():
    run = fold(START, StepStarted(step=1), CallRejected(step=1, text="<tool_call>{", reason="no JSON"))
    call = run.steps[0].calls[0]
    assert (call.status, call.arguments, call.summary) == ("rejected", "<tool_call>{", "no JSON")


def test_a_call_that_never_answered_is_stopped_at_the_end():
    run = fold(START, StepStarted(step=1), ToolCalled(step=1, call="a", tool="python", arguments={"code": "1"}), END)
    assert run.steps[0].calls[0].status == "stopped"
    assert run.finished.sources[0].title == "A"


def test_events_without_a_run_or_of_an_unknown_step_change_nothing():
    assert apply_run(None, StepStarted(step=1)) is None
    run = fold(START)
    assert apply_run(run, StepDelta(step=7, channel="text", text="x", tokens=1)) is run
