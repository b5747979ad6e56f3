"""One task under way: what ``Session.run`` does, and what commands do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from sale_tui.agent.workspace import Copied
from sale_tui.auction.engine import hold_auction, plan_alone
from sale_tui.auction.setting import Deadlines, Setting
from sale_tui.errors import Interrupted, RunFailed, SaleError
from sale_tui.events import (
    AwardDecided,
    BillMade,
    CountdownHeld,
    ErrorRaised,
    Event,
    KindChosen,
    Notice,
    PhaseStarted,
    Remembered,
    RunFinished,
    RunStarted,
    StepStarted,
    TaskReceived,
)
from sale_tui.kind_words import kind_by_words
from sale_tui.ports import Human
from sale_tui.session.execution import (
    approvals_of,
    check_sandbox,
    discard_workspace,
    execute,
    grade_run,
    offered_tools,
    prepare_workspace,
    told_of,
)
from sale_tui.session.header import Box, header_of
from sale_tui.session.housekeeping import clear_workspaces
from sale_tui.session.ledger import Ledger
from sale_tui.session.log import EventLog
from sale_tui.session.reading import tell_reading
from sale_tui.session.review import review_changes
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.streams import in_words
from sale_tui.types import Kind, ModelFacts, Task

HEADER_SECONDS = 5.0
"""How long the header waits for the hashes of models that are loading; AgentReady brings those of slower ones."""
KIND_SECONDS = 60.0
REMEMBER_SECONDS = 60.0


class TaskRun:
    """The life of one task. ``run`` once; the other methods may be called meanwhile, from the same loop."""

    def __init__(self, wiring: Wiring, human: Human, deadlines: Deadlines, request: TaskRequest) -> None:
        self._wiring = wiring
        self._human = human
        self._deadlines = deadlines
        self._request = request
        self._ledger = Ledger({agent.name: agent.price for agent in wiring.pool.agents})
        self._log: EventLog | None = None
        self._work: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._kind: Kind | None = None if request.kind == "auto" else request.kind
        self._wanted_kind: Kind | None = None
        self._kind_open = True
        self._kind_told = False
        self._award: AwardDecided | None = None
        self._started: RunStarted | None = None
        self._finished: RunFinished | None = None
        self._headed = False
        self._settled = False
        self._reading: asyncio.Task[None] | None = None
        self._steps = 0

    async def run(self, log: EventLog) -> None:
        """Add every event of the task to the log; its last one is an ErrorRaised where anything went wrong.

        Raises nothing but cancellation, before which everything is stopped and the log is brought to its end.
        """
        self._log = log
        fault: SaleError | None = Interrupted("the front end went away")
        try:
            fault = self._settle(await self._attend(self._do()))
            late = await self._attend(self._remember())
            fault = fault or (None if isinstance(late, Interrupted) else late)
        finally:
            # Cancellation comes here, too: then the run has no end yet.
            self._end(self._settle(fault))
            self._ended.set()

    def interrupt(self) -> None:
        """Stop what is being done now."""
        if self._work is not None:
            self._work.cancel()

    async def stop(self) -> None:
        """Interrupt and wait for the end of the log."""
        while not self._ended.is_set():
            self.interrupt()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self._ended.wait()

    def set_kind(self, kind: Kind) -> None:
        """Change the kind; counts until bidding starts."""
        if not self._kind_open or kind == self._kind:
            return
        if self._kind_told:
            self._kind = kind
            self._answer(KindChosen(kind=kind, by="user"))
        else:
            self._wanted_kind = kind

    def held(self, held: bool) -> None:
        """The countdown was held, or let go on."""
        self._answer(CountdownHeld(held=held))

    def _answer(self, event: Event) -> None:
        """What a command came to. It is nobody's fault who sent it if it comes too late or cannot be stored."""
        if not self._settled:
            with suppress(SaleError):
                self._add(event)

    async def _attend(self, work: Coroutine[Any, Any, None]) -> SaleError | None:
        """Do the work so that ``interrupt`` can stop it, and say how it failed."""
        task = self._work = asyncio.create_task(work)
        try:
            await asyncio.wait({task})
        finally:
            self._work = None
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            return Interrupted("interrupted")
        return _as_sale_error(task.exception())

    async def _do(self) -> None:
        check_sandbox(self._wiring, self._request)
        if not self._request.execute or self._log is None:
            await self._auction(())
            return
        auction = self._log.auction
        try:
            copied = await prepare_workspace(self._wiring, self._request, auction)
            await self._auction(told_of(copied))
            if self._award is not None:
                await self._execute(self._award)
                await self._grade()
                await self._review(copied)
        finally:
            if self._reading is not None:
                await _drop(self._reading)
            if self._started is None:
                discard_workspace(self._wiring, auction)

    async def _auction(self, notices: Iterable[Notice]) -> None:
        names = [self._request.pinned] if self._request.pinned else list(self._wiring.models)
        loading = {name: asyncio.create_task(self._wiring.models[name].load()) for name in names}
        # Asked even where the kind is known: it wakes the embedder, which a refinement will need.
        nearest = asyncio.create_task(self._wiring.memory.nearest_kind(self._request.text))
        try:
            await asyncio.wait(loading.values(), timeout=HEADER_SECONDS)
            self._begin(_hashes(loading))
            for notice in (*map(_notice, self._wiring.notices), *notices):
                self._add(notice)
            if self._request.execute and self._wiring.documents is not None:
                self._reading = asyncio.create_task(tell_reading(self._wiring.documents, self._answer))
            await self._choose_kind(nearest)
            await self._hold(loading)
        finally:
            await _drop(nearest, *loading.values())

    def _begin(self, hashes: dict[str, str]) -> None:
        self._headed = True
        tools = [tool.spec for tool in self._wiring.tools]
        sandbox = self._wiring.sandbox
        box = Box(tier=sandbox.tier, limits=sandbox.limits, seconds=self._wiring.sandbox_seconds)
        self._add(header_of(self._wiring.pool, hashes, box, tools))
        self._add(TaskReceived(text=self._request.text, requested_kind=self._request.kind))

    async def _choose_kind(self, nearest: asyncio.Task[tuple[Kind, list[tuple[str, Kind, float]]]]) -> None:
        if self._kind is not None:
            event = KindChosen(kind=self._kind, by="user")
        else:
            event = await _by_neighbours(self._request.text, nearest, self._add)
        if self._wanted_kind is not None:  # set by the user while the examples were looked up
            event = KindChosen(kind=self._wanted_kind, by="user")
        self._kind, self._kind_told = event.kind, True
        self._add(event)
        if self._request.kind == "auto":
            self.set_kind(await self._human.choose_kind(event.kind))

    async def _hold(self, loading: dict[str, asyncio.Task[ModelFacts]]) -> None:
        tools, _ = offered_tools(self._wiring, self._request, self._known_kind)
        setting = Setting(
            task=Task(text=self._request.text, kind=self._known_kind),
            rules=self._wiring.pool.rules,
            models=self._wiring.models,
            memory=self._wiring.memory,
            human=self._human,
            tools=tuple(tool.spec for tool in tools),
            countdown_seconds=self._wiring.countdown_seconds,
            execute=self._request.execute,
            limits=self._wiring.limits if self._request.execute else None,
            loading=loading,
            deadlines=self._deadlines,
        )
        pinned = self._request.pinned
        async with aclosing(plan_alone(setting, pinned) if pinned else hold_auction(setting)) as events:
            async for event in events:
                if isinstance(event, PhaseStarted) and event.phase == "bidding":
                    self._kind_open = False
                self._add(event)

    @property
    def _known_kind(self) -> Kind:
        return self._kind or kind_by_words(self._request.text)

    async def _execute(self, award: AwardDecided) -> None:
        self._add(PhaseStarted(phase="running"))
        async with aclosing(execute(self._wiring, self._request, self._known_kind, award, self._human)) as events:
            async for event in events:
                self._add(event)

    async def _grade(self) -> None:
        if not self._request.tests or self._finished is None or self._known_kind != "coding":
            return
        self._add(await grade_run(self._wiring, self._request, self._finished))

    async def _review(self, copied: Copied) -> None:
        """What an answered run has changed in its copy of the user's folder, and whether that is accepted."""
        run, original = self._finished, self._request.workspace
        if original is not None and run is not None and run.status == "answered":
            approvals = approvals_of(self._wiring, self._request, self._human)
            await review_changes(Path(run.workspace), original.absolute(), copied.origins, approvals, self._add)

    async def _remember(self) -> None:
        now = self._wiring.clock.now()
        await asyncio.to_thread(clear_workspaces, self._wiring.workspaces, self._wiring.kept_workspaces, now)
        if self._award is None:
            return
        try:
            async with asyncio.timeout(REMEMBER_SECONDS):
                auctions = await self._wiring.memory.remember(self._award.auction)
        except Exception as fault:  # noqa: BLE001 - the answer is there; only later recalls miss this one
            self._add(Notice(text=f"This auction cannot be recalled by later ones: {in_words(fault)}"))
        else:
            self._add(Remembered(auctions=auctions))

    def _settle(self, fault: SaleError | None) -> SaleError | None:
        """End the run where it has no end, and make the bill; returns why the task failed, if it did."""
        if self._settled:
            return fault
        self._settled = True
        try:
            if not self._headed:
                self._begin({})
            if self._started is not None and self._finished is None:
                self._add(_end_of_run(self._started, self._steps, self._ledger, fault))
            if self._award is not None:
                self._add(BillMade(bill=self._ledger.bill()))
        except SaleError as broken:
            fault = fault or broken
        finished = self._finished
        if fault is None and finished is not None and finished.status != "answered":
            fault = RunFailed(
                f"no answer: {finished.reason or finished.status}", "ask again, or take another agent's bid"
            )
        return fault

    def _end(self, fault: SaleError | None) -> None:
        try:
            self._add(PhaseStarted(phase="done"))
        except SaleError as broken:
            fault = fault or broken
        if fault is not None:
            error = ErrorRaised(
                error=fault.kind, message=fault.message, hint=fault.hint, exit_code=int(fault.exit_code)
            )
            self._add(error)

    def _add(self, event: Event) -> None:
        if self._log is None:
            return
        stamped = self._log.add(event)
        self._ledger.apply(stamped)
        match stamped:
            case AwardDecided():
                self._award = stamped
            case RunStarted():
                self._started = stamped
            case RunFinished():
                self._finished = stamped
            case StepStarted():
                self._steps = stamped.step
            case _:
                pass


