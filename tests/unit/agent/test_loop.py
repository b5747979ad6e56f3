from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sale_tui.agent.loop import EMPTY_TURN, Run, run_winner
from sale_tui.agent.tools.base import Tool, ToolContext, ToolResult
from sale_tui.agent.tools.corpus import NO_RESULTS
from sale_tui.agent.tools.open import OpenTool
from sale_tui.agent.tools.python import PythonTool
from sale_tui.agent.tools.search import SearchTool
from sale_tui.agent.tools.shelf import Shelf
from sale_tui.clock import SystemClock
from sale_tui.events import (
    CallRejected,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StepDelta,
    StepStarted,
    ToolCalled,
    ToolFinished,
    decode,
    encode,
)
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptTurn
from sale_tui.ports import Message
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.streams import closing
from sale_tui.types import AgentSpec, Limits, Source

OPENING = (
    Message(role="user", content="Add up.", part="task"),
    Message(role="user", content="Do it.", part="execute", fields={"plan": "1. Add."}),
)


class EndlessTool:
    """A tool that never answers, and knows whether it was stopped."""

    name = "wait"
    needs_sandbox = False
    spec = PythonTool().spec

    def __init__(self) -> None:
        self.calls = 0
        self.stopped = 0

    def check(self, arguments: Mapping[str, object]) -> None:
        """Takes everything."""

    def leaves(self, arguments: Mapping[str, object]) -> str:
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        self.calls += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped += 1
        raise AssertionError


class LongTool:
    """A tool that says much, and something else each time; or fails."""

    name = "long"
    needs_sandbox = False
    spec = PythonTool().spec

    def __init__(self, words: int = 100, fault: Exception | None = None) -> None:
        self.words = words
        self.fault = fault
        self.calls = 0

    def check(self, arguments: Mapping[str, object]) -> None:
        """Takes everything."""

    def leaves(self, arguments: Mapping[str, object]) -> str:
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        if self.fault is not None:
            raise self.fault
        self.calls += 1
        return ToolResult(ok=True, summary="much", output=f"{self.calls} " + "word " * self.words)


@pytest.fixture
def corpus(tmp_path: Path) -> Shelf:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "Velmar.md").write_text("# Velmar\n\nVelmar lies on the Osta.")
    return Shelf(folder)


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def turn(text: str, step: int = 0, **more: Any) -> ScriptTurn:
    return ScriptTurn(text=text, step=step, **more)


def make(
    tmp_path: Path, *turns: ScriptTurn, tools: tuple[Tool, ...] = (), limits: Limits | None = None, context: int = 8192
) -> Run:
    spec = AgentSpec(name="micro-s", model="script", price=0.1, context=context, thinking=True)
    return Run(
        model=ScriptedModel(spec, Script(turn=turns)),
        opening=OPENING,
        plan="1. Add.",
        tools=tools,
        withheld=("python: there is no sandbox",),
        context=ToolContext(workspace=tmp_path, sandbox=NoneSandbox("a test", "none")),
        limits=limits or Limits(seconds=20),
        clock=SystemClock(),
    )


async def events_of(run: Run) -> list[Event]:
    events = [event async for event in run_winner(run)]
    finished = [event for event in events if isinstance(event, RunFinished)]
    assert len(finished) == 1
    assert events[-1] is finished[0]
    assert isinstance(events[0], RunStarted)
    assert [decode(encode(event)) for event in events] == events
    return events


async def end_of(run: Run) -> RunFinished:
    last = (await events_of(run))[-1]
    assert isinstance(last, RunFinished)
    return last


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, StepDelta)]


async def test_answer_at_once(tmp_path: Path) -> None:
    events = await events_of(make(tmp_path, turn("It is so.\nAnswer: 42", thinking="Let me see.")))
    assert kinds(events) == ["RunStarted", "StepStarted", "StepFinished", "RunFinished"]
    started, finished = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert (started.agent, started.plan, started.tools, started.sandbox) == ("micro-s", "1. Add.", (), "none")
    assert started.withheld == ("python: there is no sandbox",)
    assert isinstance(finished, RunFinished)
    assert (finished.status, finished.answer, finished.reason, finished.steps) == ("answered", "42", "", 1)
    assert finished.usage.output_tokens == 8
    assert finished.usage.thinking_tokens == 3
    channels = {event.channel for event in events if isinstance(event, StepDelta)}
    assert channels == {"text", "thinking"}


async def test_search_open_answer(tmp_path: Path, corpus: Shelf) -> None:
    run = make(
        tmp_path,
        turn(call("search", query="velmar"), 1),
        turn(call("open", document="Velmar"), 2),
        turn("Answer: the Osta", 3),
        tools=(SearchTool(corpus), OpenTool(corpus)),
    )
    events = await events_of(run)
    results = [event for event in events if isinstance(event, ToolFinished)]
    assert [result.output for result in results] == [
        "[Velmar.md] # Velmar Velmar lies on the Osta.",
        "[Velmar.md]\n# Velmar\n\nVelmar lies on the Osta.",
    ]
    assert [result.call for result in results] == ["1.1", "2.1"]
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.sources == (Source(document="Velmar.md", title="Velmar"),)
    assert finished.steps == 3


