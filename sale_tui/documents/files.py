"""Which files of a folder are documents, and their bytes: never through a link, never too many, never a device's."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from posixpath import splitext
from typing import Literal

import msgspec

FileKind = Literal["text", "html", "pdf"]

LARGEST: dict[FileKind, int] = {"text": 4 * 1024 * 1024, "html": 2 * 1024 * 1024, "pdf": 20 * 1024 * 1024}
"""Bytes of a file, above which it is left out."""
SNIFFED_BYTES = 8192
"""Looked at for what no text holds."""
DEEPEST = 64
"""Folders within folders."""

_KINDS: dict[str, FileKind] = {".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf"}
_TEXT = frozenset((
    ".adoc", ".asc", ".bat", ".bib", ".c", ".cc", ".cfg", ".cmake", ".conf", ".cpp", ".cs", ".css", ".csv",
    ".diff", ".el", ".erl", ".ex", ".f90", ".go", ".gradle", ".graphql", ".h", ".hpp", ".hs", ".ini", ".java",
    ".jl", ".js", ".json", ".jsx", ".kt", ".less", ".lisp", ".log", ".lua", ".m", ".markdown", ".md", ".mk",
    ".ml", ".org", ".patch", ".php", ".pl", ".pm", ".po", ".properties", ".proto", ".ps1", ".py", ".pyi", ".r",
    ".rb", ".rs", ".rst", ".sass", ".scala", ".scss", ".sh", ".sql", ".srt", ".svelte", ".swift", ".tex",
    ".text", ".textile", ".toml", ".ts", ".tsv", ".tsx", ".txt", ".vim", ".vue", ".xml", ".yaml", ".yml", ".zig",
))  # fmt: skip
_PASSED_OVER = frozenset(("node_modules", "__pycache__", "site-packages"))


class File(msgspec.Struct, frozen=True):
    """A document as the folder shows it."""

    name: str
    """Path inside the folder, with slashes."""
    kind: FileKind
    size: int
    changed: int
    """Nanoseconds since 1970."""


def documents_in(root: Path) -> Iterator[File]:
    """Every document below a folder, in no order. Hidden ones and links are none: what they lead to lies elsewhere."""
    folders: list[tuple[str, int]] = [("", 0)]
    while folders:
        inside, depth = folders.pop()
        try:
            entries = list(os.scandir(root / inside))
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            name = f"{inside}/{entry.name}" if inside else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEEPEST and entry.name not in _PASSED_OVER:
                        folders.append((name, depth + 1))
                elif (kind := kind_of(entry.name)) is not None and entry.is_file(follow_symlinks=False):
                    facts = entry.stat(follow_symlinks=False)
                    # A name that is not UTF-8 can neither be stored nor told; it will not be found when it is read.
                    yield File(name.encode("utf-8", "replace").decode(), kind, facts.st_size, facts.st_mtime_ns)
            except OSError:
                continue


def kind_of(name: str) -> FileKind | None:
    """What a file of this name is read as; None where it is no document. README and the like have no suffix."""
    suffix = splitext(name)[1].lower()
    if suffix in _KINDS:
        return _KINDS[suffix]
    return "text" if suffix in _TEXT or not suffix else None


def read_bytes(root: Path, file: File) -> bytes:
    """The content. Raises OSError, also where it is no plain file any more or has outgrown its limit."""
    descriptor = os.open(root / file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("it is no plain file")
        content = stream.read(LARGEST[file.kind] + 1)
    if len(content) > LARGEST[file.kind]:
        raise OSError(f"it has more than {LARGEST[file.kind]} bytes")
    return content


def as_text(content: bytes) -> str | None:
    """The text of a file that should hold some; None where it is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    if b"\0" in content[:SNIFFED_BYTES]:
        return None
    text = content.decode("utf-8-sig", "replace")
    head = text[:SNIFFED_BYTES]
    return None if head.count("\ufffd") * 5 > len(head) else text.replace("\0", "")
