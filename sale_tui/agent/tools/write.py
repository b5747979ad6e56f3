"""Writes a file of the working folder."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sale_tui.agent.broker import Broker, shown
from sale_tui.agent.tools.base import ToolResult
from sale_tui.agent.tools.files import FileTool, counted, encoded, lines_of


class WriteArguments(msgspec.Struct, frozen=True):
    """What ``write`` takes."""

    path: Annotated[str, msgspec.Meta(description="Its path in the working folder.")]
    content: Annotated[str, msgspec.Meta(description="The whole text.")]


class WriteTool(FileTool[WriteArguments]):
    """``write(path, content)``: a whole file, with the folders on the way to it."""

    name = "write"
    description = "Write a whole text file of the working folder; what it held is replaced."
    arguments = WriteArguments

    def work(self, broker: Broker, wanted: WriteArguments, room: int) -> ToolResult:  # noqa: ARG002
        """Write it. Raises Refused."""
        return _write(broker, wanted)


def _write(broker: Broker, wanted: WriteArguments) -> ToolResult:
    new = broker.write(wanted.path, encoded(wanted.content))
    done = f"{'wrote' if new else 'replaced'} {shown(wanted.path)}: {counted(len(lines_of(wanted.content)), 'line')}"
    return ToolResult(ok=True, summary=done, output=done)
