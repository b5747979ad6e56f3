from __future__ import annotations

import ctypes
import ctypes.util
import errno
import json
import platform
from pathlib import Path

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.seccomp import ARCHITECTURES, program
from sale_tui.sandbox.syscalls import CHECKED, KNOWN, MISSING, REFUSED
from sale_tui.sandbox.syscalls_shut import IDLE, OWN_ALONE, SET_PRIORITY, SHUT, UNSUPPORTED

MACHINE = platform.machine()
COLUMN = ARCHITECTURES[MACHINE][1]
TABLES = CHECKED | MISSING | REFUSED | SHUT | UNSUPPORTED | IDLE | OWN_ALONE | {"setpriority": SET_PRIORITY}

CALLER = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
answers = {}
for name, number, *arguments in json.loads(CALLS):
    ctypes.set_errno(0)
    values = [ctypes.c_char_p(a.encode()) if isinstance(a, str) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *values)
    answers[name] = ctypes.get_errno() if result == -1 else 0
print(json.dumps(answers))
"""


async def answers(sandbox: BubblewrapSandbox, workspace: Path, calls: list[tuple[object, ...]]) -> dict[str, int]:
    """Errno of each call (name, number, arguments ...), made inside."""
    result = await sandbox.run_python(f"CALLS = {json.dumps(calls)!r}\n{CALLER}", workspace, 20)
    assert result.exit == 0, result
    found: dict[str, int] = json.loads(result.stdout)
    return found


@pytest.mark.sandbox
async def test_refused_calls_are_refused(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    calls = [(name, numbers[COLUMN], 0, 0, 0, 0, 0) for name, numbers in REFUSED.items() if numbers[COLUMN] is not None]
    found = await answers(sandbox, workspace, list(calls))
    assert found == dict.fromkeys(found, errno.EPERM)
    assert len(found) > 50


@pytest.mark.sandbox
async def test_missing_calls_are_missing(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    calls = [(name, numbers[COLUMN], 0, 0, 0, 0, 0) for name, numbers in MISSING.items()]
    calls += [(f"new {number}", number, 0, 0, 0, 0, 0) for number in (KNOWN + 1, 500, 10_000, 0x3FFFFFFF)]
    calls += [("x32", 0x40000000 | 39, 0, 0, 0, 0, 0)]
    found = await answers(sandbox, workspace, list(calls))
    assert found == dict.fromkeys(found, errno.ENOSYS)


@pytest.mark.sandbox
async def test_arguments_are_looked_at(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    (workspace / "file").touch(mode=0o600)
    number = {name: numbers[COLUMN] for name, numbers in CHECKED.items()}
    here, create, temporary = -100, 0o101, 0o20200001
    calls: list[tuple[object, ...]] = [
        ("typing", number["ioctl"], 0, 0x5412, 0),
        ("typing by the high bits", number["ioctl"], 0, 0x1_0000_5412, 0),
        ("console", number["ioctl"], 0, 0x541C, 0),
        ("user namespace", number["clone"], 0x10000011, 0, 0, 0, 0),
        ("unix socket", number["socket"], 1, 1, 0),
        ("packet socket", number["socket"], 17, 3, 0),
        ("vsock", number["socket"], 40, 1, 0),
        ("alg socket", number["socket"], 38, 5, 0),
        ("audit netlink", number["socket"], 16, 3, 9),
        ("inet pair", number["socketpair"], 2, 1, 0, 0),
        ("personality", number["personality"], 0x0040000),
        ("set-uid", number["fchmodat"], here, "file", 0o4755),
        ("set-gid", number["fchmodat"], here, "file", 0o2755),
        ("set-uid by the new call", number["fchmodat2"], here, "file", 0o4755, 0),
        ("set-uid at birth", number["openat"], here, "new", create, 0o4755),
        ("set-uid without a name", number["openat"], here, ".", temporary, 0o4755),
    ]
    found = await answers(sandbox, workspace, calls)
    assert found == dict.fromkeys(found, errno.EPERM)
    allowed: list[tuple[object, ...]] = [
        ("inet socket", number["socket"], 2, 1, 0),
        ("route netlink", number["socket"], 16, 3, 0),
        ("mode", number["fchmodat"], here, "file", 0o755),
        ("birth", number["openat"], here, "born", create, 0o755),
        ("garbage mode without birth", number["openat"], here, "file", 0, 0o7777),
        ("ask personality", number["personality"], 0xFFFFFFFF),
    ]
    found = await answers(sandbox, workspace, allowed)
    assert found == dict.fromkeys(found, 0)
    assert (workspace / "file").stat().st_mode & 0o7777 == 0o755


if MACHINE == "x86_64":

    @pytest.mark.sandbox
    async def test_foreign_architecture_is_killed(sandbox: BubblewrapSandbox, workspace: Path) -> None:
        code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000" "cd80" "c3"))  # mov eax, 20 (getpid of i386); int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print("pid", ctypes.CFUNCTYPE(ctypes.c_int)(address)())
"""
        result = await sandbox.run_python(code, workspace, 10)
        assert result.signal == 31
        assert result.stdout == ""


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_numbers_are_those_of_libseccomp(machine: str) -> None:
    name = ctypes.util.find_library("seccomp")
    assert name, "libseccomp is missing; it comes with every systemd"
    resolve = ctypes.CDLL(name).seccomp_syscall_resolve_name_arch
    arch, column = ARCHITECTURES[machine]
    for call, numbers in TABLES.items():
        known = resolve(ctypes.c_uint32(arch), call.encode())
        # Negative: this libseccomp is older than the call, or the machine has none.
        number = numbers[column]
        assert number == known or (known < 0 and (number is None or number > 440)), call


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_jump_lands_inside(machine: str) -> None:
    text = program(machine)
    assert len(text) % 8 == 0
    count = len(text) // 8
    assert count < 4096
    for place in range(count):
        code, if_true, if_false = text[place * 8 : place * 8 + 4][:1], text[place * 8 + 2], text[place * 8 + 3]
        if code[0] & 7 == 5:
            assert place + 1 + max(if_true, if_false) < count
    assert text[-8:-6] == b"\x06\x00"


def test_unknown_machine_has_no_filter() -> None:
    with pytest.raises(NoSandbox, match="riscv64"):
        program("riscv64")
