"""After a run in a copy of the user's folder: the diff is told, somebody is asked, and only then the folder changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sale_tui.agent.approval_store import ApprovalBook
from sale_tui.agent.tools.write import WriteTool
from sale_tui.commands import Answer
from sale_tui.events import ApprovalAnswered, ApprovalAsked, ChangesApplied, ChangesFound, Event, RunFinished
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.tui.state_run import Run, apply_run
from sale_tui.types import ApprovalAnswer, ApprovalRule

Wire = Callable[..., Wiring]


def writing(answer: str = "Answer: done", content: str = "two\n") -> Script:
    call = json.dumps({"name": "write", "arguments": {"path": "a.txt", "content": content}})
    turns = (
        ScriptTurn(part="bid", text="1. write it."),
        ScriptTurn(part="execute", step=1, text=f"<tool_call>{call}</tool_call>"),
        ScriptTurn(part="execute", text=answer),
    )
    return Script(turn=turns, mark=(ScriptMark(mark=3),))


def request_for(mine: Path) -> TaskRequest:
    return TaskRequest(text="In which town? Write it.", kind="search", pinned="ash", workspace=mine)


async def attended(session: Session, mine: Path, answer: ApprovalAnswer) -> list[Event]:
    """The events of a task whose question somebody answers."""
    events: list[Event] = []
    async for event in session.run(request_for(mine)):
        events.append(event)
        if isinstance(event, ApprovalAsked):
            assert (mine / "a.txt").read_text() == "one\n"
            session.send(Answer(question=event.question, answer=answer, reason="not now"))
    return events


def of(events: list[Event], kind: type[Any]) -> Any:
    return next((event for event in events if isinstance(event, kind)), None)


def wired(wire: Wire, **changes: Any) -> Session:
    return Session(wire(writing(), tools=(WriteTool(),), chosen_tools=("write",), **changes))


async def test_an_accepted_diff_reaches_the_folder(wire: Wire, mine: Path) -> None:
    events = await attended(wired(wire, countdown_seconds=0.01, attended=True), mine, "once")
    asked = of(events, ApprovalAsked)
    assert asked.call == f"accept_changes({mine})"
    assert "1 changed file" in asked.leaves
    assert "-one\n+two\n" in asked.detail == of(events, ChangesFound).diff
    assert of(events, ChangesApplied).files == ("a.txt",)
    assert (mine / "a.txt").read_text() == "two\n"


async def test_each_diff_is_seen_for_itself_and_what_cannot_be_seen_is_counted(wire: Wire, mine: Path) -> None:
    script = writing(content="if admin:\u202e\u2066 # no\r\n")
    session = Session(
        wire(script, tools=(WriteTool(),), chosen_tools=("write",), countdown_seconds=0.01, attended=True)
    )
    events = await attended(session, mine, "deny")
    asked = of(events, ApprovalAsked)
    assert asked.covers == ""
    assert asked.leaves == f"1 changed file to {mine}, with 2 characters that cannot be seen"


async def test_a_denied_one_does_not(wire: Wire, mine: Path) -> None:
    events = await attended(wired(wire, countdown_seconds=0.01, attended=True), mine, "deny")
    assert of(events, ApprovalAnswered).reason == "not now"
    assert of(events, ChangesApplied) is None
    assert (mine / "a.txt").read_text() == "one\n"


async def test_nobody_is_asked_where_nobody_is(wire: Wire, mine: Path) -> None:
    events = [event async for event in wired(wire).run(request_for(mine))]
    assert of(events, ChangesFound).files[0].path == "a.txt"
    assert not of(events, ApprovalAnswered).allowed
    assert (mine / "a.txt").read_text() == "one\n"


@pytest.mark.parametrize(("source", "accepted"), [("flag", True), ("settings", False)])
async def test_only_a_flag_of_this_launch_accepts_beforehand(
    wire: Wire, mine: Path, source: str, accepted: bool
) -> None:
    rules = (ApprovalRule(call="accept_changes(*)", action="allow"),)
    book = ApprovalBook(rules, ()) if source == "flag" else ApprovalBook((), rules)
    events = [event async for event in wired(wire, approvals=book).run(request_for(mine))]
    assert (of(events, ChangesApplied) is not None) == accepted
    assert (mine / "a.txt").read_text() == ("two\n" if accepted else "one\n")


async def test_a_run_without_an_answer_offers_nothing(wire: Wire, mine: Path) -> None:
    session = Session(wire(writing(answer=" "), tools=(WriteTool(),), chosen_tools=("write",)))
    events = [event async for event in session.run(request_for(mine))]
    assert of(events, RunFinished).status == "failed"
    assert of(events, ChangesFound) is None


async def test_the_app_shows_the_question_after_the_answer(wire: Wire, mine: Path) -> None:
    run: Run | None = None
    questions: list[str] = []
    for event in await attended(wired(wire, countdown_seconds=0.01, attended=True), mine, "once"):
        run = apply_run(run, event)
        if run is not None and run.question is not None:
            questions.append(run.question.call)
    assert questions == [f"accept_changes({mine})"]
