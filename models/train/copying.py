"""Copying exercises: short conversations whose second half repeats the first.

A model that cannot yet copy across its context learns nothing else of use, and copying comes late from the tasks
alone. A few hundred steps of these bring it about.
"""

from __future__ import annotations

import random

import numpy as np

from models.train.coding import draw_value
from models.train.tokenizer import Coder
from models.train.wording import write_value
from models.train.world import make_name

LENGTH = 64


def piece(rng: random.Random) -> str:
    """Something that tasks make a model copy."""
    roll = rng.random()
    if roll < 0.5:
        kind = rng.choice("nnnwwd")
        value = draw_value(kind, rng, "train")
        return repr(value) if rng.random() < 0.5 else write_value(value, rng)
    names = [make_name(rng, "train") for _ in range(rng.choice((1, 2, 2, 3)))]
    return rng.choice((" ", " ", ", ", ".md] ", " Guild ", ".\n")).join(names)


def exercise(coder: Coder, rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """Ids and weights: values as people write them, then as Python does, or pieces in two orders."""
    if rng.random() < 0.35:
        size = rng.randint(6, LENGTH // 2)
        ids = [rng.randrange(coder.plain.get_vocab_size()) for _ in range(size)]
        return np.array(ids + ids, np.int32), np.array([0.0] * size + [1.0] * size, np.float32)
    if rng.random() < 0.5:
        values = [draw_value(rng.choice("nnnwwsd"), rng, "train") for _ in range(rng.randint(1, 3))]
        shown = [rng.choice(("\n", "\n ", "\nof ")) + write_value(value, rng) for value in values]
        pieces = [coder.content(text) for text in shown]
        again, unknown = [coder.content(f"\nx = {value!r}") for value in values], 2
    else:
        pieces = [coder.content("\n" + piece(rng)) for _ in range(rng.randint(1, 4))]
        # Which of several comes next cannot be known from its first ids.
        again, unknown = rng.sample(pieces, len(pieces)), 3
    ids, weights = [i for p in pieces for i in p], list[float]()
    weights = [0.0] * len(ids)
    for p in again:
        ids += p
        weights += [0.0] * min(unknown, len(p)) + [1.0] * max(0, len(p) - unknown)
    return np.array(ids, np.int32), np.array(weights, np.float32)
