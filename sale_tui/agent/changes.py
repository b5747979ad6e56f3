"""What a run has changed in its copy of a folder, as a diff, and the way of accepted changes into the folder.

Only regular files count: what else a run has left is named and stays behind, as does all of ``.git``, where a file can
be a program. A file that has changed in the user's folder since it was copied is never overwritten. Synchronous.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from sale_tui.agent.broker import MAX_ENTRIES, Broker, Missing, Refused, shown
from sale_tui.agent.tools.files import changed_lines, diff, text_of
from sale_tui.agent.workspace import Origin, Stamp

UNTOUCHED = ".git"
"""A folder of this name, wherever it lies, is left as it is."""
CHANGED_MEANWHILE = "it has changed in your folder since the run began"
NOT_COMPARED = "your file cannot be compared: it is too large, a link, or closed"
_UNREADABLE = "?"
_MOST = 4 * MAX_ENTRIES
"""Entries of a workspace that are looked at: as many files as a copy may hold, as many again, and their folders."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One file that differs from the copy that the run got."""

    path: str
    """Raw: not for showing."""
    kind: Literal["added", "changed", "deleted"]
    before: str
    """SHA-256 of the user's file; empty for an added one, and where nobody has read it."""
    after: str
    """SHA-256 of the run's file; empty for a deleted one."""
    executable: bool = False
    """Of an added file."""
    text: str = ""
    """Its diff, in git's format."""
    refused: str = ""
    """Why it cannot be accepted; empty where it can."""

    @property
    def lines(self) -> tuple[int, int]:
        """Added and removed."""
        return changed_lines(self.text)


def sha256(data: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def find_changes(workspace: Path, original: Path, copied: Mapping[str, Origin]) -> tuple[Change, ...]:
    """Everything that differs, by path. ``copied``: what was copied, by path. Raises Refused."""
    inner, outer = Broker(workspace), Broker(original)
    entries = {entry.name: entry for entry in inner.walk(most=_MOST) if entry.kind == "file"}
    found = []
    for path in sorted({*entries, *copied}):
        if UNTOUCHED in path.split("/"):
            continue
        change = _change(inner, outer, path, copied.get(path))
        if change is not None:
            executable = path in entries and bool(entries[path].mode & 0o100)
            found.append(_described(inner, outer, msgspec.structs.replace(change, executable=executable)))
    return tuple(found)


def whole_diff(changes: tuple[Change, ...]) -> str:
    """All that can be accepted, as one diff."""
    return "".join(change.text for change in changes if not change.refused)


def apply_changes(workspace: Path, original: Path, changes: tuple[Change, ...]) -> Iterator[tuple[Change, str]]:
    """Carry the changes into the folder, one after another: each with why it was not, empty where it was."""
    inner, outer = Broker(workspace), Broker(original)
    for change in changes:
        try:
            yield change, change.refused or _apply(inner, outer, change)
        except Refused as refusal:
            yield change, str(refusal)


def _change(inner: Broker, outer: Broker, path: str, origin: Origin | None) -> Change | None:
    """How one file differs, None where it does not."""
    known = origin.sha256 if origin is not None else ""
    try:
        if origin is not None and origin.copy.same_content(Stamp.of(inner.facts(path))):
            return None
        after = sha256(inner.read(path))
    except Missing:
        after = ""
    except Refused as refusal:
        kind: Literal["added", "changed"] = "added" if origin is None else "changed"
        return Change(path=path, kind=kind, before=known, after="", refused=str(refusal))
    if after == known and (known or origin is None):
        return None
    present = _present(outer, path)
    before = _before(outer, path, origin, present)
    if after and after == before:
        return None
    kinds: dict[tuple[bool, bool], Literal["added", "changed", "deleted"]] = {
        (False, True): "added",
        (True, True): "changed",
        (True, False): "deleted",
    }
    refused = ""
    if before is None:
        refused = NOT_COMPARED if present == _UNREADABLE else CHANGED_MEANWHILE
    change = kinds[origin is not None, bool(after)]
    return Change(path=path, kind=change, before=known if before is None else before, after=after, refused=refused)


def _before(outer: Broker, path: str, origin: Origin | None, present: str) -> str | None:
    """SHA-256 of the user's file, empty where there is none, if it is as it was when it was copied; else None.

    ``present``: that of the file as it is now.
    """
    if origin is None:
        return None if present else ""
    if origin.sha256:
        return present if present == origin.sha256 else None
    # Looked at after it was read: what was read is what was there all the time.
    return present if present not in {"", _UNREADABLE} and origin.mine == _stamp(outer, path) else None


def _stamp(outer: Broker, path: str) -> Stamp | None:
    """Of the user's file as it is now; None where there is none."""
    try:
        return Stamp.of(outer.facts(path))
    except Refused:
        return None


def _present(outer: Broker, path: str) -> str:
    """SHA-256 of the user's file as it is now; empty where there is none, ``?`` where it may not be read."""
    try:
        return sha256(outer.read(path))
    except Missing:
        return ""
    except Refused:
        return _UNREADABLE


def _described(inner: Broker, outer: Broker, change: Change) -> Change:
    if change.refused:
        return change
    name, mode = shown(change.path), "755" if change.executable else "644"
    old = outer.read(change.path) if change.before else b""
    new = inner.read(change.path) if change.after else b""
    heads = {"added": f"new file mode 100{mode}\n", "changed": "", "deleted": "deleted file mode 100644\n"}
    names = (f"a/{name}" if change.before else "/dev/null", f"b/{name}" if change.after else "/dev/null")
    try:
        body = diff(text_of(old, name), text_of(new, name), *names)
    except Refused:
        body = f"Binary files {names[0]} ({len(old)} bytes) and {names[1]} ({len(new)} bytes) differ\n"
    text = f"diff --git a/{name} b/{name}\n{heads[change.kind]}{body}"
    return msgspec.structs.replace(change, text=text)


def _apply(inner: Broker, outer: Broker, change: Change) -> str:
    if _present(outer, change.path) != change.before:
        return CHANGED_MEANWHILE
    if change.kind == "deleted":
        outer.remove(change.path)
        return ""
    data = inner.read(change.path)
    if sha256(data) != change.after:
        return "it is not what was shown any more"
    outer.write(change.path, data, change.executable if change.kind == "added" else None)
    return ""
