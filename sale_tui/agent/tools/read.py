"""Reads a file of the working folder."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sale_tui.agent.broker import Broker, shown
from sale_tui.agent.tools.base import ToolResult
from sale_tui.agent.tools.files import FileTool, counted, failed, lines_of, read_text

LINES = 400
"""That one call shows unless it asks for fewer."""


class ReadArguments(msgspec.Struct, frozen=True):
    """What ``read`` takes."""

    path: Annotated[str, msgspec.Meta(description="Its path in the working folder.")]
    line: Annotated[int, msgspec.Meta(ge=1, description="First line to show.")] = 1
    lines: Annotated[int, msgspec.Meta(ge=1, description="How many.")] = LINES


class ReadTool(FileTool[ReadArguments]):
    """``read(path, line=1, lines=400)``: lines of a text."""

    name = "read"
    description = "Read a text file of the working folder."
    arguments = ReadArguments

    def work(self, broker: Broker, wanted: ReadArguments, room: int) -> ToolResult:
        """Read it. Raises Refused."""
        return _read(broker, wanted, room)


def _read(broker: Broker, wanted: ReadArguments, room: int) -> ToolResult:
    text = read_text(broker, wanted.path)
    lines = lines_of(text)
    if not lines:
        return ToolResult(ok=True, summary="0 lines", output="(empty)")
    if wanted.line > len(lines):
        return failed(f"{shown(wanted.path)} has only {counted(len(lines), 'line')}")
    chosen = _fitting(lines[wanted.line - 1 : wanted.line - 1 + wanted.lines], room)
    last = wanted.line - 1 + len(chosen)
    output = "".join(chosen).rstrip("\n") or "(empty lines)"
    hidden = len(text) - len("".join(chosen))
    if not hidden:
        return ToolResult(ok=True, summary=counted(len(lines), "line"), output=output)
    place = f"lines {wanted.line}-{last} of {len(lines)}"
    more = f"; go on with line {last + 1}" if last < len(lines) else ""
    return ToolResult(ok=True, summary=place, output=f"{output}\n({place}{more})", truncated=hidden)


def _fitting(lines: list[str], room: int) -> list[str]:
    """The first lines that fit, and at least one."""
    used = 0
    for number, line in enumerate(lines):
        used += len(line)
        # Beside the lines stands the word on which they are.
        if used > room - 80 and number:
            return lines[:number]
    return lines
