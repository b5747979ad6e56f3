"""Training one model: Muon for the matrices, AdamW for the rest, warm-up, flat, linear decay; resumable."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.train.data import DEPTHS, Batch, make_pool
from models.train.export import load, read
from models.train.network import SHAPES, Network, count, inherit
from models.train.tokenizer import PROMPT_WEIGHT, Coder


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained; time, not steps, decides how far."""

    minutes: float
    batch_tokens: int = 4096
    muon_rate: float = 0.01
    adam_rate: float = 3e-3
    warmup: float = 0.02
    decay: float = 0.4
    """Last share of the run over which the rate falls to nothing."""
    seed: int = 1
    threads: int = 1
    save_minutes: float = 5.0
    begin: float = 0.0
    """Point of the run at which the curriculum begins (again)."""
    start: Path | None = None
    """An exported model of the same name whose weights are trained further."""
    compiled: bool = False
    """Fuse the layers with torch.compile: about a fifth quicker on a CPU; needs a C++ compiler."""


DEEPEST = {"micro-xs": 2, "micro-s": 4}
"""Most steps of the tasks that the smaller models are trained on: deeper ones take their room and come to nothing."""
PARENTS = {"micro-s": "micro-xs", "micro-m": "micro-l"}
"""Models that begin with another's weights: one with a layer more, one with a layer less."""
GROWN = 0.5
"""Point of the curriculum at which those begin."""
PROMPT_SHARE = 0.15
"""Share of the prompt's positions that are computed; their weight is raised to make up for half of it."""


def rate(progress: float, recipe: Recipe) -> float:
    """Share of the full rate at a point of the run."""
    if progress < recipe.warmup:
        return max(0.02, progress / recipe.warmup)
    return min(1.0, max(0.0, (1 - progress) / recipe.decay))


def chosen(weights: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which targets are computed, and their weights."""
    prompt = weights == PROMPT_WEIGHT
    keep = (weights > 0) & (~prompt | (torch.rand(weights.shape, generator=generator) < PROMPT_SHARE))
    return keep[:, 1:], torch.where(prompt, weights / PROMPT_SHARE * 0.5, weights)


class Trainer:
    """One run in a folder: ``state.pt`` to resume from, ``log.jsonl``."""

    def __init__(self, name: str, recipe: Recipe, folder: Path, coder: Coder) -> None:
        torch.set_num_threads(recipe.threads)
        torch.manual_seed(recipe.seed)
        self.name, self.recipe, self.folder, self.coder = name, recipe, folder, coder
        self.network = Network(SHAPES[name])
        matrices = [p for layer in self.network.blk for p in layer.parameters() if p.ndim == 2]
        others = [p for p in self.network.parameters() if p.ndim == 1] + [self.network.token_embd]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=recipe.muon_rate, momentum=0.95, weight_decay=0.01, adjust_lr_fn="original"),
            torch.optim.AdamW(others, lr=recipe.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self.seconds, self.tokens, self.step, self.pools = 0.0, 0, 0, 0
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.state = folder / "state.pt"
        if self.state.exists():
            self.resume()
        elif recipe.start is not None:
            inherit(self.network, read(recipe.start, name, coder))
        elif name in PARENTS:
            inherit(self.network, load(folder.parent / PARENTS[name] / "state.pt")[1])
        self.grown = recipe.start is not None or name in PARENTS
        if recipe.compiled:
            for layer in self.network.blk:
                layer.compile(dynamic=True)

    @property
    def progress(self) -> float:
        """How much of the time is used."""
        return self.seconds / (self.recipe.minutes * 60)

    def resume(self) -> None:
        """Goes on where the last checkpoint stopped."""
        saved = torch.load(self.state, weights_only=True)
        self.network.load_state_dict(saved["network"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.seconds, self.tokens, self.step, self.pools = (
            saved["seconds"],
            saved["tokens"],
            saved["step"],
            saved["pools"],
        )

    def save(self) -> None:
        """Writes the checkpoint in one go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.state.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimizers": [o.state_dict() for o in self.optimizers],
                "name": self.name,
                "seconds": self.seconds,
                "tokens": self.tokens,
                "step": self.step,
                "pools": self.pools,
                "recipe": {key: str(value) for key, value in asdict(self.recipe).items()},
            },
            part,
        )
        part.replace(self.state)

    def batches(self) -> Iterator[Batch]:
        """Pools of batches, each from its own seed."""
        while True:
            point = max(0.0, (self.progress - self.recipe.begin) / (1 - self.recipe.begin))
            point = max(GROWN, point) if self.grown else point
            seed = self.recipe.seed * 1_000_003 + self.pools
            yield from make_pool(self.coder, seed, point, self.recipe.batch_tokens, DEEPEST.get(self.name, DEPTHS))
            self.pools += 1

    def train_step(self, batch: Batch) -> tuple[float, int]:
        """One update; the loss and the tokens used."""
        ids, weights = torch.from_numpy(batch.ids), torch.from_numpy(batch.weights)
        keep, weights = chosen(weights, self.generator)
        loss = self.network.loss(ids, weights, keep)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_([self.network.token_embd], 1.0)
        share = rate(self.progress, self.recipe)
        for optimizer, full in zip(self.optimizers, (self.recipe.muon_rate, self.recipe.adam_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = full * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return float(loss.detach()), int(np.count_nonzero(batch.ids != self.coder.pad))

    def run(self) -> None:
        """Trains until the time is used."""
        self.folder.mkdir(parents=True, exist_ok=True)
        print(f"{self.name}: {count(self.network):,} parameters, step {self.step}, {self.progress:.0%}", flush=True)
        mark, saved, losses = time.monotonic(), time.monotonic(), list[float]()
        for batch in self.batches():
            loss, tokens = self.train_step(batch)
            if not math.isfinite(loss):
                raise ArithmeticError(f"{self.name}: the loss is {loss} at step {self.step}")
            now = time.monotonic()
            self.seconds, mark = self.seconds + now - mark, now
            self.tokens, self.step = self.tokens + tokens, self.step + 1
            losses.append(loss)
            if self.step % 50 == 0:
                self.note(losses)
                losses = []
            if now - saved > self.recipe.save_minutes * 60:
                self.save()
                saved = now
            if self.progress >= 1:
                break
        self.save()

    def note(self, losses: list[float]) -> None:
        """A line of the log."""
        entry = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            "tokens": self.tokens,
            "loss": round(sum(losses) / len(losses), 4),
            "tokens_per_second": round(self.tokens / self.seconds),
            "progress": round(self.progress, 3),
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)
