"""The winner before its gate: what leaves the sandbox waits for leave, and what was answered is what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from sale_tui.agent.approval import Policy
from sale_tui.agent.gate import Approvals
from sale_tui.agent.loop import Run, run_winner
from sale_tui.agent.tools.base import ToolContext, ToolResult, make_spec
from sale_tui.agent.tools.open import OpenArguments
from sale_tui.clock import SystemClock
from sale_tui.commands import Answer
from sale_tui.events import ApprovalAnswered, ApprovalAsked, Event, RunFinished, ToolCalled, ToolFinished
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptTurn
from sale_tui.ports import Human, Message
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.session.human import AutoHuman, PromptHuman
from sale_tui.types import AgentSpec, ApprovalAnswer, ApprovalRule, Limits

A, B = "https://a.example/1", "https://b.example/"


class PageTool:
    """Opens pages of the web, as far as anybody can tell."""

    name = "open"
    needs_sandbox = False
    spec = make_spec("open", "Read a page.", OpenArguments)

    def __init__(self) -> None:
        self.opened: list[object] = []

    def check(self, arguments: Mapping[str, object]) -> None:
        """Takes everything."""

    def leaves(self, arguments: Mapping[str, object]) -> str:
        address = str(arguments["document"])
        return f"a request to {address}" if address.startswith("https:") else ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        self.opened.append(arguments["document"])
        untrusted = bool(self.leaves(arguments))
        return ToolResult(ok=True, summary="read", output=f"page {len(self.opened)}", untrusted=untrusted)


def call(address: str) -> str:
    return f"<tool_call>{json.dumps({'name': 'open', 'arguments': {'document': address}})}</tool_call>"


def make(tmp_path: Path, tool: PageTool, approvals: Approvals, *addresses: str, seconds: float = 20) -> Run:
    turns = [ScriptTurn(text=call(address), step=step) for step, address in enumerate(addresses, start=1)]
    return Run(
        model=ScriptedModel(
            AgentSpec(name="s", model="script", price=0.1), Script(turn=(*turns, ScriptTurn(text="Answer: done")))
        ),
        opening=(Message(role="user", content="Look.", part="execute"),),
        plan="Look.",
        tools=(tool,),
        withheld=(),
        context=ToolContext(workspace=tmp_path, sandbox=NoneSandbox("a test", "none")),
        limits=Limits(seconds=seconds),
        clock=SystemClock(),
        approvals=approvals,
    )


async def play(run: Run, human: PromptHuman | None = None, *answers: ApprovalAnswer) -> list[Event]:
    """The run's events; each question is answered in turn."""
    given = iter(answers)
    events = []
    async with aclosing(run_winner(run)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, ApprovalAsked) and human is not None:
                answer = Answer(question=event.question, answer=next(given), reason="not there")
                await asyncio.sleep(0)
                assert human.receive(answer)
    assert next(given, None) is None, "a question was not asked"
    return events


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def person() -> PromptHuman:
    return PromptHuman(SystemClock())


async def test_nothing_leaves_where_nobody_can_be_asked(tmp_path: Path) -> None:
    humans: tuple[Human | None, ...] = (None, AutoHuman())
    for human in humans:
        tool = PageTool()
        events = await play(make(tmp_path, tool, Approvals(human=human), A))
        (finished,), (answered,) = of(events, ToolFinished), of(events, ApprovalAnswered)
        assert tool.opened == []
        assert not finished.ok
        assert finished.output.startswith("error: denied: nobody can be asked here")
        assert (answered.allowed, answered.by, answered.call) == (False, "default", f"open({A})")


async def test_headless_says_which_flag_would_allow_it(tmp_path: Path) -> None:
    events = await play(make(tmp_path, PageTool(), Approvals(human=AutoHuman()), A))
    assert "--allow 'open(https://a.example/*)'" in of(events, ToolFinished)[0].output


async def test_what_stays_in_the_sandbox_is_not_asked_for(tmp_path: Path) -> None:
    tool = PageTool()
    events = await play(make(tmp_path, tool, Approvals(), "notes.md"))
    assert tool.opened == ["notes.md"]
    assert not of(events, ApprovalAsked)
    assert not of(events, ApprovalAnswered)


