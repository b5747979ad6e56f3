"""New files for old contents: with shared blocks where the file system can, so that size costs nothing; else empty.

Linux shares them on btrfs, XFS, ZFS and bcachefs, macOS on APFS, where both files lie on one file system.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path

_FICLONE = 0x40049409
"""The ioctl of Linux; where an architecture numbers it otherwise, the kernel refuses, and the file is copied."""
_AT_FDCWD_MACOS = -2
_CLONE_NOFOLLOW, _CLONE_NOOWNERCOPY = 0x0001, 0x0002


def new_file(source: int, place: Path, mode: int) -> tuple[int, bool]:
    """Make the file for what an open one holds: its descriptor, to read and write, and whether the content is in it.

    ``mode``: its permission bits. Nothing may stand at ``place``. Raises OSError.
    """
    if sys.platform == "darwin":
        cloned = _cloned_by_name(source, place, mode)
        if cloned is not None:
            return cloned, True
    target = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    return target, sys.platform == "linux" and _shared(source, target)


def _shared(source: int, target: int) -> bool:
    """Whether the new file has got all blocks of the old one."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        # Another file system, or one that shares no blocks.
        return False
    return True


def _cloned_by_name(source: int, place: Path, mode: int) -> int | None:
    """The same on macOS, where a clone is made together with its name; None where it is not."""
    flags = _CLONE_NOFOLLOW | _CLONE_NOOWNERCOPY
    try:
        call = ctypes.CDLL(None, use_errno=True).fclonefileat
    except AttributeError:
        return None
    name = ctypes.c_char_p(os.fsencode(place))
    if call(ctypes.c_int(source), ctypes.c_int(_AT_FDCWD_MACOS), name, ctypes.c_uint32(flags)) != 0:
        return None
    try:
        # A clone has the mode of its original, which need not let us write.
        place.chmod(mode)
        return os.open(place, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        with suppress(OSError):
            place.unlink()
        return None
