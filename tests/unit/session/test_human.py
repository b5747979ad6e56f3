"""A person within a countdown, on a clock that the test owns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sale_tui.commands import Accept, Interrupt, Override, Pause, SetKind
from sale_tui.events import AwardProposed
from sale_tui.session.human import AutoHuman, PromptHuman
from sale_tui.types import Award, Explanation, Scorecard


class HandClock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


def card(agent: str, round_: Any, total: float | None) -> Scorecard:
    return Scorecard(
        agent=agent, round=round_, eligible=total is not None, cost=total, value=0.0, total=total, terms=None
    )


PROPOSAL = AwardProposed(
    award=Award(agent="a", round="first", by="auction", reason="least total"),
    scorecards=(card("a", "first", -1.0), card("b", "first", 0.0), card("b", "refined", 0.5), card("c", "first", None)),
    explanation=Explanation(runner_up="b", runner_up_round="first", margin=1.0, deciding_term="cost", flip=None),
    deadline_seconds=8.0,
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def human(clock: HandClock) -> PromptHuman:
    return PromptHuman(clock, kind_seconds=3.0, tick_seconds=0.001)


async def deciding(human: PromptHuman) -> asyncio.Task[Award]:
    task = asyncio.create_task(human.decide(PROPOSAL))
    await asyncio.sleep(0)
    return task


async def ticks() -> None:
    await asyncio.sleep(0.02)


async def test_silence_accepts_when_time_is_over(human: PromptHuman, clock: HandClock) -> None:
    task = await deciding(human)
    clock.time += 7.9
    await ticks()
    assert not task.done()
    clock.time += 0.2
    assert await task == PROPOSAL.award


async def test_accept_ends_the_countdown(human: PromptHuman) -> None:
    task = await deciding(human)
    assert human.receive(Accept())
    assert await task == PROPOSAL.award


async def test_override_takes_the_better_bid_of_the_agent(human: PromptHuman) -> None:
    task = await deciding(human)
    human.receive(Override(agent="b", reason="I know better"))
    assert await task == Award(agent="b", round="first", by="user", reason="I know better")


async def test_override_to_a_bid_without_a_total(human: PromptHuman) -> None:
    task = await deciding(human)
    human.receive(Override(agent="c"))
    award = await task
    assert (award.agent, award.round, award.by) == ("c", "first", "user")


async def test_override_of_the_proposed_agent_is_its_award(human: PromptHuman) -> None:
    task = await deciding(human)
    human.receive(Override(agent="a"))
    assert await task == PROPOSAL.award


async def test_override_of_an_unknown_agent_is_passed_over(human: PromptHuman, clock: HandClock) -> None:
    task = await deciding(human)
    human.receive(Override(agent="nobody"))
    await ticks()
    assert not task.done()
    clock.time += 9
    assert await task == PROPOSAL.award


async def test_a_held_countdown_stands_where_it_stood(human: PromptHuman, clock: HandClock) -> None:
    task = await deciding(human)
    clock.time += 5
    await ticks()
    human.receive(Pause(held=True))
    await ticks()
    clock.time += 1000
    await ticks()
    assert not task.done()
    human.receive(Pause(held=False))
    await ticks()
    clock.time += 2.5
    await ticks()
    assert not task.done()
    clock.time += 1
    assert await task == PROPOSAL.award


async def test_commands_before_the_proposal_decide_nothing(human: PromptHuman, clock: HandClock) -> None:
    assert not human.receive(Override(agent="b"))
    assert not human.receive(Accept())
    task = await deciding(human)
    assert not human.receive(SetKind(kind="coding"))
    assert not human.receive(Interrupt())
    clock.time += 9
    assert await task == PROPOSAL.award


async def test_a_kind_can_be_changed_for_a_while(human: PromptHuman, clock: HandClock) -> None:
    task = asyncio.create_task(human.choose_kind("search"))
    await asyncio.sleep(0)
    human.receive(SetKind(kind="coding"))
    assert await task == "coding"
    task = asyncio.create_task(human.choose_kind("search"))
    await ticks()
    clock.time += 3.1
    assert await task == "search"


async def test_nobody_is_asked() -> None:
    human = AutoHuman()
    assert await human.decide(PROPOSAL) == PROPOSAL.award
    assert await human.choose_kind("coding") == "coding"
