"""A whole session without weights: scripted models, the real memory with a hashing embedder, no sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sale_tui.agent.tools.python import PythonTool
from sale_tui.clock import SystemClock
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptMark, ScriptTurn
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import MemoryService, open_memory
from sale_tui.ports import ChatModel
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.session.wiring import Wiring
from sale_tui.types import AgentSpec, AuctionRules, Limits, Pool, Scales, Weights

PRICES = {"ash": 0.05, "birch": 0.09, "cedar": 0.16, "elm": 0.36}
PLAN = "1. search: the town.\n2. open its document."
TURNS = (
    ScriptTurn(agent="cedar", part="bid", text=PLAN + "\n3. read it twice, and then once more."),
    ScriptTurn(part="bid", text=PLAN),
    ScriptTurn(part="refine", text="1. search the town at once."),
    ScriptTurn(part="execute", text="I know it.\nAnswer: Orrin"),
)
MARKS = (ScriptMark(plan="at once", mark=4.9), ScriptMark(plan="twice", mark=4.5), ScriptMark(mark=2.0))
SCRIPT = Script(turn=TURNS, mark=MARKS)


@pytest.fixture
def memory(tmp_path: Path) -> Any:
    opened = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path / "cache")
    yield opened
    opened.close()


@pytest.fixture
def wire(tmp_path: Path, memory: MemoryService) -> Callable[..., Wiring]:
    """Makes a wiring; keywords replace its parts."""

    def make(script: Script = SCRIPT, **changes: Any) -> Wiring:
        specs = tuple(AgentSpec(name=name, model=f"/{name}.gguf", price=price) for name, price in PRICES.items())
        models: dict[str, ChatModel] = {spec.name: ScriptedModel(spec, script) for spec in specs}
        rules = AuctionRules(
            weights=Weights(cost=1.0, entropy=0.2, jury=dict.fromkeys(PRICES, 0.45)),
            scales=Scales(cost=60.0, entropy=2.0),
            thrift=1.0,
            neighbours=4,
            plan_tokens=60,
        )
        parts: dict[str, Any] = {
            "pool": Pool(name="trees", path="/trees.toml", agents=specs, rules=rules),
            "models": models,
            "memory": memory,
            "embedder": HashingEmbedder(),
            "sandbox": NoneSandbox("there is none", "install bubblewrap"),
            "tools": (PythonTool(),),
            "clock": SystemClock(),
            "limits": Limits(),
            "workspaces": tmp_path / "workspaces",
            **changes,
        }
        return Wiring(**parts)

    return make
