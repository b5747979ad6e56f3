"""The header of a log: everything that a replay needs to say what produced it."""

from __future__ import annotations

from collections.abc import Mapping

from sale_tui import __version__
from sale_tui.auction.prompting import prompt_hashes
from sale_tui.auction.scoring import scored_weights
from sale_tui.events import FORMAT, AgentEntry, LogStarted
from sale_tui.types import Pool, SandboxTier


def header_of(pool: Pool, hashes: Mapping[str, str], sandbox: SandboxTier) -> LogStarted:
    """The header, with the weights that are actually scored (after thrift).

    ``hashes``: SHA-256 of the model files that have loaded so far, by agent; AgentReady brings the others.
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
            )
            for agent in pool.agents
        ),
        weights=scored_weights(rules),
        scales=rules.scales,
        thrift=rules.thrift,
        neighbours=rules.neighbours,
        prompt_hashes=prompt_hashes(),
        sandbox=sandbox,
    )
