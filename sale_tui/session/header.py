"""The header of a log: everything that a replay needs to say what produced it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from sale_tui import __version__
from sale_tui.auction.prompting import prompt_hashes
from sale_tui.auction.scoring import scored_weights
from sale_tui.events import FORMAT, AgentEntry, LogStarted
from sale_tui.types import Pool, SandboxLimits, SandboxTier, ToolSpec


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """What the header tells of the sandbox."""

    tier: SandboxTier
    limits: SandboxLimits | None = None
    """Of every program."""
    seconds: float = 0.0
    """Wall time of a program that asks for no other; 0 where that is not known."""


def header_of(pool: Pool, hashes: Mapping[str, str], box: Box, tools: Sequence[ToolSpec] = ()) -> LogStarted:
    """The header, with the weights that are actually scored (after thrift).

    ``hashes``: SHA-256 of the model files that have loaded so far, by agent; AgentReady brings the others.
    ``tools``: all that there are, also those that are withheld.
    Raises ConfigurationFault where the pool's weights cannot be scored.
    """
    rules = pool.rules
    return LogStarted(
        format=FORMAT,
        version=__version__,
        pool=pool.name,
        agents=tuple(
            AgentEntry(
                name=agent.name,
                price=agent.price,
                price_estimated=agent.price_estimated,
                model=agent.model,
                sha256=hashes.get(agent.name, ""),
                bid_seed=agent.bidding.seed,
                bidding=agent.bidding,
                execution=agent.execution,
                thinking=agent.thinking,
                context=agent.context,
            )
            for agent in pool.agents
        ),
        weights=scored_weights(rules),
        scales=rules.scales,
        thrift=rules.thrift,
        neighbours=rules.neighbours,
        prompt_hashes=prompt_hashes(),
        sandbox=box.tier,
        sandbox_limits=box.limits,
        sandbox_seconds=box.seconds,
        tool_hashes={tool.name: spec_hash(tool) for tool in tools},
    )


def spec_hash(tool: ToolSpec) -> str:
    """SHA-256 of the spec as JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(tool, order="sorted")).hexdigest()
