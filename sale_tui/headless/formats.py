"""How headless output looks: JSON that cannot steer a terminal, errors, tables, amounts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import msgspec

from sale_tui.errors import SaleError
from sale_tui.literal import literal, literal_line

_STEERING = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
TASK_WIDTH = 60
"""Characters of a task in a table."""


def json_line(value: Any) -> str:
    """One line of JSON. Characters that a terminal could obey are escaped; the value read back is the same."""
    if isinstance(value, bytes | str):
        text = value.decode() if isinstance(value, bytes) else value
    else:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, allow_nan=False)
    return _STEERING.sub(_escaped, text)


def print_json(value: Any, out: TextIO) -> None:
    """A value as one line on a stream, at once."""
    print(json_line(value), file=out, flush=True)


def print_lines(lines: Iterable[str], out: TextIO) -> None:
    """Text for people, at once: the boundary at which nothing but literal text gets through."""
    told = [literal(line) for line in lines]
    if told:
        print("\n".join(told), file=out, flush=True)


def print_error(error: SaleError, stream: TextIO, machine: bool) -> None:
    """An error: one JSON object for machines, else what is wrong and, on the next line, what to do."""
    if machine:
        print_json(error.to_json(), stream)
        return
    print(f"error: {literal(error.message)}", file=stream)
    if error.hint:
        print(f"  try: {literal(error.hint)}", file=stream)
    stream.flush()


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Columns, aligned: numbers to the right, all else to the left; every cell is one literal line."""
    cells = [[literal_line(_cell(value)) for value in row] for row in rows]
    right = [all(isinstance(row[i], int | float | None) for row in rows) and bool(rows) for i in range(len(headings))]
    widths = [max(len(line[i]) for line in [list(headings), *cells]) for i in range(len(headings))]
    lines = []
    for line in [list(headings), *cells]:
        padded = [text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, widths, right, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return lines


def indented(text: str, by: str = "    ") -> list[str]:
    """Untrusted text of several lines, each behind an indent."""
    return [by + line for line in literal(text).splitlines()] or [by.rstrip()]


def dollars(amount: float) -> str:
    """An amount that may be very small: six decimals, or its first two digits."""
    if amount == 0:
        return "$0"
    return f"${amount:.6f}" if amount >= 0.0001 else f"${amount:.2g}"


def number(value: float | None, digits: int = 4) -> str:
    """A number of a scorecard, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"
