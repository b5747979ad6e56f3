"""After a run in a copy of the user's folder: what has changed, whether it is accepted, and what was carried over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from sale_tui.agent.broker import Refused, shown
from sale_tui.agent.changes import Change, apply_changes, find_changes, whole_diff
from sale_tui.agent.gate import Approvals, Gate
from sale_tui.agent.tools.base import cap
from sale_tui.agent.tools.files import counted
from sale_tui.agent.workspace import Origin
from sale_tui.events import ChangesApplied, ChangesFound, Event, FileChange, Notice
from sale_tui.literal import literal, unseen

QUESTION = "changes"
"""Id of the question, and beginning of the call that rules and flags name."""
CALL = "accept_changes"
SHOWN_CHARACTERS = 100_000
"""Of a diff; the whole of it lies in a file."""
LOOKED_AT = 1_000_000
"""Characters of all diffs that are looked through for what cannot be seen."""


async def review_changes(
    workspace: Path, original: Path, copied: Mapping[str, Origin], approvals: Approvals, add: Callable[[Event], None]
) -> None:
    """Tell the changes, ask whether they are accepted, and carry them over where they are.

    ``add`` takes the events: ChangesFound, those of the question, ChangesApplied; none where nothing has changed.
    """
    try:
        changes = await asyncio.to_thread(find_changes, workspace, original, copied)
    except Refused as refusal:
        add(Notice(text=f"what has changed cannot be told: {refusal}"))
        return
    if not changes:
        return
    told = await asyncio.to_thread(_told, workspace, original, changes)
    add(told)
    ready = tuple(change for change in changes if not change.refused)
    if not ready:
        return
    hidden = await asyncio.to_thread(unseen_in, whole_diff(ready))
    unsaid = f", with {counted(hidden, 'character')} that cannot be seen" if hidden else ""
    leaves = f"{counted(len(ready), 'changed file')} to {shown(str(original))}{unsaid}"
    gate = Gate(approvals, add)
    refusal_of_user = await gate.refusal(QUESTION, f"{CALL}({original})", leaves, told.diff, again=False)
    if refusal_of_user:
        return
    done = await asyncio.to_thread(lambda: list(apply_changes(workspace, original, changes)))
    add(
        ChangesApplied(
            folder=shown(str(original)),
            files=tuple(shown(change.path) for change, why in done if not why),
            left=tuple(f"{shown(change.path)}: {why}" for change, why in done if why),
        )
    )


def unseen_in(diff: str) -> int:
    """How many characters that nobody sees its added lines hold."""
    lines = diff[:LOOKED_AT].replace("\r\n", "\n").split("\n")
    return sum(unseen(line) for line in lines if line.startswith("+"))


def _told(workspace: Path, original: Path, changes: tuple[Change, ...]) -> ChangesFound:
    whole = whole_diff(changes)
    saved = workspace.with_name(f"{workspace.name}.diff")
    try:
        saved.write_bytes(whole.encode("utf-8", "replace"))
        saved.chmod(0o600)
        place = str(saved)
    except OSError:
        place = ""
    text, cut = cap(literal(whole), SHOWN_CHARACTERS)
    return ChangesFound(
        folder=shown(str(original)),
        files=tuple(_file(change) for change in changes),
        diff=text,
        truncated=cut,
        saved=place,
    )


def _file(change: Change) -> FileChange:
    added, removed = change.lines
    return FileChange(path=shown(change.path), kind=change.kind, added=added, removed=removed, refused=change.refused)
