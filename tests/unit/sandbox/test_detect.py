from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.advice import advice_for
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.check import PROBES, self_test
from sale_tui.sandbox.detect import choose_sandbox
from sale_tui.types import MEGABYTE, SandboxLimits

pytestmark = pytest.mark.sandbox

WRAPPER = """#!/usr/bin/python3
import os, sys
given = os.fdopen(int(sys.argv[sys.argv.index("--args") + 1]), "rb").read().decode().split("\\0")[:-1]
rest = sys.argv[sys.argv.index("--") :]
status = sys.argv[sys.argv.index("--json-status-fd") + 1]
def drop(name, values):
    while name in given:
        place = given.index(name)
        del given[place : place + 1 + values]
def insert(*options):
    place = given.index("--remount-ro")
    given[place:place] = options
{change}
os.execv({bwrap!r}, ["bwrap", "--json-status-fd", status, *given, *rest])
"""


@pytest.fixture
def lone_path(shown: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for programs before all others."""
    monkeypatch.setenv("PATH", f"{shown}:{os.environ['PATH']}")
    return shown


def put(folder: Path, text: str) -> None:
    program = folder / "bwrap"
    program.write_text(text)
    program.chmod(0o755)


async def test_this_machine_has_a_full_sandbox(base: Path) -> None:
    sandbox = await choose_sandbox(base)
    assert (sandbox.tier, sandbox.advice) == ("full", "")


async def test_self_test_tells_what_held(sandbox: BubblewrapSandbox) -> None:
    verdict = await self_test(sandbox)
    assert verdict.passed
    assert len(verdict.held) == PROBES
    assert list(sandbox.workspaces.glob("self-test-*")) == []


async def test_bwrap_that_only_runs_its_command_is_found_out(base: Path, lone_path: Path, workspace: Path) -> None:
    put(lone_path, '#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift\nexec "$@"\n')
    sandbox = await choose_sandbox(base)
    assert sandbox.tier == "none"
    mark = workspace / "ran"
    with pytest.raises(NoSandbox):
        await sandbox.run_python(f"open({str(mark)!r}, 'w')", workspace, 10)
    assert not mark.exists()


async def test_bwrap_that_runs_the_program_bare_is_found_out(base: Path, lone_path: Path) -> None:
    change = """
main = int(given[given.index("/run/main.py") - 1])
os.write(int(status), b'{ "child-pid": %d }\\n' % os.getpid())
child = os.posix_spawn("/usr/bin/python3", ["python3", "-c", os.fdopen(main).read()], {"PATH": "/usr/bin"})
os.write(int(status), b'{ "exit-code": %d }\\n' % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sys.exit()
"""
    put(lone_path, WRAPPER.format(change=change, bwrap=shutil.which("bwrap")))
    sandbox = await choose_sandbox(base)
    assert sandbox.tier == "none"
    assert "files outside cannot be read" in sandbox.advice


LAYERS = {
    "system calls are filtered": 'drop("--seccomp", 1)',
    "the network is not there": 'drop("--unshare-net", 0)',
    "processes outside are not seen": 'drop("--unshare-pid", 0)',
    "the user is nobody": 'drop("--uid", 1)',
    "files outside cannot be read": 'insert("--bind", BASE, BASE)',
    "the root cannot be written": 'drop("--remount-ro", 1)',
    "the environment is clean": 'given += ["--setenv", "SECRET", "1"]',
}


@pytest.mark.parametrize("promise", LAYERS)
async def test_every_missing_layer_is_found_out(base: Path, lone_path: Path, promise: str) -> None:
    change = LAYERS[promise].replace("BASE", repr(str(base)))
    put(lone_path, WRAPPER.format(change=change, bwrap=shutil.which("bwrap")))
    verdict = await self_test(BubblewrapSandbox(base))
    assert not verdict.passed
    assert promise in verdict.broken


OLD = """
for name in ("--disable-userns", "--size"):
    if name in given:
        sys.exit(f"bwrap: Unknown option {name}")
"""


async def test_old_bubblewrap_holds_too(base: Path, lone_path: Path, workspace: Path) -> None:
    put(lone_path, WRAPPER.format(change=OLD, bwrap=shutil.which("bwrap")))
    sandbox = await choose_sandbox(base)
    assert sandbox.tier == "full"
    assert (await sandbox.run_python("print(1)", workspace, 10)).stdout == "1\n"


async def test_files_in_memory_of_an_old_bubblewrap_are_bounded(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(memory_bytes=64 * MEGABYTE), old=True)
    code = "n = 0\nwhile True:\n    open(f'/tmp/{n}', 'wb').write(b'x' * 1_000_000)\n    n += 1"
    assert (await sandbox.run_python(code, workspace, 20)).reason == "memory"


async def test_files_in_memory_are_bounded(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(scratch_bytes=8 * MEGABYTE))
    for folder in ("/tmp", "/dev/shm"):
        code = f"for n in range(20): open(f'{folder}/{{n}}', 'wb').write(b'x' * 1_000_000)"
        assert "No space left" in (await sandbox.run_python(code, workspace, 20)).stderr


async def test_wrapper_alone_breaks_nothing(base: Path, lone_path: Path) -> None:
    put(lone_path, WRAPPER.format(change="", bwrap=shutil.which("bwrap")))
    assert (await self_test(BubblewrapSandbox(base))).passed


async def test_missing_bwrap_is_told_with_its_cure(
    base: Path, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = await choose_sandbox(base)
    assert sandbox.tier == "none"
    assert "bubblewrap is not installed; type: sudo " in sandbox.advice
    with pytest.raises(NoSandbox) as refusal:
        await sandbox.run_python("print(1)", workspace, 10)
    assert refusal.value.hint == sandbox.advice


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (
            "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)",
            "sysctl",
        ),
        ("bwrap: No permissions to create new namespace, likely because the kernel does not allow ...", "container"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "container"),
        ("bwrap: setting up uid map: Permission denied", "apparmor"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "apparmor"),
        ("bwrap: Unknown option --clearenv", "0.6.1"),
        ("something\nnew", "something new"),
    ],
)
def test_known_failures_have_a_cure(words: str, cure: str) -> None:
    advice = advice_for(words)
    assert cure in advice
    assert "\n" not in advice
