"""Finds lines in the files of the working folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from sale_tui.agent.broker import MAX_ENTRIES, Broker, Refused, shown
from sale_tui.agent.tools.base import ToolResult
from sale_tui.agent.tools.files import FileTool, counted, failed, text_of
from sale_tui.literal import literal

MATCHES = 200
"""That one answer shows."""
LINE_CHARACTERS = 200
READ_BYTES = 64 * 1024 * 1024
"""Of all files together."""
FILE_BYTES = 4 * 1024 * 1024


class GrepArguments(msgspec.Struct, frozen=True):
    """What ``grep`` takes."""

    pattern: Annotated[str, msgspec.Meta(description="A regular expression, without look-around.", min_length=1)]
    path: Annotated[str, msgspec.Meta(description="A file or folder in the working folder.")] = "."
    ignore_case: bool = False


class GrepTool(FileTool[GrepArguments]):
    """``grep(pattern, path=".", ignore_case=false)``: ``file:line: text`` of each match."""

    name = "grep"
    description = "Find lines in the files of the working folder."
    arguments = GrepArguments

    def work(self, broker: Broker, wanted: GrepArguments, room: int) -> ToolResult:  # noqa: ARG002
        """Search it. Raises Refused."""
        return _grep(broker, wanted)


class _Search:
    """The matches so far, and what was not looked at."""

    def __init__(self, broker: Broker, pattern: Any) -> None:
        self._broker = broker
        self._pattern = pattern
        self._room = READ_BYTES
        self.lines: list[str] = []
        self.files = 0
        self.skipped = 0
        self.entries = 0
        """Met on the way, folders among them."""

    @property
    def full(self) -> bool:
        """Whether there are more matches than are shown."""
        return len(self.lines) > MATCHES

    def look_into(self, name: str) -> None:
        """Add a file's matches. Raises Refused."""
        data = self._broker.read(name, FILE_BYTES)
        self._room -= len(data)
        if self._room < 0:
            raise Refused("too much to read")
        found = 0
        for number, line in enumerate(text_of(data, name).split("\n"), start=1):
            if self._pattern.search(line):
                found += 1
                self.lines.append(f"{shown(name)}:{number}: {_cut(line)}")
                if self.full:
                    break
        self.files += found > 0


def _grep(broker: Broker, wanted: GrepArguments) -> ToolResult:
    import re2

    options = re2.Options()
    options.case_sensitive = not wanted.ignore_case
    options.log_errors = False
    try:
        # RE2 takes time linear in the text whatever the pattern; it is a model's, and this is our own process.
        pattern = re2.compile(wanted.pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        return failed(f"the pattern is wrong: {error}")
    search = _Search(broker, pattern)
    for name in _files(broker, wanted.path, search):
        try:
            search.look_into(name)
        except Refused:
            if name == wanted.path:
                raise
            search.skipped += 1
        if search.full:
            break
    return _answer(search)


def _files(broker: Broker, path: str, search: _Search) -> Iterator[str]:
    with suppress(Refused):
        broker.facts(path)
        yield path
        return
    prefix = "" if path.strip("./") == "" else path.rstrip("/") + "/"
    for entry in broker.walk(path):
        search.entries += 1
        if entry.kind == "file":
            yield prefix + entry.name


def _answer(search: _Search) -> ToolResult:
    lines = search.lines[:MATCHES]
    if search.full:
        lines.append(f"(only the first {MATCHES} matches)")
    if search.skipped:
        lines.append(f"({counted(search.skipped, 'file')} not looked into: no text, too large, or not to be read)")
    if search.entries == MAX_ENTRIES and not search.full:
        lines.append(f"(only the first {MAX_ENTRIES:,} files and folders were looked at; name a folder)")
    more = "more than " if search.full else ""
    number = counted(min(len(search.lines), MATCHES), "match", "matches")
    summary = f"{more}{number} in {counted(search.files, 'file')}"
    return ToolResult(ok=True, summary=summary, output="\n".join(lines if search.lines else ["no matches", *lines]))


def _cut(line: str) -> str:
    plain = literal(line).strip("\n")
    return plain if len(plain) <= LINE_CHARACTERS else f"{plain[:LINE_CHARACTERS]} [... {len(plain)} characters]"
