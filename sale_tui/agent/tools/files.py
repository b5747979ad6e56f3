"""What the file tools are: a name, arguments, and work done by the broker; and the texts and diffs that they share."""

from __future__ import annotations

import asyncio
import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Generic

import msgspec

from sale_tui.agent.broker import Broker, Missing, Refused, shown
from sale_tui.agent.tools.base import Arguments, ToolContext, ToolResult, cap, make_spec, read_arguments
from sale_tui.types import ToolSpec

LOOKED_AT = 8192
"""First bytes of a file that tell whether it is a text."""
DIFFED_LINES = 4000
"""Longer texts are not compared line by line: that takes time in the square of their lines."""
NAMES = 2000
"""Files among whose names a similar one is looked for."""
NEAR = 60.0
"""Of 100: how alike a name or a passage must be to be proposed."""


class FileTool(ABC, Generic[Arguments]):
    """A tool that only touches the working folder, through its broker. It runs no code, and nothing leaves."""

    name: str
    description: str
    arguments: type[Arguments]
    needs_sandbox = False

    @cached_property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""
        return make_spec(self.name, self.description, self.arguments)

    @abstractmethod
    def work(self, broker: Broker, wanted: Arguments, room: int) -> ToolResult:
        """Do it. ``room``: characters that the model can take. Raises Refused."""

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        read_arguments(self.spec, self.arguments, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Do it beside the event loop; what the broker refuses is an answer, too. Raises BadArguments."""
        wanted = read_arguments(self.spec, self.arguments, arguments)

        def answer() -> ToolResult:
            try:
                return self.work(Broker(context.workspace), wanted, context.output_characters)
            except Refused as refusal:
                return failed(str(refusal))

        result = await asyncio.to_thread(answer)
        output, cut = cap(result.output, context.output_characters)
        return msgspec.structs.replace(result, output=output, truncated=result.truncated + cut)


def failed(reason: str) -> ToolResult:
    """An answer that says what is wrong."""
    return ToolResult(ok=False, summary=reason, output=f"error: {reason}")


def read_text(broker: Broker, name: str) -> str:
    """A file's text as it is, line ends too. Raises Refused, with similar names where there is no such file."""
    try:
        data = broker.read(name)
    except Missing as missing:
        raise Missing(f"{missing}{_similar(broker, name)}") from missing
    return text_of(data, name)


def text_of(data: bytes, name: str) -> str:
    """Bytes as UTF-8. Raises Refused where they are no text."""
    if b"\0" in data[:LOOKED_AT]:
        raise Refused(f"{shown(name)} is no text ({len(data)} bytes)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{shown(name)} is no UTF-8 text: byte {error.start} is wrong") from error


def encoded(text: str) -> bytes:
    """UTF-8; lone surrogates become question marks."""
    return text.encode("utf-8", "replace")


def counted(number: int, one: str, many: str = "") -> str:
    """``1 line``, ``2 lines``."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def lines_of(text: str) -> list[str]:
    """Its lines with their ends; the last one may have none. Nothing but a line feed ends a line."""
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])


def diff(before: str, after: str, old_name: str, new_name: str) -> str:
    """A unified diff with three lines around; one line in place of it where the texts are too long to compare."""
    old, new = lines_of(before), lines_of(after)
    if max(len(old), len(new)) > DIFFED_LINES:
        return f"({old_name}: {len(old)} lines before, {len(new)} after; too long to be compared)\n"
    changes = difflib.unified_diff(old, new, old_name, new_name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in changes)


def changed_lines(text: str) -> tuple[int, int]:
    """Lines that a unified diff adds and removes."""
    body = [line for line in text.splitlines() if not line.startswith(("+++", "---"))]
    return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)


def _similar(broker: Broker, name: str) -> str:
    """``; did you mean ...?`` with up to three names, or nothing."""
    from rapidfuzz import fuzz, process

    names = [entry.name for entry in broker.walk(most=NAMES) if entry.kind == "file"]
    wanted = PurePosixPath(name).name
    near = process.extract(wanted, {each: PurePosixPath(each).name for each in names}, scorer=fuzz.ratio, limit=3)
    found = [str(key) for _, score, key in near if score >= NEAR]
    return f"; did you mean {' or '.join(map(shown, found))}?" if found else ""
