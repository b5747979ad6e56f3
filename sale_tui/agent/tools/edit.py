"""Changes a passage of a file: the old text must be there exactly, and once."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sale_tui.agent.broker import Broker, shown
from sale_tui.agent.tools.base import ToolResult
from sale_tui.agent.tools.files import NEAR, FileTool, changed_lines, counted, diff, encoded, failed, read_text

COMPARED = 200_000
"""Characters of a file in which a similar passage is looked for."""
SOUGHT = 1000
"""Characters of a passage for which a similar one is looked for."""


class EditArguments(msgspec.Struct, frozen=True):
    """What ``edit`` takes."""

    path: Annotated[str, msgspec.Meta(description="Its path in the working folder.")]
    old: Annotated[str, msgspec.Meta(description="The text as it stands there now.", min_length=1)]
    new: Annotated[str, msgspec.Meta(description="What stands there afterwards.")]
    all: Annotated[bool, msgspec.Meta(description="Replace every place, not just one.")] = False


class EditTool(FileTool[EditArguments]):
    """``edit(path, old, new, all=false)``: an exact replacement; answers with the diff."""

    name = "edit"
    description = "Replace a passage of a text file: old must stand there exactly, once."
    arguments = EditArguments

    def work(self, broker: Broker, wanted: EditArguments, room: int) -> ToolResult:  # noqa: ARG002
        """Change it. Raises Refused."""
        return _edit(broker, wanted)


def _edit(broker: Broker, wanted: EditArguments) -> ToolResult:
    before, name = read_text(broker, wanted.path), shown(wanted.path)
    old, new = wanted.old, wanted.new
    ends = before.count("\r\n")
    if ends and (old not in before or ends == before.count("\n")):
        # A model sees and writes plain line ends; the file keeps its own.
        old, new = (text.replace("\r\n", "\n").replace("\n", "\r\n") for text in (old, new))
    places = before.count(old)
    if not places:
        return failed(f"that text is not in {name}{did_you_mean(wanted.old, before)}")
    if places > 1 and not wanted.all:
        return failed(f"that text is in {name} {places} times: give more of what stands around it, or all=true")
    if old == new:
        return failed("old and new are the same")
    after = before.replace(old, new)
    broker.write(wanted.path, encoded(after))
    change = diff(before, after, name, name)
    added, removed = changed_lines(change)
    where = f" at {counted(places, 'place')}" if places > 1 else ""
    return ToolResult(ok=True, summary=f"edited {name}{where}: +{added} -{removed} lines", output=change.rstrip("\n"))


def did_you_mean(wanted: str, text: str) -> str:
    """The whole lines that are most like the wanted passage, with their number; or that nothing is like it."""
    from rapidfuzz import fuzz

    text = text.replace("\r\n", "\n")
    found = fuzz.partial_ratio_alignment(wanted.strip()[:SOUGHT], text[:COMPARED], score_cutoff=NEAR)
    if found is None or not text:
        return ", nor anything like it; read it first"
    start = text.rfind("\n", 0, found.dest_start) + 1
    end = text.find("\n", max(found.dest_end - 1, start))
    lines = text[start : end if end >= 0 else len(text)]
    return f"; did you mean this, from line {text.count(chr(10), 0, start) + 1}?\n{lines}"
