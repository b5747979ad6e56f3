"""The awarded agent runs its plan: its tools, its workspace, the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from sale_tui.agent.gate import Approvals
from sale_tui.agent.grading import grade, solution_of
from sale_tui.agent.loop import Run, run_winner
from sale_tui.agent.tools.base import Tool, ToolContext
from sale_tui.agent.workspace import Copied, create_workspace
from sale_tui.auction.prompting import execute_messages
from sale_tui.errors import NoSandbox
from sale_tui.events import AwardDecided, Event, Notice, OutcomeSet, RunFinished
from sale_tui.literal import literal_line
from sale_tui.ports import Human
from sale_tui.session.offering import offer
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.trees import remove_tree
from sale_tui.types import Kind

SHOWN = 5
"""Names of files that were left out, in the notice."""


def offered_tools(wiring: Wiring, request: TaskRequest, kind: Kind) -> tuple[tuple[Tool, ...], tuple[str, ...]]:
    """The tools that a task is offered, and those that are withheld, each with its reason."""
    folder = request.workspace is not None
    return offer(wiring.tools, wiring.sandbox, kind, chosen=wiring.chosen_tools, folder=folder)


def check_sandbox(wiring: Wiring, request: TaskRequest) -> None:
    """Raises NoSandbox where code was asked for by its kind, is to be run, and cannot be."""
    sandbox = wiring.sandbox
    if request.execute and request.kind == "coding" and sandbox.tier == "none":
        raise NoSandbox("a coding task needs a sandbox to run code in, and there is none", sandbox.advice)


async def prepare_workspace(wiring: Wiring, request: TaskRequest, auction: str) -> Copied:
    """Make the run's workspace; before anything is computed, so that its faults come first.

    Raises ConfigurationFault where it cannot be made.
    """
    return await asyncio.to_thread(create_workspace, wiring.workspaces / auction, request.workspace)


def told_of(copied: Copied) -> tuple[Notice, ...]:
    """What the user should know of a copy."""
    if not copied.skipped:
        return ()
    more = " ..." if len(copied.skipped) > SHOWN else ""
    return (Notice(text=f"not copied into the workspace: {', '.join(copied.skipped[:SHOWN])}{more}"),)


def discard_workspace(wiring: Wiring, auction: str) -> None:
    """Remove a workspace in which nothing has run."""
    remove_tree(wiring.workspaces / auction)


def approvals_of(wiring: Wiring, request: TaskRequest, human: Human) -> Approvals:
    """Who and what decides in a run of this request which calls may leave the sandbox."""
    own = (("your documents", wiring.private_corpus), ("a copy of your folder", request.workspace is not None))
    return Approvals(
        policy=wiring.approvals.policy,
        human=human,
        keep=wiring.approvals.keep,
        private=tuple(what for what, held in own if held),
    )


async def execute(
    wiring: Wiring, request: TaskRequest, kind: Kind, award: AwardDecided, human: Human
) -> AsyncGenerator[Event, None]:
    """The run's events, from RunStarted to RunFinished, in the workspace that was prepared."""
    workspace = wiring.workspaces / award.auction
    tools, withheld = offered_tools(wiring, request, kind)
    run = Run(
        model=wiring.models[award.award.agent],
        opening=execute_messages(request.text, award.plan),
        plan=award.plan,
        tools=tools,
        withheld=withheld,
        context=ToolContext(workspace=workspace, sandbox=wiring.sandbox),
        limits=wiring.limits,
        clock=wiring.clock,
        approvals=approvals_of(wiring, request, human),
    )
    async with aclosing(run_winner(run)) as events:
        async for event in events:
            yield event


async def grade_run(wiring: Wiring, request: TaskRequest, finished: RunFinished) -> OutcomeSet:
    """Whether the request's tests pass. Raises NoSandbox."""
    if finished.status != "answered":
        return OutcomeSet(outcome="failed", by="checker", reason="there is no answer")
    workspace = Path(finished.workspace)
    solution = await asyncio.to_thread(solution_of, finished.answer, workspace)
    if not solution and request.workspace is None:
        return OutcomeSet(outcome="failed", by="checker", reason="the answer holds no code")
    result = await grade(wiring.sandbox, workspace, solution, request.tests)
    return OutcomeSet(outcome=result.outcome, by="checker", reason=literal_line(result.reason))
