"""Task files and grading that the benchmarks share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sale_tui.types import Kind

MICRO = Path(__file__).resolve().parents[1] / "models" / "micro"


@dataclass(frozen=True, slots=True)
class GradedTask:
    """A task whose right answer is known."""

    text: str
    kind: Kind
    steps: int
    answer: str


def read_tasks(file: Path, kind: str = "", steps: int = 0, count: int = 0) -> list[GradedTask]:
    """The first ``count`` tasks of a kind and number of steps; empty or 0 means any."""
    rows = [GradedTask(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]
    chosen = [row for row in rows if kind in ("", row.kind) and steps in (0, row.steps)]
    return chosen[: count or None]


def is_right(answer: str, right: str) -> bool:
    """Whether an answer is the right one: spacing, quotes and the look of a number do not matter."""
    if _plain(answer) == _plain(right):
        return True
    try:
        return abs(float(answer) - float(right)) < 1e-6
    except ValueError:
        return False


def _plain(text: str) -> str:
    return re.sub(r"[\s\"']+", "", text).rstrip(".").casefold()
