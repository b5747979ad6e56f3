"""Batches: a curriculum of samples, bucketed by length, each batch decided by its seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from models.train.copying import exercise
from models.train.samples import Maker
from models.train.tokenizer import Coder
from models.train.world import make_world

LONGEST = 1024
POOL = 20
"""Batches that are made and bucketed together."""


@dataclass(frozen=True, slots=True)
class Batch:
    """``ids`` (samples, length) and the weight of each id as a target."""

    ids: np.ndarray
    weights: np.ndarray


def sizes(progress: float) -> tuple[int, ...]:
    """How likely 1, 2 .. 6 steps are at a point of the training: single steps first, all depths by 45%."""
    depth = 1 + 5 * min(1.0, max(0.0, (progress - 0.08) / 0.37))
    return tuple(max(0, round(100 * min(1.0, depth - n) * (1.0 if n else 2.5))) for n in range(6))


DEPTHS = 6
SORTS = {
    ("search", False): {"execute": 40, "bid": 32, "mark": 16, "refine": 12},
    ("coding", False): {"execute": 26, "bid": 40, "mark": 12, "refine": 8, "drill": 18},
    ("search", True): {"execute": 54, "bid": 32, "mark": 6, "refine": 8},
    ("coding", True): {"execute": 34, "bid": 30, "mark": 6, "refine": 6, "drill": 24},
}
"""Weights of the sorts by kind and whether the model is a small one. Those learn to carry out a plan first: what they
cannot plan shows in their bids, what they cannot do would show only in their answers."""


def draw_sample(rng: random.Random, progress: float, deepest: int = DEPTHS) -> tuple[str, str, int]:
    """Sort, kind and size of the next sample; look-ups are oversampled at the start."""
    early = max(0.0, 1 - progress / 0.3)
    kind = "search" if rng.random() < 0.44 + 0.04 * early else "coding"
    weights = dict(SORTS[kind, deepest < DEPTHS])
    if kind == "search":
        weights["execute"] += round(20 * early)
    sort = rng.choices(list(weights), list(weights.values()))[0]
    size = rng.choices(range(1, deepest + 1), sizes(progress)[:deepest])[0]
    if kind == "search" and rng.random() < 0.9:
        size = min(size, 5)
    if kind == "search" and sort == "execute" and size > 3 and rng.random() < 0.5:
        # A long run repeats what shorter ones teach, at many times their tokens.
        size -= 2
    return sort, kind, size


def copying_share(progress: float) -> float:
    """Share of the tokens that are copying exercises: most at the start, a few later."""
    return max(0.05, 0.4 * (1 - progress / 0.12))


def make_pool(coder: Coder, seed: int, progress: float, tokens: int, deepest: int = DEPTHS) -> list[Batch]:
    """A pool of batches of at most ``tokens`` tokens each, shuffled."""
    rng = random.Random(seed)
    maker = Maker(make_world(rng, "train"), rng, "train")
    made: list[tuple[np.ndarray, np.ndarray]] = []
    total = 0
    copied, share = 0, copying_share(progress)
    while total < tokens * POOL:
        if copied <= total * share:
            made.append(exercise(coder, rng))
            copied += len(made[-1][0])
            total += len(made[-1][0])
            continue
        if len(made) % 400 == 399:
            maker = Maker(make_world(rng, "train"), rng, "train")
        ids, weights = coder.sample(maker.make(*draw_sample(rng, progress, deepest)))
        if len(ids) <= LONGEST:
            made.append((ids, weights))
            total += len(ids)
    made.sort(key=lambda pair: len(pair[0]))
    batches, group = list[Batch](), list[tuple[np.ndarray, np.ndarray]]()
    for pair in made:
        if group and (len(group) + 1) * len(pair[0]) > tokens:
            batches.append(pad(group, coder.pad))
            group = []
        group.append(pair)
    batches.append(pad(group, coder.pad))
    rng.shuffle(batches)
    return batches


def pad(group: list[tuple[np.ndarray, np.ndarray]], filler: int) -> Batch:
    """One batch, padded at the end to a multiple of 16."""
    length = -(-max(len(ids) for ids, _ in group) // 16) * 16
    ids = np.full((len(group), length), filler, np.int64)
    weights = np.zeros((len(group), length), np.float32)
    for row, (one, weight) in enumerate(group):
        ids[row, : len(one)] = one
        weights[row, : len(one)] = weight
    return Batch(ids, weights)
