"""One task from its words to its bill: header, kind, auction, execution, memory; commands come in, events go out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from sale_tui.archive import Archive
from sale_tui.auction.setting import Deadlines
from sale_tui.commands import Command, Interrupt, Pause, SetKind
from sale_tui.errors import ConfigurationFault, UsageFault
from sale_tui.events import AgentLost, AgentReady, Event
from sale_tui.ids import new_auction_id
from sale_tui.paths import is_folder
from sale_tui.ports import ChatModel, Human
from sale_tui.session.human import AutoHuman, PromptHuman
from sale_tui.session.log import EventLog
from sale_tui.session.reading import tell_reading
from sale_tui.session.task import TaskRun
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.streams import Emit, in_words, stream_of
from sale_tui.types import AuctionRecord

KIND_SECONDS = 1.5
"""How long a kind that was found automatically can be changed, where somebody is asked; Accept goes on at once."""


class Session:
    """The models, memory and tools of one front end, and at most one task at a time."""

    def __init__(self, wiring: Wiring, human: Human | None = None, deadlines: Deadlines | None = None) -> None:
        """``human``: who decides; by default a PromptHuman where the wiring is attended, else nobody is asked."""
        self.wiring = wiring
        kind_seconds = KIND_SECONDS if wiring.countdown_seconds > 0 else 0.0
        prompted = wiring.attended or wiring.countdown_seconds > 0
        self.human: Human = human or (PromptHuman(wiring.clock, kind_seconds) if prompted else AutoHuman())
        self._deadlines = deadlines or Deadlines()
        self._task: TaskRun | None = None
        self._running: AsyncGenerator[Event, None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return self._task is not None

    @property
    def archive(self) -> Archive | None:
        """The auctions of the past."""
        return self.wiring.archive

    @property
    def read_past(self) -> Callable[[int, str], Sequence[AuctionRecord]] | None:
        """Reads records of past auctions, to be scored again; None where there is no memory."""
        return None if self.wiring.archive is None else self.wiring.archive.past_records

    def load(self) -> AsyncGenerator[Event, None]:
        """Load every model now: AgentReady or AgentLost of each as it comes, unstamped and unstored."""
        return stream_of(self._load)

    async def run(self, request: TaskRequest) -> AsyncGenerator[Event, None]:
        """The stamped and stored events of one task.

        The first is LogStarted. Any error is the last event, an ErrorRaised with its exit code; a run that did not
        answer ends so too, after RunFinished. Closing the iterator stops everything that it started.
        Raises UsageFault where another task is under way, ConfigurationFault where the request names an unknown agent.
        """
        if self._task is not None:
            raise UsageFault("a task is under way already", "wait for its end or interrupt it")
        self._check(request)
        task = TaskRun(self.wiring, self.human, self._deadlines, request)
        stream = stream_of(lambda emit: task.run(self._log(emit)))
        self._task, self._running = task, stream
        try:
            async for event in stream:
                yield event
        finally:
            await stream.aclose()
            self._task = self._running = None

    def send(self, command: Command) -> None:
        """What a front end asks of the task under way; without one, or too late, it changes nothing."""
        if self._task is None:
            return
        if isinstance(command, Interrupt):
            self._task.interrupt()
            return
        heard = isinstance(self.human, PromptHuman) and self.human.receive(command)
        if isinstance(command, SetKind):
            self._task.set_kind(command.kind)
        elif heard and isinstance(command, Pause):
            self._task.held(command.held)

    async def close(self) -> None:
        """Stop the task under way, end all models, the embedder and the memory; safe to call twice."""
        if self._task is not None:
            await self._task.stop()
        models = list(self.wiring.models.values())
        ends = [*(model.close() for model in models), *(close() for close in self.wiring.closers)]
        await asyncio.gather(*ends, self.wiring.embedder.close(), return_exceptions=True)
        self.wiring.memory.close()

    def _log(self, emit: Emit) -> EventLog:
        return EventLog(new_auction_id(self.wiring.clock), self.wiring.clock, self.wiring.memory, emit)

    def _check(self, request: TaskRequest) -> None:
        if not request.text.strip():
            raise UsageFault("the task is empty", "say what you want done")
        if request.pinned is not None and request.pinned not in self.wiring.models:
            names = ", ".join(self.wiring.models)
            raise ConfigurationFault(f"the pool has no agent {request.pinned!r}", f"its agents are: {names}")
        if request.workspace is not None and not is_folder(request.workspace, "workspace"):
            raise ConfigurationFault(f"workspace: {request.workspace} is not a folder", "give an existing folder")

    async def _load(self, emit: Emit) -> None:
        async with asyncio.TaskGroup() as group:
            for model in self.wiring.models.values():
                group.create_task(self._load_one(model, emit))
            if self.wiring.documents is not None:
                group.create_task(tell_reading(self.wiring.documents, emit))

    async def _load_one(self, model: ChatModel, emit: Emit) -> None:
        name = model.spec.name
        try:
            async with asyncio.timeout(self._deadlines.load):
                emit(AgentReady(agent=name, facts=await model.load()))
        except Exception as fault:  # noqa: BLE001 - a model that does not load is one bidder less
            emit(AgentLost(agent=name, reason=in_words(fault), hint=getattr(fault, "hint", "")))
