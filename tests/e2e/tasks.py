"""Tasks that the embedded pool has never seen, from its own test split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[2] / "models" / "micro" / "tasks" / "test.jsonl"


def unseen(kind: str, steps: int, count: int) -> list[dict[str, Any]]:
    """The first tasks of a kind with so many steps."""
    rows = [json.loads(line) for line in TESTS.read_text("utf-8").splitlines()]
    return [row for row in rows if row["kind"] == kind and row["steps"] == steps][:count]
