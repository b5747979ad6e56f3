"""Unnamed files for what a started program is given: its input, the sandbox's options, texts of ours."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def memory_files(contents: Mapping[str, bytes]) -> Iterator[dict[str, int]]:
    """Descriptors of unnamed files that hold these bytes and stand at their beginning, by name. Raises OSError."""
    files: dict[str, int] = {}
    try:
        for name, content in contents.items():
            files[name] = _made(name.strip("/")[:100])
            view = memoryview(content)
            while view:
                view = view[os.write(files[name], view) :]
            os.lseek(files[name], 0, os.SEEK_SET)
            _seal(files[name])
        yield files
    finally:
        for descriptor in files.values():
            os.close(descriptor)


def _made(name: str) -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    descriptor, path = tempfile.mkstemp()
    Path(path).unlink()
    return descriptor


def _seal(descriptor: int) -> None:
    """A program that is given one as its input may not write it, nor grow it."""
    if hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
