"""SHA-256 of model files, remembered by path, size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path


def file_hash(path: Path, cache: Path | None) -> str:
    """The file's SHA-256; taken from ``cache`` (a folder) where the file has not changed. Raises OSError."""
    stat = path.stat()
    entry = {"path": str(path.absolute()), "size": stat.st_size, "changed": stat.st_mtime_ns, "inode": stat.st_ino}
    note = cache / f"{hashlib.sha256(str(entry['path']).encode()).hexdigest()[:24]}.json" if cache else None
    known = _read(note) if note else {}
    digest = known.get("sha256")
    if isinstance(digest, str) and known == {**entry, "sha256": digest}:
        return digest
    with path.open("rb") as file:
        fresh = hashlib.file_digest(file, "sha256").hexdigest()
    if note:
        _write(note, {**entry, "sha256": fresh})
    return fresh


def _read(note: Path) -> dict[str, object]:
    try:
        found = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(note: Path, entry: dict[str, object]) -> None:
    """Write at once or not at all; a cache that cannot be written only costs the next hash."""
    part = note.with_suffix(f".{os.getpid()}.part")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(entry), "utf-8")
        part.replace(note)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
