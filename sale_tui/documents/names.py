"""Names of documents as models remember them: without case, suffix or folder."""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import basename, splitext


def resembling(wanted: str, names: Sequence[str]) -> str | None:
    """The one name that equals ``wanted`` but for case, suffix and folder; None where there is none, or several."""
    target = wanted.strip().casefold()
    for way in (str, _without_suffix, basename, _base_without_suffix):
        found = [name for name in names if way(name.casefold()) == target]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _without_suffix(name: str) -> str:
    return splitext(name)[0]


def _base_without_suffix(name: str) -> str:
    return splitext(basename(name))[0]
