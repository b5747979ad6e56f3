"""What the app shows, folded from the events of one task after another: values only, no widget, no clock.

Times are those of the events; whoever draws a countdown brings the present time along.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from sale_tui.events import (
    AgentLost,
    AgentReady,
    BillMade,
    ChangesApplied,
    ChangesFound,
    DocumentsRead,
    ErrorRaised,
    Event,
    KindChosen,
    LogStarted,
    Notice,
    OutcomeSet,
    Phase,
    PhaseStarted,
    Remembered,
    RunFinished,
    RunStarted,
    TaskReceived,
)
from sale_tui.tui.state_board import Bidder, Board, apply_board
from sale_tui.tui.state_run import Run, apply_run
from sale_tui.types import Bill, ModelFacts, Pool, SandboxLimits, SandboxTier

NOTICES = 20
"""How many notices are kept, the newest."""


class AppState(msgspec.Struct, frozen=True):
    """Everything that the screens draw."""

    pool: str = ""
    header: LogStarted | None = None
    task: str = ""
    kind: KindChosen | None = None
    phase: Phase | None = None
    phases: tuple[tuple[Phase, float], ...] = ()
    """Every phase that was entered, with its time."""
    started: float = 0.0
    now: float = 0.0
    """Time of the last event."""
    board: Board = msgspec.field(default_factory=Board)
    run: Run | None = None
    bill: Bill | None = None
    outcome: OutcomeSet | None = None
    models: Mapping[str, ModelFacts] = msgspec.field(default_factory=dict)
    """Loaded now, by agent. Kept from task to task; never changed in place."""
    lost: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Not loaded, with the reason."""
    sandbox: SandboxTier | None = None
    box_limits: SandboxLimits | None = None
    """Of every program that a tool runs; None where it is not known."""
    box_seconds: float = 0.0
    """Wall time of one that asks for no other; 0 where it is not known."""
    documents: DocumentsRead | None = None
    """How far the user's documents are indexed."""
    notices: tuple[str, ...] = ()
    remembered: int | None = None
    error: ErrorRaised | None = None
    busy: bool = False
    """Whether a task is under way."""

    @property
    def deciding(self) -> bool:
        """Whether the award can be overruled now."""
        return self.busy and self.board.open

    @property
    def kind_open(self) -> bool:
        """Whether the kind can still be changed."""
        return self.busy and (self.phase is None or self.phase == "loading")


def initial(pool: Pool, sandbox: SandboxTier | None = None) -> AppState:
    """Before any event: the agents of the pool are loading. ``sandbox``: where it is known already."""
    bidders = tuple(Bidder(spec.name, spec.price, spec.price_estimated, "loading") for spec in pool.agents)
    return AppState(pool=pool.name, board=Board(bidders), sandbox=sandbox)


def opening(state: AppState, text: str) -> AppState:
    """A task was sent off: everything of the one before is gone, the models stay."""
    bidders = tuple(
        Bidder(bidder.name, bidder.price, bidder.price_estimated, "waiting", bidder.facts)
        for bidder in state.board.bidders
    )
    return AppState(
        pool=state.pool,
        task=text,
        board=Board(bidders),
        models=state.models,
        lost=state.lost,
        sandbox=state.sandbox,
        box_limits=state.box_limits,
        box_seconds=state.box_seconds,
        busy=True,
    )


def failing(state: AppState, error: ErrorRaised) -> AppState:
    """Something went wrong outside of any stream."""
    return replace(state, error=error, busy=False)


def ended(state: AppState) -> AppState:
    """The stream is at its end."""
    return replace(state, busy=False)


def boxed(state: AppState, tier: SandboxTier, limits: SandboxLimits | None, seconds: float) -> AppState:
    """It is known in what the tools run."""
    return replace(state, sandbox=tier, box_limits=limits, box_seconds=seconds)


def apply(state: AppState, event: Event) -> AppState:
    """The state after an event. Never raises; an event that concerns nothing shown changes only the time."""
    board, run = apply_board(state.board, event), apply_run(state.run, event)
    changed = replace(state, board=board, run=run, now=event.at or state.now)
    return _task(_models(changed, event), event)


def _models(state: AppState, event: Event) -> AppState:
    match event:
        case AgentReady():
            lost = {name: why for name, why in state.lost.items() if name != event.agent}
            return replace(state, models={**state.models, event.agent: event.facts}, lost=lost)
        case AgentLost():
            models = {name: facts for name, facts in state.models.items() if name != event.agent}
            reason = f"{event.reason} ({event.hint})" if event.hint else event.reason
            return replace(state, models=models, lost={**state.lost, event.agent: reason})
        case RunStarted():
            return replace(state, sandbox=event.sandbox)
        case _:
            return state


def _task(state: AppState, event: Event) -> AppState:
    match event:
        case LogStarted():
            box = boxed(state, event.sandbox, event.sandbox_limits, event.sandbox_seconds)
            return replace(box, header=event, pool=event.pool, started=event.at, busy=True)
        case TaskReceived():
            return replace(state, task=event.text)
        case KindChosen():
            return replace(state, kind=event)
        case PhaseStarted():
            return replace(state, phase=event.phase, phases=(*state.phases, (event.phase, event.at)))
        case RunStarted():
            return _entered(state, "running", event.at)
        case RunFinished():
            return _entered(state, "done", event.at)
        case _:
            return _aftermath(state, event)


def _aftermath(state: AppState, event: Event) -> AppState:
    match event:
        case BillMade():
            return replace(state, bill=event.bill)
        case OutcomeSet():
            return replace(state, outcome=event)
        case Remembered():
            return replace(state, remembered=event.auctions)
        case DocumentsRead():
            return replace(state, documents=event)
        case Notice() | ChangesFound() | ChangesApplied():
            return replace(state, notices=(*state.notices, notice_of(event))[-NOTICES:])
        case ErrorRaised():
            return replace(state, error=event)
        case _:
            return state


def _entered(state: AppState, phase: Phase, at: float) -> AppState:
    if state.phase == phase:
        return state
    return replace(state, phase=phase, phases=(*state.phases, (phase, at)))


def notice_of(event: Notice | ChangesFound | ChangesApplied) -> str:
    """What the user should know, in one sentence."""
    match event:
        case Notice():
            return event.text
        case ChangesFound():
            refused = sum(bool(file.refused) for file in event.files)
            behind = f", {refused} of them cannot be accepted" if refused else ""
            where = f"; the diff is in {event.saved}" if event.saved else ""
            return f"files changed in the copy of {event.folder}: {len(event.files)}{behind}{where}"
        case ChangesApplied():
            left = f"; left as they are: {', '.join(event.left)}" if event.left else ""
            return f"files changed in {event.folder}: {len(event.files)}{left}"
