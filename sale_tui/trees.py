"""Trees that a program has left: walked and removed however deep, shut or crowded they are, and never out of them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def walk(folder: int, leave: bool = False) -> Iterator[tuple[int, str, os.stat_result]]:
    """Every entry below an open folder: the descriptor of the folder that it lies in, its name, and its facts.

    One descriptor is open at a time, so depth does not matter. Links are not followed, other file systems not entered,
    and a folder that was moved meanwhile ends the walk. ``leave``: a folder comes after what is in it, not before;
    folders that are shut are opened to their owner first.
    """
    device, here = os.fstat(folder).st_dev, os.dup(folder)
    above: list[tuple[int, int]] = []
    waiting = [_entries(here)]
    inside: list[tuple[str, os.stat_result]] = []
    try:
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
                if not waiting:
                    return
                upper = os.open("..", FOLDER, dir_fd=here)
                os.close(here)
                here = upper
                if _identity(os.fstat(here)) != above.pop():
                    return
                name, facts = inside.pop()
                if leave:
                    yield here, name, facts
                continue
            name, facts = entry
            below = _entered(here, name, facts, device, leave)
            if below is None or not leave:
                yield here, name, facts
            if below is not None:
                above.append(_identity(os.fstat(here)))
                inside.append((name, facts))
                os.close(here)
                here = below
                waiting.append(_entries(here))
    finally:
        os.close(here)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it; what cannot be removed stays, silently. Nothing else may change it meanwhile."""
    try:
        top = os.open(folder, FOLDER)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fchmod(top, 0o700)
        with contextlib.suppress(OSError):
            for inside, name, facts in walk(top, leave=True):
                with contextlib.suppress(OSError):
                    if stat.S_ISDIR(facts.st_mode):
                        os.rmdir(name, dir_fd=inside)
                    else:
                        os.unlink(name, dir_fd=inside)
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _entries(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            yield name, os.stat(name, dir_fd=folder, follow_symlinks=False)


def _entered(inside: int, name: str, facts: os.stat_result, device: int, force: bool) -> int | None:
    if not stat.S_ISDIR(facts.st_mode) or facts.st_dev != device:
        return None
    with contextlib.suppress(OSError):
        if force and facts.st_mode & 0o700 != 0o700:
            os.chmod(name, 0o700, dir_fd=inside)
        return os.open(name, FOLDER, dir_fd=inside)
    return None


def _identity(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino
