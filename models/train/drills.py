"""Drills: short conversations that are dense in what is hard, and hold little else.

A whole run teaches one value to copy and a few steps to write in two hundred tokens; a drill of the same length, a
dozen steps. The steps need not fit the task, nor each other, for nothing is run.
"""

from __future__ import annotations

import random

from models.train.coding import OPS, code_of, draw_program, draw_value, make_step
from models.train.ops_numbers import PAIR
from models.train.plans import CLOSING, number, reworded
from models.train.wording import word_task
from sale_tui.auction.prompting import execute_messages
from sale_tui.ports import Message

PLAIN = tuple(o for o in OPS.values() if o not in PAIR)


def draw_drill(rng: random.Random) -> tuple[tuple[Message, ...], str]:
    """The messages before the turn that is learned, and the code of that turn."""
    program = draw_program(rng.choice((1, 1, 2)), rng, "train")
    shown, value, kind = word_task(program, rng, "train"), program.value, program.steps[0].op.takes
    steps = [make_step(o, suited(o.takes, kind, value, rng), rng) for o in rng.sample(PLAIN, rng.randint(1, 8))]
    if program.second is not None:
        steps[0] = make_step(rng.choice(PAIR), value, rng)
    loose = 0.3 if rng.random() < 0.4 else 0.0
    plan = number([*(reworded(s, rng) if rng.random() < loose else s.plan for s in steps), CLOSING])
    return execute_messages(shown, plan), code_of(value, program.second, tuple(steps))


def suited(takes: str, kind: str, value: object, rng: random.Random) -> object:
    """A value of the type that an operation takes: the conversation's own where it fits."""
    return value if takes == kind else draw_value(takes, rng, "train") if takes in "nwsd" else 1
