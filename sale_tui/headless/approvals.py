"""What was allowed for always, as a table and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from sale_tui.errors import Exit
from sale_tui.headless.formats import print_json, print_lines, table
from sale_tui.types import ApprovalRule


def list_approvals(rules: Sequence[ApprovalRule], out: TextIO, *, as_json: bool = False) -> int:
    """Every rule with the number that ``forget`` takes."""
    rows = [_row(number, rule) for number, rule in enumerate(rules, start=1)]
    if as_json:
        print_json(rows, out)
    elif rows:
        print_lines(table(["", "action", "calls"], [[r["number"], r["action"], r["call"]] for r in rows]), out)
    else:
        print_lines(["nothing is allowed for always"], out)
    return int(Exit.ANSWERED)


def tell_forgotten(rules: Sequence[ApprovalRule], out: TextIO, *, as_json: bool = False) -> int:
    """What is forgotten now."""
    if as_json:
        print_json({"forgotten": [{"call": rule.call, "action": rule.action} for rule in rules]}, out)
    else:
        print_lines([f"forgotten: {rule.call}" for rule in rules] or ["there was nothing to forget"], out)
    return int(Exit.ANSWERED)


def _row(number: int, rule: ApprovalRule) -> dict[str, Any]:
    return {"number": number, "call": rule.call, "action": rule.action}