async def _by_neighbours(
    text: str, nearest: asyncio.Task[tuple[Kind, list[tuple[str, Kind, float]]]], add: Callable[[Event], None]
) -> KindChosen:
    try:
        async with asyncio.timeout(KIND_SECONDS):
            kind, neighbours = await nearest
    except Exception as fault:  # noqa: BLE001 - a kind can be guessed; the task can still be done
        add(Notice(text=f"The kind of the task is a guess from its words: {in_words(fault)}"))
        return KindChosen(kind=kind_by_words(text), by="fallback")
    return KindChosen(kind=kind, by="auto", neighbours=tuple(neighbours))


def _notice(text: str) -> Notice:
    return Notice(text=text)


async def _drop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _hashes(loading: dict[str, asyncio.Task[ModelFacts]]) -> dict[str, str]:
    """Of the models that have loaded."""
    loaded = {name: task for name, task in loading.items() if task.done() and not task.cancelled()}
    return {name: task.result().sha256 for name, task in loaded.items() if task.exception() is None}


def _end_of_run(started: RunStarted, steps: int, ledger: Ledger, fault: SaleError | None) -> RunFinished:
    """For a run that was stopped, or whose loop failed, before it could say so itself."""
    return RunFinished(
        status="interrupted" if isinstance(fault, Interrupted) else "failed",
        answer="",
        reason=fault.message if fault else "the run ended without a word",
        steps=steps,
        sources=(),
        workspace=started.workspace,
        usage=ledger.run_usage,
    )


def _as_sale_error(fault: BaseException | None) -> SaleError | None:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    if fault is None or isinstance(fault, SaleError):
        return fault
    return SaleError(f"a defect of sale-tui: {in_words(fault)}", "please report it, with the log of this auction")
