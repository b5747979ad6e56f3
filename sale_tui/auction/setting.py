"""What an auction is held with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from sale_tui.ports import ChatModel, Human, Memory
from sale_tui.types import AuctionRules, Limits, ModelFacts, Task, ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which a call counts as failed; a model that met one is lost to the auction."""

    load: float = 600.0
    bid: float = 300.0
    """Of one attempt at a plan."""
    mark: float = 300.0
    """Of one juror's marks of all plans of a round."""
    recall: float = 60.0
    """Of memory's answer, and again of the model that counts how much of it fits."""
    grace: float = 2.0
    """What a model has beyond a call's deadline to end its hung worker and report that by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Task, rules, and the ports that an auction is held over."""

    task: Task
    rules: AuctionRules
    models: Mapping[str, ChatModel]
    """By agent name, cheapest first."""
    memory: Memory
    human: Human
    tools: tuple[ToolSpec, ...]
    """What the winner will have; part of the prompt of every phase."""
    limits: Limits | None = None
    """Of the winner's run, for the bidders to know; None where there will be none."""
    countdown_seconds: float = 0.0
    execute: bool = True
    """Whether the winner will run: then its model must be there when the award is decided."""
    loading: Mapping[str, asyncio.Task[ModelFacts]] = field(default_factory=dict)
    """Loads that are under way already, by agent; the others are started by the auction."""
    deadlines: Deadlines = field(default_factory=Deadlines)
