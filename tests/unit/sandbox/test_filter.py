"""The filter's program, carried out step by step as the kernel does, for both kinds of machine."""

from __future__ import annotations

import errno
import struct
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.sandbox.seccomp import ARCHITECTURES, program
from sale_tui.sandbox.syscalls import CHECKED, KNOWN, MISSING, REFUSED
from sale_tui.sandbox.syscalls_shut import IDLE, IOCTLS, OWN_ALONE, SET_PRIORITY, SHUT, UNSUPPORTED

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
MACHINES = list(ARCHITECTURES)
WORD = st.integers(0, 2**64 - 1)


@cache
def steps_of(machine: str, shut: bool) -> list[tuple[int, ...]]:
    code = program(machine, shut)
    return [struct.unpack_from("=HBBI", code, place) for place in range(0, len(code), 8)]


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None, shut: bool = False) -> int:
    """What the filter answers to a call."""
    steps = steps_of(machine, shut)
    values = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=iIQ6Q", number if number < 2**31 else number - 2**32, arch or ARCHITECTURES[machine][0], 0,
                       *values)  # fmt: skip
    place, held = 0, 0
    while True:
        kind, if_true, if_false, operand = steps[place]
        place += 1
        match kind:
            case 0x20:
                held = struct.unpack_from("=I", data, operand)[0]
            case 0x06:
                return int(operand)
            case 0x15:
                place += if_true if held == operand else if_false
            case 0x35:
                place += if_true if held >= operand else if_false
            case 0x54:
                held &= operand
            case 0x45:
                place += if_true if held & operand else if_false
            case _:
                raise AssertionError(kind)


def number_of(machine: str, name: str) -> int:
    number = (CHECKED | MISSING | REFUSED)[name][ARCHITECTURES[machine][1]]
    assert number is not None
    return number


@pytest.mark.parametrize("machine", MACHINES)
def test_tables_are_carried_out(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    for table, answer in ((REFUSED, EPERM), (MISSING, ENOSYS)):
        for name, numbers in table.items():
            number = numbers[column]
            assert number is None or verdict(machine, number) == answer, name


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(KNOWN + 1, 2**32 - 1), first=WORD)
def test_unknown_numbers_are_refused(machine: str, number: int, first: int) -> None:
    assert verdict(machine, number, first) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 600))
def test_other_architectures_are_killed(machine: str, arch: int, number: int) -> None:
    if arch not in (0, ARCHITECTURES[machine][0]):
        assert verdict(machine, number, arch=arch) == KILL


@given(number=st.integers(0x40000000, 0x40000000 + 600))
def test_calls_of_x32_are_refused(number: int) -> None:
    assert verdict("x86_64", number) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@given(high=st.integers(0, 2**32 - 1), flags=st.integers(0, 2**32 - 1))
def test_high_bits_change_nothing(machine: str, high: int, flags: int) -> None:
    clone, ioctl, socket = (number_of(machine, name) for name in ("clone", "ioctl", "socket"))
    above = high << 32
    assert verdict(machine, clone, above | flags) == (EPERM if flags & 0x7E020000 else ALLOW)
    assert verdict(machine, ioctl, 0, above | 0x5412) == EPERM
    assert verdict(machine, ioctl, 0, above | flags) == (EPERM if flags in (0x5412, 0x541C) else ALLOW)
    assert verdict(machine, socket, above | 1) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@given(family=st.integers(0, 50), protocol=st.integers(0, 30))
def test_sockets(machine: str, family: int, protocol: int) -> None:
    number = number_of(machine, "socket")
    allowed = family in (2, 10) or (family == 16 and protocol == 0)
    assert verdict(machine, number, family, 1, protocol) == (ALLOW if allowed else EPERM)
    assert verdict(machine, number_of(machine, "socketpair"), family) == (ALLOW if family == 1 else EPERM)


@pytest.mark.parametrize("machine", MACHINES)
@given(mode=st.integers(0, 0o7777), flags=st.integers(0, 2**25))
def test_no_file_gets_rights(machine: str, mode: int, flags: int) -> None:
    rights = bool(mode & 0o6000)
    for name, place in (("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2)):
        arguments = [0] * place + [mode]
        assert verdict(machine, number_of(machine, name), *arguments) == (EPERM if rights else ALLOW)
    creates = bool(flags & 0o20000100)
    assert verdict(machine, number_of(machine, "openat"), 0, 0, flags, mode) == (EPERM if rights and creates else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_are_allowed(machine: str) -> None:
    ordinary = {"x86_64": (0, 1, 3, 9, 59, 60, 202, 231, 257), "aarch64": (63, 64, 57, 222, 221, 93, 98, 94, 56)}
    assert {verdict(machine, number) for number in ordinary[machine]} == {ALLOW}


@pytest.mark.parametrize("machine", MACHINES)
def test_shut_filter_refuses_all_that_the_other_does_and_more(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    for table, answer in (
        (REFUSED, EPERM), (MISSING, ENOSYS), (SHUT, EPERM), (UNSUPPORTED, ERRNO | errno.ENOTSUP), (IDLE, ERRNO),
    ):  # fmt: skip
        for name, numbers in table.items():
            number = numbers[column]
            assert number is None or verdict(machine, number, shut=True) == answer, name
    tables = (SHUT, UNSUPPORTED, IDLE, OWN_ALONE)
    known = [each[column] for table in tables for each in table.values() if each[column] is not None]
    assert len(set(known)) == len(known)


@pytest.mark.parametrize("machine", MACHINES)
@given(who=st.integers(0, 2**32 - 1), which=st.integers(0, 2**32 - 1), high=st.integers(0, 2**32 - 1))
def test_shut_filter_lets_nobody_touch_another_process(machine: str, who: int, which: int, high: int) -> None:
    column, above = ARCHITECTURES[machine][1], high << 32
    for numbers in OWN_ALONE.values():
        assert verdict(machine, numbers[column] or 0, above | who, shut=True) == (ALLOW if who == 0 else EPERM)
    own = ALLOW if (which, who) == (0, 0) else EPERM
    assert verdict(machine, SET_PRIORITY[column], above | which, above | who, shut=True) == own
    assert verdict(machine, SET_PRIORITY[column], above, above, shut=True) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@given(request=st.integers(0, 2**32 - 1), kind=st.integers(0, 2**32 - 1), family=st.integers(0, 50))
def test_shut_filter_knows_few_ioctls_and_pairs_of_streams_alone(
    machine: str, request: int, kind: int, family: int
) -> None:
    ioctl, pair = number_of(machine, "ioctl"), number_of(machine, "socketpair")
    refused = EPERM if request in (0x5412, 0x541C) else ERRNO | errno.ENOTTY
    assert verdict(machine, ioctl, 0, request, shut=True) == (ALLOW if request in IOCTLS else refused)
    assert {verdict(machine, ioctl, 0, each, shut=True) for each in IOCTLS} == {ALLOW}
    stream = family == 1 and kind & 0xF == 1
    assert verdict(machine, pair, family, kind, shut=True) == (ALLOW if stream else EPERM)
    assert verdict(machine, pair, 1, kind & ~0xF | 1, shut=True) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_are_allowed_by_the_shut_filter(machine: str) -> None:
    ordinary = {"x86_64": (0, 1, 3, 9, 59, 60, 202, 231, 257), "aarch64": (63, 64, 57, 222, 221, 93, 98, 94, 56)}
    assert {verdict(machine, number, shut=True) for number in ordinary[machine]} == {ALLOW}
