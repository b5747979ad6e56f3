"""Linux's Landlock as the tier ``reduced`` uses it: which rights a run has where. The keeper enforces it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

LEAST_ABI = 6
"""The first that keeps signals and abstract sockets within a run (Linux 6.12)."""
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_FILE, _MAKE_LINK, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 12, 1 << 13, 1 << 14
READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _MAKE_LINK | _REFER | _TRUNCATE
"""Never to make devices, pipes or sockets."""
USE_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE
HANDLED = ((1 << 16) - 1, 3, 3)
"""All that ABI 6 knows of files, of TCP ports, of reaching out (abstract sockets, signals): refused but for rules."""

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/localtime")
SINKS = ("/dev/null", "/dev/zero", "/dev/full")
SOURCES = ("/dev/random", "/dev/urandom")
_CREATE, _VERSION = 444, 1

Rule = tuple[str, int, bool]
"""A folder or file, the rights below it, and whether it must be there."""


def abi() -> int:
    """What this kernel's Landlock knows; 0 where it has none, or may not be asked."""
    library = ctypes.CDLL(None, use_errno=True)
    version: int = library.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(version, 0)


def rules(python: str, own: Sequence[tuple[str, int]]) -> list[Rule]:
    """Everything that a run may reach. ``python``: the tools'; ``own``: the run's own folders and their rights."""
    found = list(_system())
    if not python.startswith("/usr/"):
        found.append((str(Path(python).parent.parent), READ, True))
    return [*found, *((path, rights, True) for path, rights in own)]


def _system() -> Iterator[Rule]:
    for folder in SYSTEM_FOLDERS:
        if not Path(folder).is_symlink():
            yield folder, READ, False
    for name in SYSTEM_FILES:
        yield name, READ if Path(name).is_dir() else _READ_FILE, False
    for path in SINKS:
        yield path, USE_FILE, False
    for path in SOURCES:
        yield path, _READ_FILE, False
    # Debian's Python reads a file of /etc by this link at every start, and complains where it may not.
    for link in Path("/usr/lib").glob("python3*/sitecustomize.py"):
        if link.is_symlink():
            yield os.path.realpath(link), _READ_FILE, False
