"""Tokens per second of the engine against a minimal loop over the same library, on the same file.

    python benchmarks/engine_raw.py FILE_OR_SHAPE... [--tokens N] [--threads N] [--rounds N]

A shape is a name from ``sale_tui.inference.shapes`` such as ``tiny``, ``0.6b`` or ``4b``; its random model is written
to the folder given by ``--folder``. Rounds of both alternate, with as many tokens each; the medians of their ratios are
printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sale_tui.inference.llama.link import worker_environment
from sale_tui.inference.llama.model import LlamaModel
from sale_tui.inference.shapes import SHAPES, write_model
from sale_tui.ports import Completion, Generate, Message
from sale_tui.types import AgentSpec, Sampling

NICENESS = 5
PROMPT = (Message(role="user", content="Write down what you know about sorting a list. " * 4),)


def raw(path: str, threads: int) -> None:
    """Decode and pick greedily, nothing else: a line with a count of tokens in, a line of tokens per second out."""
    import llama_cpp.llama_cpp as api

    from sale_tui.inference.llama import library
    from sale_tui.inference.llama.library import Model, Options, Row

    os.nice(NICENESS)
    library.quiet()
    options = Options(context=4096, slots=10, batch=512, threads=threads, gpu_layers=-1, extra_buffers=True)
    model = Model(path, options)
    greedy = api.llama_sampler_init_greedy()
    prompt = model.vocabulary.tokenise(str(PROMPT[0].content), special=False)
    batch = api.llama_batch_init(1, 0, 1)
    batch.n_tokens, batch.n_seq_id[0], batch.seq_id[0][0], batch.logits[0] = 1, 1, 0, 1
    for line in sys.stdin:
        tokens = int(line)
        model.cut(0, 0)
        model.decode([Row(0, 0, np.asarray(prompt, np.int32), read=True)])
        token = int(api.llama_sampler_sample(greedy, model.context, -1))
        began = time.perf_counter()
        for position in range(len(prompt), len(prompt) + tokens):
            batch.token[0], batch.pos[0] = token, position
            api.llama_decode(model.context, batch)
            token = int(api.llama_sampler_sample(greedy, model.context, -1))
        print(json.dumps(tokens / (time.perf_counter() - began)), flush=True)


async def ours(model: LlamaModel, tokens: int, sampling: Sampling) -> tuple[float, int]:
    """Tokens per second of one turn as its reader sees them, after the first piece; and how many it wrote."""
    request = Generate(messages=PROMPT, sampling=sampling, max_tokens=tokens)
    began, first, end = 0.0, 0, 0
    async for item in model.generate(request):
        if isinstance(item, Completion):
            end = item.usage.output_tokens
        elif not began:
            began, first = time.perf_counter(), item.tokens
    return (end - first) / (time.perf_counter() - began), end


async def compare(path: str, options: argparse.Namespace) -> None:
    """Alternate both on one file and print the medians."""
    command = [sys.executable, __file__, "--raw", path, "--threads", str(options.threads)]
    plain = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=worker_environment(os.environ),
    )  # fmt: skip
    if plain.stdin is None or plain.stdout is None:
        raise RuntimeError("no pipes to the raw loop")
    model = LlamaModel(AgentSpec(name="bench", model=path, price=1.0, context=4096), threads=options.threads)
    await model.load()
    rates: dict[str, list[float]] = {"greedy": [], "sampled": []}
    written = 0
    for _ in range(options.rounds):
        for name, sampling in (("greedy", Sampling(temperature=0.0)), ("sampled", Sampling())):
            rate, written = await ours(model, options.tokens, sampling)
            plain.stdin.write(f"{written}\n".encode())
            rates[name].append(rate / json.loads(await plain.stdout.readline()))
            rates[f"{name} tokens/s"] = [*rates.get(f"{name} tokens/s", []), rate]
    plain.stdin.close()
    await model.close()
    await plain.wait()
    shown = ", ".join(f"{name} {statistics.median(values):.3f}" for name, values in rates.items())
    print(f"{Path(path).name}: ours / raw: {shown}; last turn {written} tokens", flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=["f32", "q8_0", "q4_0"], default="q8_0")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "sale-tui-shapes")
    parser.add_argument("--raw", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.raw:
        raw(options.models[0], options.threads)
        return
    for name in options.models:
        path = Path(name)
        if name in SHAPES:
            path = options.folder / f"{name}-{options.kind}.gguf"
            options.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_model(path, SHAPES[name], kind=options.kind)
        asyncio.run(compare(str(path.absolute()), options))


if __name__ == "__main__":
    main()
