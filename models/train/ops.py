"""What an operation of the coding world is."""

from __future__ import annotations

import random
from dataclasses import dataclass

from models.train.grammar import split_patterns

KINDS = {"n": "numbers", "i": "number", "w": "words", "s": "text", "d": "table", "b": "yes or no"}
"""Types of value that operations take and give."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: ``x = <code>`` in Python, an order or question in English, a step of a plan."""

    name: str
    takes: str
    gives: str
    code: str
    plan: str
    """The step as a plan says it, beginning with a verb."""
    say: tuple[str, ...]
    noun: tuple[str, ...]
    k: str
    """How ``{k}`` is drawn: ``a-b``, ``in`` (a member of the value), ``letter``, ``inletter``, ``key``, ``two``."""


def op(name: str, types: str, code: str, plan: str, say: str, noun: str = "", k: str = "") -> Op:  # noqa: PLR0913, PLR0917
    """An operation from its tables; ``types`` is what it takes and what it gives."""
    return Op(name, types[0], types[1], code, plan, split_patterns(say), split_patterns(noun), k)


def draw(kind: str, value: object, rng: random.Random) -> dict[str, str]:
    """Parameters of an operation for a value it will meet."""
    if not kind:
        return {}
    low, dash, high = kind.partition("-")
    if dash:
        return {"k": str(rng.randint(int(low), int(high)))}
    letters = "abcdefghilmnoprstu"
    if kind == "in" and isinstance(value, list):
        return {"k": str(rng.choice(value))}
    if kind == "key" and isinstance(value, dict):
        return {"k": str(rng.choice(list(value)))}
    if kind in {"inletter", "two"} and isinstance(value, str | list):
        inside = [c for c in "".join(map(str, value)) if c.isalpha() and c.islower()] or ["a"]
        first = rng.choice(inside)
        return {"k": first, "m": rng.choice([c for c in letters if c != first])}
    return {"k": rng.choice(letters)}
