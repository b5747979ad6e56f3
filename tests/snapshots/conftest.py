"""The real app over a real session with scripted models, or over a recorded log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from sale_tui.agent.tools.python import PythonTool
from sale_tui.clock import SystemClock
from sale_tui.events import AnyEvent, LogStarted
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptMark, ScriptTurn
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import open_memory
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.session.human import PromptHuman
from sale_tui.session.replay import read_log
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.tui.app import SaleApp
from sale_tui.tui.source import ReadPast, ReplaySource, pool_of
from sale_tui.types import AgentSpec, AuctionRules, Limits, Pool, Scales, Task, Weights

LOG = Path(__file__).parents[1] / "state" / "logs" / "coding.jsonl"
PRICES = {"ash": 0.05, "birch": 0.09, "cedar": 0.16, "elm": 0.36}
TURNS = (
    ScriptTurn(agent="cedar", part="bid", text="Search the town. Open its document. Read it twice and compare."),
    ScriptTurn(part="bid", text="Search the town. Open its document."),
    ScriptTurn(part="execute", text="I know it.\nAnswer: Orrin"),
)
MARKS = (ScriptMark(plan="compare", mark=4.5), ScriptMark(mark=2.0))
SCRIPT = Script(turn=TURNS, mark=MARKS)
SAMPLES = (
    Task(text="Take the even numbers of 7, 4, 10, 3, 8 and 2 and list their squares from the largest.", kind="coding"),
    Task(text="Reverse the word order of 'amber lake stone' and put it in capitals.", kind="coding"),
    Task(text="What is the sum of the three largest of 14, 3, 25, 8 and 19?", kind="coding"),
    Task(text="Which river runs through the home town of the founder of the Orlen Guild?", kind="search"),
    Task(text="Who was mayor of Velmar when the north bridge was built?", kind="search"),
    Task(text="In which year was the teacher of Ada Korvin born?", kind="search"),
)
NOTE = "This pool knows only its own small world: short programs, and questions about a few invented documents."


def forest() -> Pool:
    """A pool of four scripted agents."""
    specs = tuple(AgentSpec(name=name, model=f"{name}.gguf", price=price) for name, price in PRICES.items())
    rules = AuctionRules(
        weights=Weights(cost=1.0, entropy=0.2, jury=dict.fromkeys(PRICES, 0.45)),
        scales=Scales(cost=60.0, entropy=2.0),
        neighbours=4,
        plan_tokens=60,
    )
    return Pool(name="trees", path="trees.toml", agents=specs, rules=rules, samples=SAMPLES, note=NOTE)


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., SaleApp]:
    """Makes the app over scripted models; ``begin`` starts a task at once, ``sandbox``: by default none."""

    def make(
        script: Script = SCRIPT, countdown: float = 30.0, begin: str = "", kind_seconds: float = 0.0, **changes: Any
    ) -> SaleApp:
        pool = forest()
        tools = changes.pop("tools", (PythonTool(),))
        sandbox = changes.pop("sandbox", NoneSandbox("there is none", "install bubblewrap"))
        workspaces = changes.pop("workspaces", tmp_path / "workspaces")

        async def open_session() -> Session:
            embedder = HashingEmbedder()
            memory = open_memory(tmp_path / "memory.db", embedder, tmp_path / "cache")
            wiring = Wiring(
                pool=pool,
                models={spec.name: ScriptedModel(spec, script) for spec in pool.agents},
                memory=memory,
                embedder=embedder,
                sandbox=sandbox,
                tools=tools,
                clock=SystemClock(),
                limits=Limits(),
                workspaces=workspaces,
                archive=memory.archive,
                countdown_seconds=countdown,
                attended=True,
            )
            return Session(wiring, PromptHuman(wiring.clock, kind_seconds) if kind_seconds else None)

        kind: Literal["auto", "search"] = "auto" if kind_seconds else "search"
        request = TaskRequest(text=begin, kind=kind) if begin else None
        return SaleApp(changes.pop("open_session", open_session), pool, begin=request, grace_seconds=0.0, **changes)

    return make


@pytest.fixture(scope="session")
def log() -> list[AnyEvent]:
    return read_log(LOG)


@pytest.fixture
def replay_app() -> Callable[..., SaleApp]:
    """Makes the app over recorded events, all at once, without moving signs. ``stays``: the task does not end."""

    def make(events: list[AnyEvent], begin: bool = True, stay: bool = False, past: ReadPast | None = None) -> SaleApp:
        header = events[0]
        assert isinstance(header, LogStarted)

        async def recorded() -> ReplaySource:
            return ReplaySource(events, float("inf"), stay, past)

        pool = msgspec.structs.replace(pool_of(header), samples=SAMPLES, note=NOTE)
        app = SaleApp(recorded, pool, begin=TaskRequest(text="a task") if begin else None)
        app.still = True
        return app

    return make


@pytest.fixture
def wait_for() -> Callable[..., Awaitable[None]]:
    """Gives the app turns until something is so; fails after ten seconds."""

    async def wait(pilot: Any, condition: Callable[[], bool], turns: int = 2500) -> None:
        for _ in range(turns):
            if condition():
                return
            await pilot.pause(0.02)
        raise AssertionError("it never came to that")

    return wait
