"""One task from its words to its bill, through the real memory."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sale_tui import events as e
from sale_tui.auction.rescore import rescore
from sale_tui.commands import Accept, Interrupt, Override, Pause, SetKind
from sale_tui.errors import ConfigurationFault, SaleError, UsageFault
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.memory.service import MemoryService
from sale_tui.session.record import record_of
from sale_tui.session.replay import read_log
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.types import Kind

Wire = Callable[..., Wiring]
TASK = TaskRequest(text="In which town does she live?")
NAMED = TaskRequest(text="In which town does she live?", kind="search")
MARKS = (ScriptMark(plan="at once", mark=4.9), ScriptMark(plan="twice", mark=4.5), ScriptMark(mark=2.0))
BIDS = (
    ScriptTurn(agent="cedar", part="bid", text="1. read it twice, then answer."),
    ScriptTurn(part="bid", text="1. search: the town."),
    ScriptTurn(part="refine", text="1. search the town at once."),
)


async def run(session: Session, request: TaskRequest = TASK) -> list[Any]:
    return [event async for event in session.run(request)]


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def names(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_a_whole_task(wire: Wire, memory: MemoryService) -> None:
    wiring = wire()
    events = await run(Session(wiring))
    assert names(events)[:3] == ["LogStarted", "TaskReceived", "KindChosen"]
    assert names(events)[-4:] == ["RunFinished", "BillMade", "Remembered", "PhaseStarted"]
    assert [event.seq for event in events] == list(range(len(events)))
    assert len({event.auction for event in events}) == 1
    assert all(event.at > 0 for event in events)
    phases = [event.phase for event in of(events, e.PhaseStarted)]
    assert phases == ["loading", "bidding", "judging", "refining", "awarding", "running", "done"]
    header = events[0]
    facts = {event.agent: event.facts.sha256 for event in of(events, e.AgentReady)}
    assert {agent.name: agent.sha256 for agent in header.agents} == facts
    assert header.weights.entropy + sum(header.weights.jury.values()) == pytest.approx(1.0)
    assert of(events, e.KindChosen)[0].by == "auto"
    assert of(events, e.RunStarted)[0].withheld == ("python: install bubblewrap",)
    assert of(events, e.RunFinished)[0].answer == "Orrin"
    bill = of(events, e.BillMade)[0].bill
    assert bill.run_tokens > 0
    assert bill.always_largest_dollars == pytest.approx(bill.run_dollars * 0.36 / 0.16)
    assert memory.store.events(events[0].auction) == events
    assert Path(of(events, e.RunFinished)[0].workspace).is_dir()


async def test_the_second_task_is_refined_from_the_first(wire: Wire) -> None:
    session = Session(wire())
    first = await run(session)
    second = await run(session)
    assert [event.agent for event in of(first, e.RefinementSkipped)] == ["ash", "birch"]
    [ash, birch] = of(second, e.Recalled)
    assert {ash.agent, birch.agent} == {"ash", "birch"}
    assert ash.pairs[0].auction == first[0].auction
    decided = of(second, e.AwardDecided)[0]
    assert (decided.award.agent, decided.award.round) == ("ash", "refined")
    assert of(second, e.Remembered)[0].auctions == 2


async def test_a_stranger_recomputes_everything_from_the_log(wire: Wire, memory: MemoryService) -> None:
    session = Session(wire())
    await run(session)
    events = await run(session)
    lines = "".join(e.encode(event) + "\n" for event in events)
    assert read_log(lines) == events
    record = record_of(read_log(lines))
    assert memory.store.record(events[0].auction) == record
    assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)) == record
    scored = rescore(record)
    shown = {(card.agent, card.round): card for card in of(events, e.AwardProposed)[0].scorecards}
    data = [json.loads(line) for line in lines.splitlines()]
    header = data[0]
    marks: dict[tuple[str, str], dict[str, float]] = {}
    for line in data:
        if line["event"] == "mark_given":
            marks.setdefault((line["agent"], line["round"]), {})[line["juror"]] = line["mark"]
    for line in data:
        if line["event"] != "bid_placed":
            continue
        key = (line["agent"], line["round"])
        cost = header["weights"]["cost"] * line["price"] * line["tokens"] / header["scales"]["cost"]
        value = header["weights"]["entropy"] * line["entropy"] / header["scales"]["entropy"]
        value += sum(header["weights"]["jury"][juror] * mark / 5 for juror, mark in marks[key].items())
        [mine] = [bid for bid in scored["bids"] if (bid["agent"], bid["round"]) == key]
        for total in (mine["total"], shown[key].total):
            assert total == pytest.approx(cost - value, abs=1e-9)
    award = of(events, e.AwardDecided)[0].award
    assert (scored["award"]["agent"], scored["award"]["round"]) == (award.agent, award.round)


async def test_the_auction_alone(wire: Wire) -> None:
    events = await run(Session(wire()), TaskRequest(text="where?", kind="search", execute=False))
    assert not of(events, e.RunStarted)
    assert names(events)[-4:] == ["AwardDecided", "BillMade", "Remembered", "PhaseStarted"]
    assert of(events, e.KindChosen)[0].by == "user"


async def test_a_pinned_agent(wire: Wire) -> None:
    events = await run(Session(wire()), TaskRequest(text="where?", pinned="elm"))
    assert not of(events, e.MarkGiven)
    assert of(events, e.AwardDecided)[0].award.by == "user"
    assert of(events, e.RunStarted)[0].agent == "elm"
    assert [agent.sha256 != "" for agent in events[0].agents] == [False, False, False, True]


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (TaskRequest(text="where?", pinned="oak"), ConfigurationFault),
        (TaskRequest(text="  "), UsageFault),
        (TaskRequest(text="x", workspace=Path("/no/such/folder")), ConfigurationFault),
    ],
)
async def test_a_request_that_makes_no_sense(wire: Wire, request_: TaskRequest, kind: type[SaleError]) -> None:
    session = Session(wire())
    with pytest.raises(kind):
        await run(session, request_)
    assert not session.busy


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        (Script(load_fault=dict.fromkeys(("ash", "birch", "cedar", "elm"), "no file")), "no_agent_loads", 3),
        (Script(turn=(ScriptTurn(part="bid", text="?"),)), "no_valid_bid", 4),
        (Script(turn=(*BIDS, ScriptTurn(part="execute", text="")), mark=MARKS), "run_failed", 5),
        (Script(turn=(*BIDS, ScriptTurn(part="execute", fault="killed")), mark=MARKS), "run_failed", 5),
    ],
)
async def test_an_error_is_the_last_event(
    wire: Wire, memory: MemoryService, script: Script, error: str, code: int
) -> None:
    session = Session(wire(script))
    events = await run(session)
    last = events[-1]
    assert isinstance(last, e.ErrorRaised)
    assert (last.error, last.exit_code) == (error, code)
    assert names(events)[-2] == "PhaseStarted"
    assert isinstance(events[0], e.LogStarted)
    assert memory.store.events(events[0].auction) == events
    assert not session.busy


class Broken:
    """A memory of which one method fails."""

    def __init__(self, memory: MemoryService, method: str, after: int = 0) -> None:
        self._memory = memory
        self._method = method
        self._left = after

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            return getattr(self._memory, name)
        if self._left > 0:
            self._left -= 1
            return getattr(self._memory, name)

        def fail(*_: object) -> Any:
            raise SaleError("the disk is full", "make room")

        async def fail_later(*_: object) -> Any:
            fail()

        return fail if name == "write" else fail_later


@pytest.mark.parametrize("method", ["nearest_kind", "recall", "remember"])
async def test_without_the_embedder_the_task_is_done(wire: Wire, memory: MemoryService, method: str) -> None:
    events = await run(Session(wire(memory=Broken(memory, method))))
    assert of(events, e.RunFinished)[0].status == "answered"
    assert not of(events, e.ErrorRaised)
    told = " ".join(event.text for event in of(events, e.Notice))
    told += " ".join(event.reason for event in of(events, e.RefinementSkipped))
    assert "the disk is full" in told
    if method == "nearest_kind":
        assert of(events, e.KindChosen)[0].by == "fallback"


@pytest.mark.parametrize("after", [0, 5, 40])
async def test_what_cannot_be_stored_is_not_shown(wire: Wire, memory: MemoryService, after: int) -> None:
    before = asyncio.all_tasks()
    events = await run(Session(wire(memory=Broken(memory, "write", after))))
    assert len(events) == after + 1
    assert isinstance(events[-1], e.ErrorRaised)
    assert "the disk is full" in events[-1].message
    assert asyncio.all_tasks() == before


SLOW = Script(
    turn=tuple(
        msgspec.structs.replace(turn, delay=0.002)
        for turn in (*BIDS, ScriptTurn(part="execute", text="thinking about it " * 20 + "\nAnswer: x"))
    ),
    mark=MARKS,
)
PHASES = ["loading", "bidding", "judging", "refining", "awarding", "running"]


@pytest.mark.parametrize("phase", PHASES)
async def test_interrupt_in_any_phase(wire: Wire, memory: MemoryService, phase: str) -> None:
    before = asyncio.all_tasks()
    session = Session(wire(SLOW))
    events = []
    async for event in session.run(TASK):
        events.append(event)
        if isinstance(event, e.PhaseStarted) and event.phase == phase:
            session.send(Interrupt())
    last = events[-1]
    assert isinstance(last, e.ErrorRaised)
    assert (last.error, last.exit_code) == ("interrupted", 130)
    if of(events, e.RunStarted):
        assert of(events, e.RunFinished)[0].status == "interrupted"
    assert asyncio.all_tasks() == before
    assert memory.store.events(events[0].auction) == events
    assert (await run(session))[-1].phase == "done"


@pytest.mark.parametrize("phase", PHASES)
async def test_closing_in_any_phase_leaves_an_ended_log(wire: Wire, memory: MemoryService, phase: str) -> None:
    before = asyncio.all_tasks()
    session = Session(wire(SLOW))
    auction = ""
    async with aclosing(session.run(TASK)) as events:
        async for event in events:
            auction = event.auction
            if isinstance(event, e.PhaseStarted) and event.phase == phase:
                break
    assert asyncio.all_tasks() == before
    assert not session.busy
    stored = memory.store.events(auction)
    assert isinstance(stored[-1], e.ErrorRaised)
    assert stored[-1].error == "interrupted"


async def test_closing_the_session_ends_its_task(wire: Wire) -> None:
    session = Session(wire(SLOW))
    task = asyncio.create_task(run(session))
    await asyncio.sleep(0.05)
    await session.close()
    events = await task
    assert events[-1].error == "interrupted"
    await session.close()


async def test_one_task_at_a_time(wire: Wire) -> None:
    session = Session(wire(SLOW))
    async with aclosing(session.run(TASK)) as events:
        await anext(events)
        with pytest.raises(UsageFault):
            await run(session)
        assert session.busy


async def test_override_hold_and_accept(wire: Wire) -> None:
    session = Session(wire(countdown_seconds=60.0))
    events = []
    async for event in session.run(NAMED):
        events.append(event)
        match event:
            case e.AwardProposed():
                assert event.deadline_seconds == 60.0
                session.send(Pause(held=False))  # changes nothing
                session.send(Pause(held=True))
            case e.CountdownHeld(held=True):
                session.send(Pause(held=False))
            case e.CountdownHeld(held=False):
                session.send(Override(agent="elm", reason="I like it"))
            case e.RunStarted():
                session.send(Pause(held=True))  # too late
            case _:
                pass
    assert [event.held for event in of(events, e.CountdownHeld)] == [True, False]
    decided = of(events, e.AwardDecided)[0]
    assert (decided.award.agent, decided.award.by, decided.proposed_agent) == ("elm", "user", "cedar")
    assert of(events, e.RunStarted)[0].agent == "elm"


async def test_accept(wire: Wire) -> None:
    session = Session(wire(countdown_seconds=60.0))
    events = []
    async for event in session.run(NAMED):
        events.append(event)
        if isinstance(event, e.AwardProposed):
            session.send(Accept())
    assert of(events, e.AwardDecided)[0].award.by == "auction"


async def test_an_automatic_kind_waits_to_be_changed(wire: Wire) -> None:
    session = Session(wire(countdown_seconds=60.0))
    events = []
    async for event in session.run(TASK):
        events.append(event)
        if isinstance(event, e.KindChosen) and event.by == "auto":
            session.send(SetKind(kind="coding" if event.kind == "search" else "search"))
        elif isinstance(event, e.AwardProposed):
            session.send(Accept())
    assert [event.by for event in of(events, e.KindChosen)] == ["auto", "user"]
    assert names(events).index("BidStarted") > names(events).index("KindChosen") + 1


@pytest.mark.parametrize(("at", "changed"), [("KindChosen", True), ("AgentReady", True), ("BidPlaced", False)])
async def test_the_kind_can_be_changed_until_bidding(wire: Wire, at: str, changed: bool) -> None:
    session = Session(wire(SLOW))
    other: Kind = "search"
    events = []
    async for event in session.run(TASK):
        events.append(event)
        if isinstance(event, e.KindChosen) and event.by == "auto":
            other = "coding" if event.kind == "search" else "search"
        if type(event).__name__ == at:
            session.send(SetKind(kind=other))
    kinds = of(events, e.KindChosen)
    assert [event.by for event in kinds] in ([["auto", "user"]] if changed else [["auto"]])
    assert record_of(events).task.kind == kinds[-1].kind


async def test_commands_without_a_task_change_nothing(wire: Wire) -> None:
    session = Session(wire())
    for command in (Interrupt(), Accept(), Pause(held=True), SetKind(kind="coding"), Override(agent="elm")):
        session.send(command)
    assert (await run(session))[-1].phase == "done"


async def test_models_load_beforehand(wire: Wire) -> None:
    session = Session(wire(Script(load_fault={"elm": "no file"})))
    events = [event async for event in session.load()]
    assert {type(event).__name__ for event in events} == {"AgentReady", "AgentLost"}
    assert len(events) == 4


async def test_the_workspace_is_a_copy(wire: Wire, tmp_path: Path) -> None:
    original = tmp_path / "mine"
    (original / "sub").mkdir(parents=True)
    (original / "sub" / "a.txt").write_text("text")
    (original / "link").symlink_to("/etc/passwd")
    events = await run(Session(wire()), TaskRequest(text="where?", workspace=original))
    copy = Path(of(events, e.RunFinished)[0].workspace)
    assert (copy / "sub" / "a.txt").read_text() == "text"
    assert not (copy / "link").is_symlink(), "it leads out of the folder"
    assert "link" in of(events, e.Notice)[0].text
    assert copy.stat().st_mode & 0o777 == 0o700


async def test_lone_surrogates_do_no_harm(wire: Wire) -> None:
    events = await run(Session(wire()), TaskRequest(text="where \udcff?"))
    assert of(events, e.TaskReceived)[0].text == "where ??"
    assert of(events, e.RunFinished)[0].status == "answered"


async def test_code_that_was_asked_for_needs_a_sandbox(wire: Wire, memory: MemoryService) -> None:
    wiring = wire()
    asked = TaskRequest(text="sort 3, 1, 2", kind="coding")
    events = await run(Session(wiring), asked)
    assert names(events) == ["LogStarted", "TaskReceived", "PhaseStarted", "ErrorRaised"]
    assert (events[-1].error, events[-1].exit_code, events[-1].hint) == ("no_sandbox", 6, "install bubblewrap")
    assert memory.store.events(events[0].auction) == events
    alone = await run(Session(wiring), dataclasses.replace(asked, execute=False))
    assert of(alone, e.AwardDecided)
    assert not of(alone, e.ErrorRaised)


async def test_a_workspace_that_cannot_be_copied_costs_nothing(wire: Wire, tmp_path: Path) -> None:
    wiring = wire()
    wiring.workspaces.write_text("a file where the folder should be")
    events = await run(Session(wiring))
    assert names(events) == ["LogStarted", "TaskReceived", "PhaseStarted", "ErrorRaised"]
    assert (events[-1].error, events[-1].exit_code) == ("configuration", 3)


async def test_a_workspace_in_which_nothing_ran_is_removed(wire: Wire) -> None:
    wiring = wire(Script(turn=(ScriptTurn(part="bid", text="?"),)))
    events = await run(Session(wiring))
    assert of(events, e.ErrorRaised)[0].exit_code == 4
    assert list(wiring.workspaces.iterdir()) == []


async def test_the_header_says_what_produced_the_log(wire: Wire) -> None:
    wiring = wire()
    [header] = of(await run(Session(wiring)), e.LogStarted)
    for entry, spec in zip(header.agents, wiring.pool.agents, strict=True):
        assert (entry.bidding, entry.execution) == (spec.bidding, spec.execution)
        assert (entry.thinking, entry.context) == (spec.thinking, spec.context)
    [tool] = wiring.tools
    encoded = json.dumps(msgspec.to_builtins(tool.spec), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert header.tool_hashes == {"python": hashlib.sha256(encoded.encode()).hexdigest()}


def test_a_header_without_the_later_fields_still_reads() -> None:
    weights, scales = {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5}}, {"cost": 1.0, "entropy": 1.0, "mark": 5.0}
    agent = {"name": "a", "price": 1.0, "price_estimated": False, "model": "m", "sha256": "", "bid_seed": 7}
    old = {
        "event": "log_started", "auction": "x", "seq": 0, "at": 1.0, "format": 1, "version": "0", "pool": "p",
        "agents": [agent], "weights": weights, "scales": scales, "thrift": 1.0, "neighbours": 8, "prompt_hashes": {},
        "sandbox": "none",
    }  # fmt: skip
    header = e.decode(json.dumps(old))
    assert isinstance(header, e.LogStarted)
    assert header.tool_hashes == {}
    assert header.agents[0].bidding is None
