"""Pools as tables and JSON, and whether their models load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

import msgspec

from sale_tui.auction.scoring import scored_weights
from sale_tui.errors import ConfigurationFault, Exit, NoAgentLoads
from sale_tui.headless.formats import print_json, print_lines, table
from sale_tui.literal import literal_line
from sale_tui.ports import ChatModel
from sale_tui.streams import in_words
from sale_tui.types import AgentSpec, ModelFacts, Pool

LOAD_SECONDS = 600.0


def list_pools(pools: Sequence[Pool], out: TextIO, *, as_json: bool = False) -> int:
    """The pools that can be named."""
    rows = [{"name": pool.name, "agents": len(pool.agents), "path": pool.path, "note": pool.note} for pool in pools]
    if as_json:
        print_json(rows, out)
    else:
        print_lines(table(["pool", "agents", "file"], [[r["name"], r["agents"], r["path"]] for r in rows]), out)
    return int(Exit.ANSWERED)


def show_pool(pool: Pool, out: TextIO, *, as_json: bool = False) -> int:
    """Agents and rules of a pool; ``scored`` are the weights after thrift. Raises ConfigurationFault."""
    scored = scored_weights(pool.rules)
    if as_json:
        print_json({**msgspec.to_builtins(pool), "scored": msgspec.to_builtins(scored)}, out)
        return int(Exit.ANSWERED)
    rules = pool.rules
    lines = [f"{pool.name}: {literal_line(pool.path)}"]
    lines += [literal_line(pool.note)] if pool.note else []
    lines += table(
        ["agent", "$/Mt", "weight of its marks", "context", "model"], [_row(agent, pool) for agent in pool.agents]
    )
    lines.append(
        f"thrift {rules.thrift:g}: weights cost {scored.cost:.4g}, entropy {scored.entropy:.4g}, jury as above"
    )
    lines.append(f"scales: cost {rules.scales.cost:g}, entropy {rules.scales.entropy:g}, mark {rules.scales.mark:g}")
    lines.append(f"recalls {rules.neighbours} past tasks; plans up to {rules.plan_tokens} tokens; marks {rules.marks}")
    print_lines(lines, out)
    return int(Exit.ANSWERED)


async def check_pool(
    pool: Pool, models: Mapping[str, ChatModel], out: TextIO, err: TextIO, *, as_json: bool = False
) -> int:
    """Load every model, one after the other, and say what became of it; returns the exit code.

    Raises, after all that was printed, NoAgentLoads where none loads, ConfigurationFault where some do not.
    """
    results: list[dict[str, Any]] = []
    for name, model in models.items():
        print_lines([f"loading {name} …"], err)
        results.append(await _check(name, model))
    if as_json:
        print_json({"pool": pool.name, "agents": results}, out)
    else:
        print_lines(_lines(results), out)
    broken = [result["agent"] for result in results if result["facts"] is None]
    if broken:
        kind = NoAgentLoads if len(broken) == len(results) else ConfigurationFault
        raise kind(f"does not load: {', '.join(broken)}", "the reasons stand above; see also `sale-tui doctor`")
    return int(Exit.ANSWERED)


async def _check(name: str, model: ChatModel) -> dict[str, Any]:
    facts: ModelFacts | None = None
    reason, hint = "", ""
    try:
        async with asyncio.timeout(LOAD_SECONDS):
            facts = await model.load()
    except Exception as fault:  # noqa: BLE001 - every model is checked, whatever befalls another
        reason, hint = in_words(fault), getattr(fault, "hint", "")
    finally:
        await model.close()
    return {"agent": name, "facts": msgspec.to_builtins(facts), "reason": reason, "hint": hint}


def _lines(results: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for result in results:
        facts = result["facts"]
        if facts is None:
            yield f"{result['agent']}: does not load: {literal_line(result['reason'])}"
            if result["hint"]:
                yield f"  try: {literal_line(result['hint'])}"
            continue
        size = f"{facts['parameters'] / 1e6:.1f} M parameters, {facts['file_bytes'] / 1e6:.1f} MB"
        where = f"{literal_line(facts['device'])}, loaded in {facts['load_seconds']:.2f} s"
        yield f"{result['agent']}: {literal_line(facts['architecture'])}, {size}, context {facts['context']}, {where}"
        yield f"  sha256 {facts['sha256']}"
        for note in facts["notes"]:
            yield f"  {literal_line(note)}"


def _row(agent: AgentSpec, pool: Pool) -> list[object]:
    price = f"{'≈' if agent.price_estimated else ''}{agent.price:g}"
    weight = scored_weights(pool.rules).jury.get(agent.name)
    return [agent.name, price, weight, agent.context, agent.model]
