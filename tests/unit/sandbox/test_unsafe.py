"""No walls, but the same limits, the same clean environment and the same care for what a run leaves."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from sale_tui.ports import ExecRequest
from sale_tui.sandbox.detect import try_sandbox
from sale_tui.sandbox.launched import ENVIRONMENT
from sale_tui.sandbox.unsafe import UnsafeSandbox
from sale_tui.types import MEGABYTE, SandboxLimits
from tests.unit.sandbox.test_bubblewrap import becomes_true, no_process_with, processes_with


@pytest.fixture
def bare(base: Path) -> UnsafeSandbox:
    return UnsafeSandbox(base)


async def test_it_is_reached_by_its_word_alone(base: Path) -> None:
    sandbox, _ = await try_sandbox(base, unsafe=True)
    assert sandbox.tier == "unsafe"
    assert "--unsafe-no-sandbox" in sandbox.advice
    assert "\n" not in sandbox.advice
    assert (await try_sandbox(base))[0].tier == "full"


async def test_program_runs_in_the_workspace_with_a_clean_environment(bare: UnsafeSandbox, workspace: Path) -> None:
    code = "import os, json; open('made', 'w'); print(json.dumps([os.getcwd(), dict(os.environ), os.getuid()]))"
    result = await bare.run_python(code, workspace, 10)
    assert (result.exit, result.reason, result.tier) == (0, None, "unsafe"), result
    folder, environment, uid = json.loads(result.stdout)
    assert folder == environment["PYTHONPATH"] == str(workspace)
    assert set(environment) - {"LC_CTYPE"} == set(ENVIRONMENT)
    assert uid == (bare.uid if os.geteuid() == 0 else os.geteuid())
    assert (workspace / "made").exists()


async def test_status_signal_and_missing_programs_are_told(bare: UnsafeSandbox, workspace: Path) -> None:
    for argv, status, signal in (
        (("sh", "-c", "exit 3"), 3, None),
        (("sh", "-c", "kill -9 $$"), 137, 9),
        (("no-such-program",), 127, None),
        (("/etc/passwd",), 126, None),
    ):
        result = await bare.run(ExecRequest(argv=argv, workspace=workspace))
        assert (result.exit, result.signal, result.reason) == (status, signal, None), result


async def test_input_and_files_arrive(bare: UnsafeSandbox, workspace: Path) -> None:
    request = ExecRequest(
        argv=("sh", "/run/main.sh", "/workspace/x"), workspace=workspace, stdin=b"given",
        files={"main.sh": b'cat; echo " $1"; echo no > /run/main.sh'},
    )  # fmt: skip
    result = await bare.run(request)
    assert result.stdout == f"given {workspace}/x\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "timeout"),
        ("x = [bytearray(1 << 20) for _ in range(150)]\nwhile True: pass", "memory"),
        ("while True: print('x' * 10_000)", "output"),
        ("for n in range(30): open(f'f{n}', 'wb').write(b'x' * (1 << 20))\nwhile 1: pass", "disk"),
        ("for n in range(9): open(f'{T}/{n}', 'wb').write(b'x' * (1 << 20))\nwhile 1: pass", "disk"),
    ],
)  # fmt: skip
async def test_limits_are_held(base: Path, workspace: Path, code: str, reason: str) -> None:
    limits = SandboxLimits(
        memory_bytes=100 * MEGABYTE, tasks=20, disk_bytes=10 * MEGABYTE, drained_bytes=MEGABYTE,
        scratch_bytes=5 * MEGABYTE,
    )  # fmt: skip
    result = await UnsafeSandbox(base, limits).run_python(
        f"import os; T = os.environ['TMPDIR']\n{code}", workspace, 1 if reason == "timeout" else 20
    )
    assert (result.reason, result.exit, result.signal) == (reason, None, 9)


@pytest.mark.parametrize("how", ["start_new_session=True", "preexec_fn=lambda: os.fork() and os._exit(0)"])
async def test_nothing_survives(bare: UnsafeSandbox, workspace: Path, how: str) -> None:
    mark = f"{86400 + hash(how) % 1000}.{time.monotonic_ns()}"
    code = f"import os, subprocess; subprocess.Popen(['sleep', '{mark}'], {how})"
    assert (await bare.run_python(code, workspace, 10)).exit == 0
    assert await no_process_with(mark)


async def test_cancelling_ends_all(bare: UnsafeSandbox, workspace: Path) -> None:
    mark = f"86400.{time.monotonic_ns()}"
    run = asyncio.create_task(
        bare.run(ExecRequest(argv=("sh", "-c", f"sleep {mark} & sleep {mark}"), workspace=workspace))
    )
    assert await becomes_true(lambda: processes_with(mark) != [], 5)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await no_process_with(mark)


async def test_started_program_can_be_talked_to(bare: UnsafeSandbox, workspace: Path) -> None:
    process = await bare.start(ExecRequest(argv=("cat",), workspace=workspace))
    await process.write(b"hello")
    piece = await process.read()
    assert piece is not None
    assert piece.data == b"hello"
    assert (await process.kill()).signal == 9
