"""Opening what lies in a folder that hostile code may change meanwhile: never through a link, never out of it.

Linux does it in one system call, ``openat2``; elsewhere, and on kernels older than 5.6, every component of the path is
opened by itself, from the descriptor of the one before it, refusing links.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

Opener = Callable[[int, str, int, int], int]
"""(folder, path, flags, mode) -> descriptor; raises OSError."""

_SYS_OPENAT2 = 437  # the same number on every architecture
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
_TRIES = 16
"""The kernel asks for another try where something was renamed meanwhile."""
_COMMON = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY | os.O_NONBLOCK


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """A descriptor of what lies below a folder, by a relative path without ``..``. Raises OSError.

    ``folder``: descriptor. A link anywhere on the way is ELOOP (or ENOTDIR), another file system EXDEV. A pipe or a
    device is opened without waiting; it is for the caller to look at what came.
    """
    return opener()(folder, path, flags, mode)


@contextmanager
def held(descriptor: int) -> Iterator[int]:
    """An open descriptor, closed at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@cache
def opener() -> Opener:
    """The best way that this system has."""
    return by_system_call if sys.platform == "linux" and _has_openat2() else by_components


def by_system_call(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """``openat2`` with RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS and NO_XDEV. Raises OSError."""
    how = _How(flags | _COMMON, mode if flags & os.O_CREAT else 0, _RESOLVE)
    call = _libc().syscall
    number = errno.EAGAIN
    for _ in range(_TRIES):
        found = call(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(folder),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        if number not in {errno.EAGAIN, errno.EINTR}:
            break
    raise OSError(number, os.strerror(number), path)


def by_components(folder: int, path: str, flags: int, mode: int = 0) -> int:
    """The same one component after another, each without following a link. Raises OSError."""
    device = os.fstat(folder).st_dev
    *way, last = path.split("/")
    here = folder
    try:
        for name in way:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _COMMON, dir_fd=here)
            if here != folder:
                os.close(here)
            here = inner
            _same_device(here, device, path)
        found = os.open(last, flags | _COMMON, mode, dir_fd=here)
    finally:
        if here != folder:
            os.close(here)
    try:
        _same_device(found, device, path)
    except OSError:
        os.close(found)
        raise
    return found


def _same_device(descriptor: int, device: int, path: str) -> None:
    if os.fstat(descriptor).st_dev != device:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _has_openat2() -> bool:
    """Old kernels lack it, and some containers refuse it."""
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(by_system_call(root, ".", os.O_RDONLY | os.O_DIRECTORY))
    except OSError:
        return False
    finally:
        os.close(root)
    return True