async def test_a_rule_can_forbid_what_stays_in_the_sandbox(tmp_path: Path) -> None:
    tool = PageTool()
    policy = Policy(settings=(ApprovalRule(call="open(*secret*)", action="deny"),))
    events = await play(make(tmp_path, tool, Approvals(policy=policy), "secret.md"))
    assert tool.opened == []
    assert of(events, ToolFinished)[0].output == "error: denied: the rule open(*secret*) forbids it"
    assert of(events, ApprovalAnswered)[0].by == "settings"


async def test_once_is_once(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    events = await play(make(tmp_path, tool, Approvals(human=human), A, A + "2"), human, "once", "deny")
    assert tool.opened == [A]
    asked = of(events, ApprovalAsked)
    assert (asked[0].call, asked[0].leaves, asked[0].covers) == (
        f"open({A})",
        f"a request to {A}",
        "open(https://a.example/*)",
    )
    assert of(events, ToolFinished)[1].output == "error: denied: not there"
    order = [type(event) for event in events if isinstance(event, ToolCalled | ApprovalAsked | ApprovalAnswered)]
    assert order == [ToolCalled, ApprovalAsked, ApprovalAnswered] * 2


async def test_for_this_run_holds_until_strangers_have_been_read_then_again(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    run = make(tmp_path, tool, Approvals(human=human), A, A + "2", A + "3", B)
    events = await play(run, human, "run", "run", "deny")
    assert tool.opened == [A, A + "2", A + "3"]
    asked = of(events, ApprovalAsked)
    assert [question.question for question in asked] == ["1.1", "2.1", "4.1"]
    assert asked[0].why == ()
    assert "strangers" in asked[1].why[0]
    assert [answer.by for answer in of(events, ApprovalAnswered)] == ["user", "user", "run", "user"]


async def test_always_is_kept_but_asked_again_by_a_run_that_has_read_strangers(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    kept: list[ApprovalRule] = []
    await play(make(tmp_path, tool, Approvals(human=human, keep=kept.append), A), human, "always")
    assert kept == [ApprovalRule(call="open(https://a.example/*)", action="allow")]
    later = Approvals(human=human, policy=Policy(always=tuple(kept)))
    events = await play(make(tmp_path, tool, later, A + "2", A + "3"), human, "deny")
    assert tool.opened == [A, A + "2"]
    assert [(answer.by, answer.allowed) for answer in of(events, ApprovalAnswered)] == [
        ("always", True),
        ("user", False),
    ]


async def test_a_run_that_can_read_private_documents_is_asked_for_in_spite_of_older_rules(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    policy = Policy(settings=(ApprovalRule(call="open(*)", action="allow"),))
    approvals = Approvals(human=human, policy=policy, private=("your documents",))
    events = await play(make(tmp_path, tool, approvals, A), human, "deny")
    assert tool.opened == []
    assert of(events, ApprovalAsked)[0].why == ("the rule open(*) asks", "this run can read your documents")


async def test_a_flag_of_the_launch_is_an_answer_for_its_runs(tmp_path: Path) -> None:
    tool = PageTool()
    policy = Policy(flags=(ApprovalRule(call="open(https://a.example/*)", action="allow"),))
    approvals = Approvals(human=AutoHuman(), policy=policy, private=("your documents",))
    await play(make(tmp_path, tool, approvals, A, A + "2", B))
    assert tool.opened == [A, A + "2"]


async def test_the_time_of_a_question_is_not_the_runs(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    run = make(tmp_path, tool, Approvals(human=human), A, seconds=0.3)
    events = []
    async with aclosing(run_winner(run)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, ApprovalAsked):
                await asyncio.sleep(0.5)
                assert human.receive(Answer(question=event.question, answer="once"))
    assert of(events, RunFinished)[0].status == "answered"


async def test_an_interrupted_run_withdraws_its_question(tmp_path: Path) -> None:
    tool, human = PageTool(), person()
    async with aclosing(run_winner(make(tmp_path, tool, Approvals(human=human), A))) as stream:
        async for event in stream:
            if isinstance(event, ApprovalAsked):
                break
    assert not human.receive(Answer(question="1.1", answer="once"))
    assert tool.opened == []


async def test_an_answer_to_another_question_counts_for_nothing(tmp_path: Path) -> None:
    human = person()
    question = ApprovalAsked(question="1.1", call="open(x)", leaves="y")
    task = asyncio.create_task(human.approve(question))
    await asyncio.sleep(0)
    assert not human.receive(Answer(question="0.1", answer="always"))
    assert human.receive(Answer(question="1.1", answer="once"))
    assert not human.receive(Answer(question="1.1", answer="always"))
    assert (await task).answer == "once"
