"""Who is writing an auction: a lock file a process, which the kernel lets go of however the process ends."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path


class Writer:
    """This process's claim to be alive; made at its first write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        self._name = ""

    def name(self) -> str:
        """The claim's name, taking it first. Raises OSError where the folder cannot be written."""
        if self._descriptor is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(self._folder)
            self._name = secrets.token_hex(8)
            self._descriptor = _claim(self._folder / self._name)
        return self._name

    def close(self) -> None:
        """Give the claim up."""
        if self._descriptor is not None:
            (self._folder / self._name).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def is_alive(folder: Path, name: str) -> bool:
    """Whether the process that took this claim still runs."""
    try:
        descriptor = os.open(folder / name, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _claim(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process's sweep may have taken the file away between the two calls.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for file in folder.iterdir():
        if not is_alive(folder, file.name):
            file.unlink(missing_ok=True)
