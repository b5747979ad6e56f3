"""Workers that decode at the same time, with fewer or more threads each: tokens per second of all together.

python benchmarks/engine_threads.py FILE [--workers N] [--tokens N]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from sale_tui.inference.hardware import physical_cores
from sale_tui.inference.llama.model import LlamaModel
from sale_tui.ports import Completion, Generate, Message
from sale_tui.types import AgentSpec, Sampling


async def measure(path: str, workers: int, threads: int, tokens: int) -> float:
    """Tokens per second of ``workers`` workers together, all writing at the same time."""
    spec = AgentSpec(name="bench", model=path, price=1.0, context=4096)
    models = [LlamaModel(spec, threads=threads) for _ in range(workers)]
    await asyncio.gather(*(model.load() for model in models))

    async def write(model: LlamaModel, seed: int) -> int:
        hot = Sampling(temperature=1.5, top_k=0, top_p=1.0, seed=seed)
        messages = (Message(role="user", content="Write about lists.", part="task"),)
        count = 0
        for _ in range(4):
            request = Generate(messages=messages, sampling=hot, max_tokens=tokens // 4)
            ends = [item async for item in model.generate(request) if isinstance(item, Completion)]
            count += ends[0].usage.output_tokens
        return count

    began = time.perf_counter()
    counts = await asyncio.gather(*(write(model, seed) for seed, model in enumerate(models)))
    seconds = time.perf_counter() - began
    await asyncio.gather(*(model.close() for model in models))
    return sum(counts) / seconds


async def main() -> None:
    """Try 1 .. cores threads a worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=400)
    options = parser.parse_args()
    for workers in sorted({1, options.workers}):
        for threads in range(1, physical_cores() + 1):
            rate = await measure(str(options.file.absolute()), workers, threads, options.tokens)
            print(f"{workers} workers, {threads} threads each: {rate:.0f} tokens/s together", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
