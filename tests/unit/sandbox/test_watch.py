"""Limits of a whole run: each is met with its own reason, however the program hides what it takes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from sale_tui.ports import ExecRequest
from sale_tui.sandbox import census
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.types import MEGABYTE, SandboxLimits

pytestmark = pytest.mark.sandbox
LIMITS = SandboxLimits(
    memory_bytes=96 * MEGABYTE, disk_bytes=16 * MEGABYTE, file_bytes=8 * MEGABYTE, files=300, tasks=16
)
WRITE = "def write(n): f = open(str(n), 'w+b'); f.write(os.urandom(1_000_000)); f.flush(); return f\n"
SHARED = """import mmap
held = mmap.mmap(-1, 300_000_000)
for _ in range(3): os.fork()
for n in range(0, len(held), 4096): held[n] = 1
signal.pause()"""
THREADS = """import threading
threading.stack_size(65536)
for _ in range(25): threading.Thread(target=signal.pause).start()
signal.pause()"""
UNNAMED = """held = []
for n in range(60): held.append(write(n)); os.unlink(str(n))
signal.pause()"""
MAPPED = """import ctypes
mmap = ctypes.CDLL(None).mmap
mmap.restype, mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, *[ctypes.c_long] * 5]
for n in range(60):
    f = write(n)
    os.truncate(str(n), 1_000_000)
    mmap(None, 1_000_000, 1, 1, f.fileno(), 0)
    f.close()
    os.unlink(str(n))
signal.pause()"""
DEEP = """for n in range(60): os.mkdir('d' * 200); os.chdir('d' * 200)
for n in range(60): write(n).close()
signal.pause()"""
CASES = {
    "memory in many processes": ("memory", "for _ in range(3): os.fork()\nheld = b'x' * 40_000_000\nsignal.pause()"),
    "memory that is shared": ("memory", SHARED),
    "many processes": ("tasks", "for _ in range(40):\n    if os.fork() == 0: signal.pause()\nsignal.pause()"),
    "many threads": ("tasks", THREADS),
    "many files that are large": ("disk", "for n in range(999): write(n).close()"),
    "files without a name": ("disk", UNNAMED),
    "files that are mapped alone": ("disk", MAPPED),
    "files in deep folders": ("disk", DEEP),
    "many small files": ("files", "for n in range(9999): open(str(n), 'w')"),
    "many folders": ("files", "for n in range(9999): os.mkdir(str(n))"),
    "output": ("output", "while True: os.write(1, b'x' * 65536)"),
    "time": ("timeout", "signal.pause()"),
}


@pytest.mark.parametrize("name", CASES)
async def test_limit_is_met_with_its_reason(base: Path, workspace: Path, name: str) -> None:
    sandbox = BubblewrapSandbox(base, LIMITS)
    reason, code = CASES[name]
    result = await sandbox.run_python(f"import os, signal\n{WRITE}{code}", workspace, 1.0 if name == "time" else 20)
    assert (result.reason, result.exit, result.signal) == (reason, None, 9), result
    assert result.wall_s < 15


async def test_shared_pages_count_once(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, LIMITS)
    code = "import os\nheld = os.urandom(40_000_000)\nfor _ in '1234': os.fork() or os._exit(0 * sum(held[::4096]))"
    result = await sandbox.run_python(f"{code}\nprint('fine')", workspace, 20)
    assert result.stdout.endswith("fine\n"), result


async def test_what_was_there_before_does_not_count(base: Path, workspace: Path) -> None:
    (workspace / "large").write_bytes(os.urandom(40 * MEGABYTE))
    for number in range(500):
        (workspace / str(number)).touch()
    sandbox = BubblewrapSandbox(base, LIMITS)
    code = "for n in range(9): write(f'new{n}').close()\nselect.select([], [], [], 0.2)\nprint('fine')"
    assert (await sandbox.run_python(f"import os, select\n{WRITE}{code}", workspace, 20)).stdout == "fine\n"


async def test_kill_is_not_late(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base)
    request = ExecRequest(argv=("sh", "-c", "while :; do :; done"), workspace=workspace, timeout_seconds=0.5)
    late = [(await sandbox.run(request)).wall_s - 0.5 for _ in range(5)]
    # 250 ms is what is promised; how long a loaded machine lets us wait for it is not ours.
    assert sorted(late)[2] < 0.5, late


def test_usage_says_what_it_could_not_see(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 8192)
    (tmp_path / "away").symlink_to("/usr")
    seen = census.usage(tmp_path, 100)
    assert (seen.files, seen.whole) == (2, True)
    assert seen.bytes >= 8192
    assert not census.usage(tmp_path, 0).whole


async def test_own_memory_is_counted() -> None:
    pid = os.getpid()
    assert pid in census.tree(os.getppid())
    assert 0 < census.proportional(pid) <= census.resident(pid) * 1.1
    assert census.tasks(pid) >= 1
    assert census.available() > 0
    await asyncio.sleep(0)
