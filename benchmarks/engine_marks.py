"""One juror marking four plans in one call, against four calls without a shared prefix: seconds and tokens computed.

python benchmarks/engine_marks.py FILE [--prefix WORDS] [--plan WORDS] [--threads N]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from sale_tui.inference.llama.model import LlamaModel
from sale_tui.ports import MarkReading, Message
from sale_tui.types import AgentSpec


async def timed(model: LlamaModel, prompts: list[tuple[Message, ...]]) -> tuple[float, list[MarkReading]]:
    """Seconds and readings of one call."""
    began = time.perf_counter()
    readings = await model.mark(prompts, "Mark: ", ())
    return time.perf_counter() - began, readings


async def main() -> None:
    """Measure both, each in a fresh worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--prefix", type=int, default=300)
    parser.add_argument("--plan", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    spec = AgentSpec(name="bench", model=str(options.file.absolute()), price=1.0)

    def prompt(number: int, task: str) -> tuple[Message, ...]:
        plan = f"{number} go " * (options.plan // 2)
        question = Message(role="user", content=f"Mark this plan. {plan}", part="mark", fields={"plan": plan})
        return (Message(role="user", content=task * options.prefix, part="task"), question)

    for name, tasks in (("shared", ["the "] * 4), ("apart", ["the ", "one ", "my ", "her "])):
        model = LlamaModel(spec, threads=options.threads)
        await model.load()
        prompts = [prompt(number, task) for number, task in enumerate(tasks)]
        groups = [prompts] if name == "shared" else [[each] for each in prompts]
        seconds, computed = 0.0, 0
        for group in groups:
            spent, readings = await timed(model, group)
            seconds += spent
            computed += sum(reading.usage.prompt_tokens - reading.usage.cached_tokens for reading in readings)
        await model.close()
        print(f"{name}: {seconds:.3f} s, {computed} tokens computed", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
