"""The system-call filter of the sandbox, as the BPF program that bubblewrap, or the keeper, loads.

What no ordinary program needs and kernels have been broken through is refused: other namespaces, mounts, tracing,
kernel keys, BPF, io_uring, foreign architectures, sockets but for the private loopback, set-user-id bits.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.syscalls import CHECKED, KNOWN, MISSING, REFUSED
from sale_tui.sandbox.syscalls_shut import IDLE, IOCTLS, OWN_ALONE, SET_PRIORITY, SHUT, UNSUPPORTED

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine to its AUDIT_ARCH number and its column in the tables."""

_LOAD, _AND, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH = 0, 4
"""Offsets in seccomp_data; the arguments follow from 16."""
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _TYPE = 1, 0xF
"""SOCK_STREAM, and the bits of a socket's type without its flags."""
_SETID = 0o6000
_SET_DUMPABLE = 4
_CREATES = 0o100 | 0o20000000
"""O_CREAT, or the bit that tells O_TMPFILE from O_DIRECTORY."""

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, operand."""


def program(machine: str | None = None, shut: bool = False) -> bytes:
    """The filter for a machine (this one by default). Raises NoSandbox for one whose calls are not known.

    ``shut``: refuse also what namespaces keep in bounds elsewhere (``syscalls_shut``).
    """
    name = machine or platform.machine()
    if name not in ARCHITECTURES:
        raise NoSandbox(f"there is no system-call filter for {name} machines", "run sale-tui on x86_64 or aarch64")
    arch, column = ARCHITECTURES[name]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(arch, column, shut))


def _instructions(arch: int, column: int, shut: bool) -> Iterator[Instruction]:
    yield _load(_ARCH)
    yield (_JUMP_EQUAL, 1, 0, arch)
    yield _return(_KILL)
    yield _load(_NUMBER)
    # Also true of x32 calls, whose numbers have bit 30 set.
    yield (_JUMP_AT_LEAST, 0, 1, KNOWN + 1)
    yield _refuse(errno.ENOSYS)
    for table, error in (*_REFUSALS, *(_REFUSALS_SHUT if shut else ())):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                yield (_JUMP_EQUAL, 0, 1, number)
                yield _refuse(error)
    checks = _CHECKS | (_CHECKS_SHUT if shut else {})
    for name, numbers in (CHECKED | _CHECKED_SHUT if shut else CHECKED).items():
        number = numbers[column]
        if number is not None:
            check = [*checks[name], _return(_ALLOW)]
            yield (_JUMP_EQUAL, 0, len(check), number)
            yield from check
    yield _return(_ALLOW)


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(number: int) -> Instruction:
    """The low 32 bits: the kernel ignores the others where it takes an int, so a comparison of 64 could be evaded."""
    return _load(16 + 8 * number)


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _refuse(error: int) -> Instruction:
    return _return(_ERRNO | error)


def _refuse_bits(argument: int, bits: int) -> list[Instruction]:
    return [_argument(argument), (_JUMP_SET, 0, 1, bits), _refuse(errno.EPERM)]


def _refuse_values(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    listed = [part for value in values for part in ((_JUMP_EQUAL, 0, 1, value), _refuse(errno.EPERM))]
    return [_argument(argument), *listed]


def _only_values(argument: int | None, values: tuple[int, ...], error: int) -> list[Instruction]:
    """``argument``: None for what is loaded already."""
    listed = [(_JUMP_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    loaded = [] if argument is None else [_argument(argument)]
    return [*loaded, *listed, _refuse(error)]


def _created_mode(flags: int, mode: int) -> list[Instruction]:
    checked = _refuse_bits(mode, _SETID)
    return [_argument(flags), (_JUMP_SET, 0, len(checked), _CREATES), *checked]


_ROUTE_ONLY: list[Instruction] = [
    _argument(0),
    (_JUMP_EQUAL, 0, 3, _NETLINK),
    _argument(2),
    (_JUMP_EQUAL, 1, 0, 0),
    _refuse(errno.EPERM),
]
_CHECKS: dict[str, list[Instruction]] = {
    "ioctl": _refuse_values(1, (_TIOCSTI, _TIOCLINUX)),
    "clone": _refuse_bits(0, _NAMESPACES),
    "socket": [*_only_values(0, (_INET, _INET6, _NETLINK), errno.EPERM), *_ROUTE_ONLY],
    "socketpair": _only_values(0, (_UNIX,), errno.EPERM),
    "personality": _only_values(0, (0, 0xFFFFFFFF), errno.EPERM),
    "chmod": _refuse_bits(1, _SETID),
    "fchmod": _refuse_bits(1, _SETID),
    "fchmodat": _refuse_bits(2, _SETID),
    "fchmodat2": _refuse_bits(2, _SETID),
    "open": _created_mode(1, 2),
    "openat": _created_mode(2, 3),
    "creat": _refuse_bits(1, _SETID),
    # Who cannot be dumped cannot be looked into either, and could hold files unseen.
    "prctl": _refuse_values(0, (_SET_DUMPABLE,)),
}
_OWN_ALONE = _only_values(0, (0,), errno.EPERM)
_CHECKS_SHUT: dict[str, list[Instruction]] = {
    # Pairs alone: asyncio wakes itself by one. A pair of datagrams could be sent to an address.
    "socketpair": [
        *_CHECKS["socketpair"],
        _argument(1),
        (_AND, 0, 0, _TYPE),
        *_only_values(None, (_STREAM,), errno.EPERM),
    ],
    "ioctl": [*_CHECKS["ioctl"], *_only_values(1, IOCTLS, errno.ENOTTY)],
    "setpriority": [*_OWN_ALONE, *_only_values(1, (0,), errno.EPERM)],
    **dict.fromkeys(OWN_ALONE, _OWN_ALONE),
}
_CHECKED_SHUT: dict[str, tuple[int | None, int | None]] = {**OWN_ALONE, "setpriority": SET_PRIORITY}
_REFUSALS = ((MISSING, errno.ENOSYS), (REFUSED, errno.EPERM))
_REFUSALS_SHUT = ((SHUT, errno.EPERM), (UNSUPPORTED, errno.ENOTSUP), (IDLE, 0))
