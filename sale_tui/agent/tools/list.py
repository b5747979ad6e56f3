"""Lists the working folder."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sale_tui.agent.broker import MAX_DEPTH, Broker, Entry, shown
from sale_tui.agent.tools.base import ToolResult
from sale_tui.agent.tools.files import FileTool, counted

ENTRIES = 500
"""That one answer names."""


class ListArguments(msgspec.Struct, frozen=True):
    """What ``list`` takes."""

    path: Annotated[str, msgspec.Meta(description="A folder in the working folder.")] = "."
    depth: Annotated[int, msgspec.Meta(ge=1, le=MAX_DEPTH, description="How many levels of folders.")] = 1


class ListTool(FileTool[ListArguments]):
    """``list(path=".", depth=1)``: files with their sizes, folders, links."""

    name = "list"
    description = "List files and folders of the working folder."
    arguments = ListArguments

    def work(self, broker: Broker, wanted: ListArguments, room: int) -> ToolResult:  # noqa: ARG002
        """List it. Raises Refused."""
        return _list(broker, wanted)


def _list(broker: Broker, wanted: ListArguments) -> ToolResult:
    entries = list(broker.walk(wanted.path, wanted.depth, most=ENTRIES + 1))
    more = len(entries) > ENTRIES
    lines = [_line(entry) for entry in entries[:ENTRIES]]
    if more:
        lines.append(f"(only the first {ENTRIES}; list a folder within)")
    summary = f"more than {ENTRIES} entries" if more else counted(len(entries), "entry", "entries")
    return ToolResult(ok=True, summary=summary, output="\n".join(lines) or "(empty)")


def _line(entry: Entry) -> str:
    name = shown(entry.name)
    match entry.kind:
        case "file":
            return f"{name} ({counted(entry.size, 'byte')})"
        case "folder":
            return f"{name}/"
        case _:
            return f"{name} ({entry.kind})"
