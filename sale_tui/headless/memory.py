"""The auction memory as tables and JSON. What is stored comes in as msgspec values; this module imports no store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from sale_tui.errors import Exit
from sale_tui.events import AnyEvent
from sale_tui.headless.formats import TASK_WIDTH, print_json, print_lines, table
from sale_tui.headless.narration import Narrator
from sale_tui.literal import literal_line

SAID = {
    "passed": "the answer was right",
    "failed": "the answer was wrong",
    "unknown": "whether it was right is not known",
}


def list_memory(summaries: Sequence[msgspec.Struct], out: TextIO, *, as_json: bool = False) -> int:
    """Past auctions, newest first. ``summaries``: values with id, started, kind, agent, status, outcome and task."""
    rows = [msgspec.to_builtins(summary) for summary in summaries]
    if as_json:
        print_json(rows, out)
    else:
        print_lines(_table(rows) if rows else ["the memory is empty"], out)
    return int(Exit.ANSWERED)


def search_memory(result: msgspec.Struct, out: TextIO, *, as_json: bool = False) -> int:
    """Auctions that a search found: a value with ``hits`` (auction, similarity), ``by`` and ``reason``."""
    found = msgspec.to_builtins(result)
    if as_json:
        print_json(found, out)
        return int(Exit.ANSWERED)
    lines = [f"found by {found['by']}" + (f": {literal_line(found['reason'])}" if found["reason"] else "")]
    rows = [{**hit["auction"], "similarity": hit["similarity"]} for hit in found["hits"]]
    lines += _table(rows, similarity=True) if rows else ["nothing found"]
    print_lines(lines, out)
    return int(Exit.ANSWERED)


def show_memory(stored: msgspec.Struct, events: Iterable[AnyEvent], out: TextIO, *, as_json: bool = False) -> int:
    """One auction: everything about it as JSON, or told from its events."""
    if as_json:
        print_json(stored, out)
        return int(Exit.ANSWERED)
    narrator = Narrator(out)
    for event in events:
        narrator.tell(event)
    return int(Exit.ANSWERED)


def mark_memory(summary: msgspec.Struct, out: TextIO, *, as_json: bool = False) -> int:
    """An auction whose answer was marked: its summary as it is now."""
    row = msgspec.to_builtins(summary)
    if as_json:
        print_json(row, out)
    else:
        print_lines([f"{row['id']}: {SAID[row['outcome']]}", f"  {literal_line(row['task'], TASK_WIDTH)}"], out)
    return int(Exit.ANSWERED)


def ask_to_forget(summaries: Sequence[msgspec.Struct], answers: TextIO, out: TextIO) -> bool:
    """Whether somebody says that these auctions are to be forgotten."""
    print_lines(_table([msgspec.to_builtins(summary) for summary in summaries]), out)
    print("Forget them for good, with their logs? [y/N] ", end="", file=out, flush=True)
    return answers.readline().strip().lower() in {"y", "yes"}


def forget_memory(summaries: Sequence[msgspec.Struct], out: TextIO, *, as_json: bool = False) -> int:
    """Auctions that were forgotten."""
    ids = [msgspec.to_builtins(summary)["id"] for summary in summaries]
    if as_json:
        print_json({"forgotten": ids}, out)
    else:
        print_lines([f"forgotten: {', '.join(ids)}"], out)
    return int(Exit.ANSWERED)


def export_memory(file: Path, auctions: int, out: TextIO, *, as_json: bool = False) -> int:
    """A file that holds so many auctions now."""
    if as_json:
        print_json({"file": str(file.absolute()), "auctions": auctions}, out)
    else:
        print_lines([f"{auctions} {'auction' if auctions == 1 else 'auctions'} in {literal_line(str(file))}"], out)
    return int(Exit.ANSWERED)


def _table(rows: Sequence[Mapping[str, Any]], *, similarity: bool = False) -> list[str]:
    headings = ["auction", "when", "kind", "agent", "status", "outcome", "task"]
    cells: list[list[object]] = [
        [
            row["id"],
            datetime.fromtimestamp(row["started"]).astimezone().strftime("%Y-%m-%d %H:%M"),
            row["kind"],
            row["agent"],
            row["status"],
            row["outcome"],
            literal_line(row["task"], TASK_WIDTH),
        ]
        for row in rows
    ]
    if similarity:
        headings.insert(1, "near")
        for cell, row in zip(cells, rows, strict=True):
            cell.insert(1, row["similarity"])
    return table(headings, cells)
