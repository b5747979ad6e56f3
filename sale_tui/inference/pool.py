"""Makes the models of a pool, and shares the cores among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from sale_tui.errors import ConfigurationFault
from sale_tui.inference.catalogue import REFERENCES, SCRIPTED
from sale_tui.inference.hardware import physical_cores
from sale_tui.inference.llama.cores import Cores
from sale_tui.inference.llama.model import LlamaModel
from sale_tui.inference.scripted import ScriptedModel, load_script
from sale_tui.ports import ChatModel
from sale_tui.types import AgentSpec, Pool

LEAST_SEQUENCES = 4
HASHES = "hashes"
"""Folder in the cache that remembers the hashes of model files."""


def build_models(pool: Pool, cache: Path, *, sequences: int = 0, cores: int = 0) -> dict[str, ChatModel]:
    """A model for every agent, cheapest first; nothing is loaded yet. Raises ConfigurationFault.

    ``sequences`` of 0: as many as an agent may have to mark plans at once. ``cores`` of 0: the physical cores of this
    machine, which the workers that compute share.
    """
    together = sequences or max(LEAST_SEQUENCES, len(pool.agents))
    shared = Cores(cores or physical_cores())
    return {spec.name: _build(spec, cache, together, shared) for spec in pool.agents}


def _build(spec: AgentSpec, cache: Path, sequences: int, cores: Cores) -> ChatModel:
    if spec.model.startswith(SCRIPTED):
        return ScriptedModel(spec, load_script(Path(spec.model.removeprefix(SCRIPTED))))
    if spec.model.startswith(REFERENCES):
        raise ConfigurationFault(
            f"agent {spec.name}: {spec.model} is no local file, and nothing else can be used yet",
            "fetch the GGUF file and give its path as `model`",
        )
    return LlamaModel(spec, sequences=sequences, cores=cores, cache=cache / HASHES)


async def close_all(models: Iterable[ChatModel]) -> None:
    """End all workers at once."""
    await asyncio.gather(*(model.close() for model in models), return_exceptions=True)
