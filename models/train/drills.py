"""Drills: short conversations that are dense in what is hard, and hold little else.

A whole run teaches one value to copy and a few steps to write in two hundred tokens; a drill of the same length, a
dozen steps. The steps need not fit together, for nothing is run.
"""

from __future__ import annotations

import random

from models.train.coding import OPS, code_of, draw_value, make_step
from models.train.ops_numbers import PAIR
from models.train.plans import CLOSING, number, reworded
from models.train.wording import write_value
from sale_tui.auction.prompting import execute_messages
from sale_tui.ports import Message

BEFORE = ("", "", "take ", "the list ", "the word ", "here is ", "from ", "I have ")
PLAIN = tuple(o for o in OPS.values() if o not in PAIR)


def draw_drill(rng: random.Random) -> tuple[tuple[Message, ...], str]:
    """The messages before the turn that is learned, and the code of that turn."""
    kind = rng.choices("nwsd", (46, 24, 16, 14))[0]
    value = draw_value(kind, rng, "train")
    shown = rng.choice(BEFORE) + write_value(value, rng)
    second: list[int] | None = None
    steps = [make_step(o, suited(o.takes, kind, value, rng), rng) for o in rng.sample(PLAIN, rng.randint(1, 8))]
    if kind == "n" and rng.random() < 0.2:
        other = draw_value("n", rng, "train")
        second = other if isinstance(other, list) else []
        shown += f" and {write_value(second, rng)}"
        steps[0] = make_step(rng.choice(PAIR), value, rng)
    loose = 0.3 if rng.random() < 0.4 else 0.0
    plan = number([*(reworded(s, rng) if rng.random() < loose else s.plan for s in steps), CLOSING])
    return execute_messages(shown, plan), code_of(value, second, tuple(steps), shown)


def suited(takes: str, kind: str, value: object, rng: random.Random) -> object:
    """A value of the type that an operation takes: the conversation's own where it fits."""
    return value if takes == kind else draw_value(takes, rng, "train") if takes in "nwsd" else 1