async def test_several_calls_run_in_order(tmp_path: Path, corpus: Shelf) -> None:
    text = call("search", query="nothing here") + call("search", query="osta")
    events = await events_of(make(tmp_path, turn(text, 1), turn("Answer: 1", 2), tools=(SearchTool(corpus),)))
    outputs = [event.output for event in events if isinstance(event, ToolFinished)]
    assert outputs[0] == NO_RESULTS
    assert outputs[1].startswith("[Velmar.md]")


async def test_model_is_told_what_its_tools_said(tmp_path: Path, corpus: Shelf) -> None:
    run = make(tmp_path, turn(call("search", query="osta"), 1), turn("Answer: 1", 2), tools=(SearchTool(corpus),))
    asked: list[tuple[Message, ...]] = []
    generate = run.model.generate

    class Listening(ScriptedModel):
        def generate(self, request: Any) -> Any:
            asked.append(request.messages)
            return generate(request)

    model = Listening(run.model.spec, Script())
    await end_of(Run(**{name: getattr(run, name) for name in Run.__slots__} | {"model": model}))
    assert asked[0] == OPENING
    assistant, tool = asked[1][-2:]
    assert (assistant.role, tool.role) == ("assistant", "tool")
    assert len(assistant.tokens) > 0
    assert tool.content == "[Velmar.md] # Velmar Velmar lies on the Osta."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<tool_call>nonsense</tool_call>", "not valid JSON"),
        (call("fly"), "there is no tool 'fly'; the tools are: search"),
        (call("search", words="x"), "search has no argument 'words'; it takes {\"query\": string}"),
        (call("search"), "missing required field `query`"),
        (call("search", query=1), "Expected `str`, got `int`"),
        ("<think>hm</think>", EMPTY_TURN),
    ],
)
async def test_call_that_makes_no_sense_is_fed_back(tmp_path: Path, corpus: Shelf, text: str, words: str) -> None:
    run = make(tmp_path, turn(text, times=1), turn("Answer: 1"), tools=(SearchTool(corpus),))
    events = await events_of(run)
    assert kinds(events) == [
        "RunStarted", "StepStarted", "StepFinished", "CallRejected", "StepStarted", "StepFinished", "RunFinished",
    ]  # fmt: skip
    (rejected,) = (event for event in events if isinstance(event, CallRejected))
    assert words in rejected.reason
    assert not any(isinstance(event, ToolCalled) for event in events)


async def test_too_many_senseless_calls_in_a_row_end_it(tmp_path: Path) -> None:
    finished = await end_of(make(tmp_path, turn("<tool_call>x"), limits=Limits(malformed=3)))
    assert (finished.status, finished.steps) == ("failed", 3)
    assert finished.reason.startswith("3 useless turns or calls in a row; the last one: the call is not valid JSON")


async def test_call_that_makes_sense_breaks_the_row(tmp_path: Path, corpus: Shelf) -> None:
    turns = [turn("<tool_call>x", times=2), turn(call("search", query="osta"), times=1), turn("<tool_call>x", times=2)]
    run = make(tmp_path, *turns, turn("Answer: 1"), tools=(SearchTool(corpus),))
    assert (await end_of(run)).status == "answered"


async def test_same_call_with_the_same_outcome_is_no_progress(tmp_path: Path, corpus: Shelf) -> None:
    run = make(tmp_path, turn(call("search", query="nowhere")), tools=(SearchTool(corpus),), limits=Limits(malformed=3))
    finished = await end_of(run)
    assert (finished.status, finished.steps) == ("failed", 4)
    assert "the same call with the same outcome" in finished.reason


async def test_same_call_with_another_outcome_is_progress(tmp_path: Path) -> None:
    run = make(tmp_path, turn(call("long")), tools=(LongTool(),), limits=Limits(malformed=2, steps=6))
    finished = await end_of(run)
    assert (finished.status, finished.reason) == ("limit", "no answer within 6 steps")


async def test_failing_tool_is_an_answer(tmp_path: Path) -> None:
    tool = LongTool(fault=OSError("disk gone"))
    events = await events_of(make(tmp_path, turn(call("long"), 1), turn("Answer: 1", 2), tools=(tool,)))
    (result,) = (event for event in events if isinstance(event, ToolFinished))
    assert (result.ok, result.output) == (False, "error: OSError: disk gone")


async def test_python_without_a_sandbox_runs_nothing(tmp_path: Path) -> None:
    run = make(tmp_path, turn(call("python", code="print(1)"), 1), turn("Answer: 1", 2), tools=(PythonTool(),))
    (result,) = (event for event in await events_of(run) if isinstance(event, ToolFinished))
    assert not result.ok
    assert "code cannot be run here" in result.output


