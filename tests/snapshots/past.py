"""A memory with auctions that were really held: the recorded one, again and again with other words and other ends."""

from __future__ import annotations

import msgspec

from sale_tui.events import (
    AnyEvent,
    AwardDecided,
    BidDelta,
    BillMade,
    KindChosen,
    OutcomeSet,
    PhaseStarted,
    StepDelta,
    TaskReceived,
)
from sale_tui.memory.service import MemoryService
from sale_tui.types import Kind, Outcome

TASKS: tuple[tuple[str, Kind], ...] = (
    ("Take the even numbers of 7, 4, 10, 3, 8 and 2 and list their squares from the largest.", "coding"),
    ("Which river runs through the home town of the founder of the Orlen Guild?", "search"),
    ("Reverse the word order of 'amber lake stone' and put it in capitals.", "coding"),
    ("Who was mayor of Velmar when the north bridge was built?", "search"),
    ("What is the sum of the three largest of 14, 3, 25, 8 and 19?", "coding"),
)
OUTCOMES: tuple[Outcome, ...] = ("passed", "unknown", "failed", "passed", "passed", "unknown", "passed")
WINNERS = ("micro-s", "micro-xs", "micro-s", "micro-l", "micro-xs", "micro-m", "micro-xs")
DEARER = {"micro-xs": 1.0, "micro-s": 8.0, "micro-m": 20.0, "micro-l": 40.0}
DAY = 86_400.0


def identity(number: int) -> str:
    """The id of the auction of that number."""
    return f"past{number:010}"


def past_events(log: list[AnyEvent], number: int) -> list[AnyEvent]:
    """The auction of that number, a day after the one before."""
    text, kind = TASKS[number % len(TASKS)]
    agent = WINNERS[number % len(WINNERS)]
    found: list[AnyEvent] = []
    for event in log:
        match event:
            case BidDelta() | StepDelta():
                continue
            case TaskReceived():
                changed: AnyEvent = msgspec.structs.replace(event, text=text)
            case KindChosen():
                changed = msgspec.structs.replace(event, kind=kind)
            case AwardDecided():
                award = msgspec.structs.replace(event.award, agent=agent, round="first")
                changed = msgspec.structs.replace(event, award=award)
            case BillMade():
                bill = msgspec.structs.replace(event.bill, run_dollars=event.bill.run_dollars * DEARER[agent])
                changed = msgspec.structs.replace(event, bill=bill)
            case _:
                changed = event
        at = 1_790_000_000.0 + number * DAY + event.at - log[0].at
        found.append(msgspec.structs.replace(changed, auction=identity(number), seq=len(found), at=at))
    last, outcome = found[-1], OUTCOMES[number % len(OUTCOMES)]
    found.append(PhaseStarted(phase="done", auction=last.auction, seq=last.seq + 1, at=last.at))
    if outcome != "unknown":
        found.append(OutcomeSet(outcome=outcome, by="user", auction=last.auction, seq=last.seq + 2, at=last.at))
    return found


async def fill(memory: MemoryService, log: list[AnyEvent], auctions: int) -> None:
    """Write so many auctions, and remember them."""
    for number in range(auctions):
        for event in past_events(log, number):
            memory.write(event)
        await memory.remember(identity(number))
