"""The tier without namespaces: it holds, every layer of it is missed where it is gone, and nobody gets it unasked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.check import REDUCED_PROBES, self_test
from sale_tui.sandbox.detect import ACCEPT, choose_sandbox, try_sandbox
from sale_tui.sandbox.kept import encoded
from sale_tui.sandbox.landlock import HANDLED, WRITE, abi
from sale_tui.sandbox.launched import ENVIRONMENT
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.reduced import ReducedSandbox
from sale_tui.sandbox.seccomp import program
from sale_tui.types import MEGABYTE, SandboxLimits
from tests.unit.sandbox.test_bubblewrap import no_process_with, processes_with

pytestmark = pytest.mark.sandbox


@pytest.fixture
def reduced(base: Path) -> ReducedSandbox:
    return ReducedSandbox(base)


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


async def test_self_test_tells_what_held(shown: Path) -> None:
    verdict = await self_test(ReducedSandbox(shown))
    assert verdict.passed, verdict
    assert len(verdict.held) == REDUCED_PROBES
    assert list(shown.iterdir()) == []


class Holed(ReducedSandbox):
    """One with a layer less."""

    hole = ""

    def walls(self, request: ExecRequest, place: Place) -> dict[str, Any]:
        walls = super().walls(request, place)
        files, net, scopes = HANDLED
        outside = (str(self.workspaces), WRITE, True)
        match self.hole:
            case "everything":
                return {}
            case "files":
                return walls | {"handled": (0, net, scopes), "rules": []}
            case "a folder too many":
                return walls | {"rules": [*walls["rules"], outside]}
            case "signals":
                return walls | {"handled": (files, net, 0)}
            case "system calls":
                return walls | {"filter": encoded(b"\x06\x00\x00\x00\x00\x00\xff\x7f")}
            case "system calls of reduced":
                return walls | {"filter": encoded(program())}
        raise AssertionError(self.hole)


HOLES = {
    "everything": "files outside cannot be read",
    "files": "files outside cannot be written",
    "a folder too many": "folders outside cannot be listed",
    "signals": "its keeper gets no signals",
    "system calls": "local services cannot be asked",
    "system calls of reduced": "rights of files outside stay",
}


@pytest.mark.parametrize("hole", HOLES)
async def test_every_missing_layer_is_found_out(base: Path, hole: str) -> None:
    sandbox = Holed(base)
    sandbox.hole = hole
    verdict = await self_test(sandbox)
    assert not verdict.passed
    assert HOLES[hole] in verdict.broken


@pytest.mark.parametrize(
    "wall",
    [
        {"filter": encoded(b"\x00" * 8)},
        {"rules": [("/no/such/folder", WRITE, True)]},
        {"rules": [("/usr", 1 << 40, True)]},
        {"handled": (1 << 40, 3, 3)},
    ],
)
async def test_program_never_runs_where_a_wall_cannot_be_built(
    base: Path, workspace: Path, wall: dict[str, Any]
) -> None:
    class Broken(ReducedSandbox):
        def walls(self, request: ExecRequest, place: Place) -> dict[str, Any]:
            return super().walls(request, place) | wall

    result = await Broken(base).run_python("open('ran', 'w')", workspace, 10)
    assert (result.exit, result.reason) == (None, "crash")
    assert "the sandbox cannot be set up" in result.stderr
    assert list(workspace.iterdir()) == []


async def test_program_sees_the_clean_environment_and_its_folders(reduced: ReducedSandbox, workspace: Path) -> None:
    code = (
        "import asyncio, json, os, tempfile\n"
        "open('made', 'w'); os.rename('made', 'kept'); os.truncate('kept', 3)\n"
        "open(tempfile.mkstemp()[1]); asyncio.run(asyncio.sleep(0))\n"
        "print(json.dumps([os.getcwd(), dict(os.environ)]))"
    )
    result = await reduced.run_python(code, workspace, 10)
    assert (result.exit, result.stderr, result.tier) == (0, "", "reduced")
    folder, environment = json.loads(result.stdout)
    assert folder == environment["PYTHONPATH"] == str(workspace)
    assert set(environment) - {"LC_CTYPE"} == set(ENVIRONMENT)
    assert (workspace / "kept").stat().st_size == 3


async def test_folders_to_read_cannot_be_written(reduced: ReducedSandbox, workspace: Path, shown: Path) -> None:
    (shown / "text").write_text("told")
    script = f"cat {shown}/text; echo no > {shown}/text; echo no > made; echo no > /run/x; chmod 777 {shown}"
    request = ExecRequest(argv=("sh", "-c", script), workspace=workspace, readable=(shown,), read_only=True)
    result = await reduced.run(request)
    assert result.stdout == "told"
    assert ((shown / "text").read_text(), list(workspace.iterdir())) == ("told", [])


async def test_network_is_never_shared(reduced: ReducedSandbox, workspace: Path) -> None:
    with pytest.raises(NoSandbox, match="no network"):
        await reduced.run(ExecRequest(argv=("true",), workspace=workspace, net=True))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "timeout"),
        ("x = [bytearray(1 << 20) for _ in range(150)]\nwhile True: pass", "memory"),
        ("for _ in range(12): os.fork()", "tasks"),
        (
            "for n in range(9): open(f'{os.environ[\"TMPDIR\"]}/{n}', 'wb').write(b'x' * (1 << 20))\nwhile 1: pass",
            "disk",
        ),
    ],
)
async def test_limits_are_held(base: Path, workspace: Path, code: str, reason: str) -> None:
    limits = SandboxLimits(memory_bytes=100 * MEGABYTE, tasks=20, scratch_bytes=5 * MEGABYTE)
    seconds = 1 if reason == "timeout" else 20
    result = await ReducedSandbox(base, limits).run_python(f"import os\n{code}", workspace, seconds)
    assert (result.reason, result.exit, result.signal) == (reason, None, 9)


async def test_nothing_survives(reduced: ReducedSandbox, workspace: Path) -> None:
    mark = f"86400.{time.monotonic_ns()}"
    code = (
        "import os, subprocess\n"
        "for leave in (os.setsid, lambda: os.setpgid(0, 0)):\n"
        "    try: leave()\n"
        "    except PermissionError: print('kept')\n"
        f"subprocess.Popen(['sleep', '{mark}'], preexec_fn=lambda: os.fork() and os._exit(0))"
    )
    result = await reduced.run_python(code, workspace, 10)
    assert (result.stdout, result.exit) == ("kept\nkept\n", 0)
    assert await no_process_with(mark)
    assert processes_with(mark) == []


@pytest.mark.usefixtures("without_bubblewrap")
async def test_it_is_not_given_out_unasked(base: Path, workspace: Path) -> None:
    sandbox, verdict = await try_sandbox(base)
    assert (sandbox.tier, verdict.passed) == ("none", False)
    assert "bubblewrap is not installed; type: sudo " in sandbox.advice
    assert sandbox.advice.endswith(ACCEPT)
    with pytest.raises(NoSandbox):
        await sandbox.run_python("print(1)", workspace, 10)


@pytest.mark.usefixtures("without_bubblewrap")
async def test_accepted_it_stands_in_for_full(base: Path, workspace: Path) -> None:
    sandbox = await choose_sandbox(base, accepted=True)
    assert sandbox.tier == "reduced"
    assert "bubblewrap is not installed" in sandbox.advice
    assert (await sandbox.run_python("print(1)", workspace, 10)).stdout == "1\n"


async def test_full_goes_before_it(base: Path) -> None:
    assert (await choose_sandbox(base, accepted=True)).tier == "full"


async def test_asked_for_by_name_it_still_has_to_be_accepted(base: Path) -> None:
    sandbox, verdict = await try_sandbox(base, wanted="reduced")
    assert (sandbox.tier, verdict.passed) == ("none", True)
    assert ACCEPT in sandbox.advice
    assert (await try_sandbox(base, wanted="reduced", accepted=True))[0].tier == "reduced"


@pytest.mark.usefixtures("without_bubblewrap")
async def test_full_asked_for_by_name_is_full_or_none(base: Path) -> None:
    sandbox, _ = await try_sandbox(base, wanted="full", accepted=True)
    assert sandbox.tier == "none"
    assert ACCEPT not in sandbox.advice


def test_old_landlock_is_refused(base: Path) -> None:
    with pytest.raises(NoSandbox, match=f"version {abi()} here, {abi() + 1} is needed"):
        ReducedSandbox(base, least_abi=abi() + 1)


@pytest.mark.parametrize("answer", ["", "echo '{}'", "echo '{}'; exit 1"])
async def test_python_that_runs_nothing_is_found_out(base: Path, shown: Path, answer: str) -> None:
    python = shown / "python"
    python.write_text(f"#!/bin/sh\n{answer}\n")
    python.chmod(0o755)
    sandbox = ReducedSandbox(base)
    sandbox.python = str(python)
    assert not (await self_test(sandbox)).passed