async def test_tokens_are_bounded_over_all_steps(tmp_path: Path) -> None:
    limits = Limits(tokens=30, malformed=100)
    finished = await end_of(make(tmp_path, turn(call("long") + " word" * 8), tools=(LongTool(),), limits=limits))
    assert (finished.status, finished.reason) == ("limit", "no answer within 30 tokens")
    assert finished.usage.output_tokens == 30


async def test_seconds_are_bounded_within_a_step(tmp_path: Path) -> None:
    began = time.monotonic()
    finished = await end_of(make(tmp_path, turn("a b c", hang=True, tokens=2), limits=Limits(seconds=0.2)))
    assert (finished.status, finished.reason) == ("limit", "no answer within 0.2 s")
    assert finished.usage.output_tokens == 2
    assert time.monotonic() - began < 2


async def test_seconds_are_bounded_within_a_tool(tmp_path: Path) -> None:
    tool = EndlessTool()
    finished = await end_of(make(tmp_path, turn(call("wait")), tools=(tool,), limits=Limits(seconds=0.2)))
    assert finished.status == "limit"
    assert (tool.calls, tool.stopped) == (1, 1)


async def test_lost_model_is_loaded_again_once(tmp_path: Path) -> None:
    run = make(tmp_path, turn("half a turn", times=1, fault="its worker ended", tokens=2), turn("Answer: 1"))
    events = await events_of(run)
    assert kinds(events) == ["RunStarted", "StepStarted", "Notice", "StepStarted", "StepFinished", "RunFinished"]
    starts = [event.step for event in events if isinstance(event, StepStarted)]
    assert starts == [1, 1]
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.answer == "1"
    assert finished.usage.output_tokens == 4


async def test_model_that_is_lost_again_fails_the_run(tmp_path: Path) -> None:
    finished = await end_of(make(tmp_path, turn("x", fault="its worker ended")))
    assert (finished.status, finished.reason) == ("failed", "micro-s: its worker ended")


async def test_full_context_is_made_room_in(tmp_path: Path) -> None:
    turns = [turn(call("long"), times=6), turn("Answer: 1")]
    events = await events_of(make(tmp_path, *turns, tools=(LongTool(),), context=480))
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert notices
    assert all("shortened by" in text for text in notices)
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.status == "answered"


async def test_context_that_cannot_be_shortened_ends_the_run(tmp_path: Path) -> None:
    finished = await end_of(make(tmp_path, turn("Answer: 1"), context=3))
    assert finished.status == "limit"
    assert "does not fit" in finished.reason


async def test_turn_that_is_cut_off_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sale_tui.agent.loop.STEP_TOKENS", 20)
    events = await events_of(make(tmp_path, turn("on and on " * 50, times=1), turn("Answer: 1")))
    (rejected,) = (event for event in events if isinstance(event, CallRejected))
    assert rejected.reason == "the turn was cut off after 20 tokens: be brief"
    assert kinds(events)[-3:] == ["StepStarted", "StepFinished", "RunFinished"]
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert (finished.status, finished.answer) == ("answered", "1")


async def test_closing_it_stops_the_tool(tmp_path: Path) -> None:
    tool = EndlessTool()
    async with aclosing(run_winner(make(tmp_path, turn(call("wait")), tools=(tool,)))) as events:
        async for event in events:
            if isinstance(event, ToolCalled):
                break
    assert tool.calls == tool.stopped


async def test_closing_it_stops_the_model(tmp_path: Path) -> None:
    stopped = False

    class Watched(ScriptedModel):
        async def generate(self, request: Any) -> Any:
            nonlocal stopped
            try:
                async with closing(super().generate(request)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                stopped = True

    run = make(tmp_path)
    model = Watched(run.model.spec, Script(turn=(turn("a b c", hang=True, tokens=1),)))
    fields = {name: getattr(run, name) for name in Run.__slots__} | {"model": model}
    async with aclosing(run_winner(Run(**fields))) as events:
        async for event in events:
            if isinstance(event, StepDelta):
                break
    assert stopped


async def test_surprise_in_a_model_ends_the_run_in_words(tmp_path: Path) -> None:
    class Broken(ScriptedModel):
        def generate(self, request: Any) -> Any:
            raise KeyError("inner")

    run = make(tmp_path)
    fields = {name: getattr(run, name) for name in Run.__slots__} | {"model": Broken(run.model.spec, Script())}
    finished = await end_of(Run(**fields))
    assert (finished.status, finished.reason) == ("failed", "KeyError: 'inner'")


async def test_every_step_has_another_seed(tmp_path: Path) -> None:
    seeds: list[int] = []

    class Listening(ScriptedModel):
        def generate(self, request: Any) -> Any:
            seeds.append(request.sampling.seed)
            return super().generate(request)

    run = make(tmp_path, tools=(LongTool(),))
    script = Script(turn=(turn(call("long"), times=2), turn("Answer: 1")))
    spec = msgspec.structs.replace(run.model.spec, execution=msgspec.structs.replace(run.model.spec.execution, seed=7))
    fields = {name: getattr(run, name) for name in Run.__slots__} | {"model": Listening(spec, script)}
    await end_of(Run(**fields))
    assert seeds == [7, 8, 9]
