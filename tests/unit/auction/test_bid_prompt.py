"""What the engine tells a bidder of the run that its plan is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from sale_tui.auction.engine import plan_alone
from sale_tui.auction.setting import Setting
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptTurn
from sale_tui.memory.hashing import HashingEmbedder
from sale_tui.memory.service import open_memory
from sale_tui.ports import Completion, Delta, Generate
from sale_tui.session.human import AutoHuman
from sale_tui.types import AgentSpec, AuctionRules, Limits, Scales, Task, Weights


class Listening(ScriptedModel):
    """Keeps what it is asked."""

    asked = ""

    def generate(self, request: Generate) -> AsyncIterator[Delta | Completion]:
        self.asked = request.messages[-1].content
        return super().generate(request)


async def test_a_bidder_is_told_the_limits_of_the_run(tmp_path: Path) -> None:
    spec = AgentSpec(name="elm", model="scripted:", price=0.1)
    model = Listening(spec, Script(turn=(ScriptTurn(text="1. sort the numbers"),)))
    memory = open_memory(tmp_path / "memory.db", HashingEmbedder(), tmp_path)
    weights = Weights(cost=1.0, entropy=0.5, jury={"elm": 0.5})
    setting = Setting(
        task=Task(text="sort 2, 1", kind="coding"),
        rules=AuctionRules(weights=weights, scales=Scales(cost=1.0, entropy=1.0)),
        models={"elm": model},
        memory=memory,
        human=AutoHuman(),
        tools=(),
        limits=Limits(steps=7, seconds=90.0),
    )
    assert [event async for event in plan_alone(setting, "elm")]
    memory.close()
    assert "7 steps and 90 seconds" in model.asked
