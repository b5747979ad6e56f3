"""The tier ``strong``: its configuration as a value; where gVisor is installed, real runs and their certain end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from sale_tui.errors import ConfigurationFault, NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox import census
from sale_tui.sandbox.check import STRONG_PROBES, self_test
from sale_tui.sandbox.detect import try_sandbox
from sale_tui.sandbox.gvisor import GvisorSandbox, configuration
from sale_tui.sandbox.launched import ENVIRONMENT
from sale_tui.sandbox.place import Place
from sale_tui.settings import load_settings
from sale_tui.types import MEGABYTE, SandboxLimits
from tests.unit.sandbox.test_bubblewrap import becomes_true, processes_with

pytestmark = pytest.mark.sandbox
INSTALLED = shutil.which("runsc") is not None
ABSENT = "the strong sandbox was asked for and gVisor is not installed; type: "
KILLED_APP = """
import asyncio, sys
from pathlib import Path
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.gvisor import GvisorSandbox
async def main():
    sandbox = GvisorSandbox(Path(sys.argv[1]))
    argv = ("sh", "-c", "echo up; setsid sleep 600")
    program = await sandbox.start(ExecRequest(argv=argv, workspace=Path(sys.argv[2]), timeout_seconds=600))
    print((await program.read()).data, flush=True)
    await program.wait()
asyncio.run(main())
"""


@pytest.fixture
def den(shown: Path) -> Path:
    """A folder of workspaces that no other test uses."""
    return shown


@pytest.fixture
def work(den: Path) -> Path:
    folder = den / "work"
    folder.mkdir(mode=0o700)
    return folder


def made(tmp_path: Path, **given: Any) -> dict[str, Any]:
    request = ExecRequest(argv=("python3", "-c", "1"), workspace=tmp_path, **given)
    return configuration(request, Place(tmp_path), "/usr/bin", "/opt/py/bin/python3", SandboxLimits(), 30)


def test_the_workspace_is_bound_last_and_nothing_lies_below_it(tmp_path: Path) -> None:
    mounts = made(tmp_path, readable=(Path("/srv/books"),))["mounts"]
    assert mounts[-1] == {
        "destination": "/workspace",
        "type": "bind",
        "source": str(tmp_path),
        "options": ["rbind", "rw", "nosuid", "nodev"],
    }
    assert [mount["destination"] for mount in mounts if mount["destination"].startswith("/workspace")] == ["/workspace"]


def test_all_else_of_this_machine_is_read_only(tmp_path: Path) -> None:
    config = made(tmp_path, readable=(Path("/srv/books"),), read_only=True)
    binds = {mount["destination"]: mount for mount in config["mounts"] if mount["type"] == "bind"}
    assert {"/usr", "/opt/py", "/srv/books", "/workspace"} <= set(binds)
    assert all(mount["options"] == ["rbind", "ro", "nosuid", "nodev"] for mount in binds.values())
    assert config["root"] == {"path": "root", "readonly": True}
    etc = {name for name in binds if name.startswith("/etc")}
    assert etc <= {"/etc/alternatives", "/etc/ssl/certs"}


def test_file_systems_in_memory_are_bounded(tmp_path: Path) -> None:
    mounts = {mount["destination"]: mount for mount in made(tmp_path)["mounts"]}
    for folder in ("/tmp", "/dev/shm"):
        assert mounts[folder]["type"] == "tmpfs"
        assert f"size={64 * MEGABYTE}" in mounts[folder]["options"]
    assert mounts["/proc"]["type"] == "proc"


def test_the_program_has_no_rights_and_a_clean_environment(tmp_path: Path) -> None:
    process = made(tmp_path, environment={"MORE": "1"})["process"]
    assert process["noNewPrivileges"] is True
    assert set(process["capabilities"]) == {"bounding", "effective", "inheritable", "permitted", "ambient"}
    assert not any(process["capabilities"].values())
    assert {pair.partition("=")[0] for pair in process["env"]} == {*ENVIRONMENT, "MORE"}
    bounds = {each["type"]: (each["soft"], each["hard"]) for each in process["rlimits"]}
    assert bounds["RLIMIT_FSIZE"] == (64 * MEGABYTE, 64 * MEGABYTE)
    assert bounds["RLIMIT_CORE"] == (0, 0)
    assert bounds["RLIMIT_NOFILE"] == (256, 256)
    assert process["args"] == ["python3", "-c", "1"]


def test_bits_that_would_stay_on_files_of_this_machine_are_refused(tmp_path: Path) -> None:
    rules = made(tmp_path)["linux"]["seccomp"]["syscalls"]
    for name, argument in {"chmod": 1, "fchmod": 1, "fchmodat": 2, "openat": 3}.items():
        bits = [rule["args"][0] for rule in rules if rule["names"] == [name]]
        assert {(bit["index"], bit["value"], bit["op"]) for bit in bits} == {
            (argument, 0o4000, "SCMP_CMP_MASKED_EQ"),
            (argument, 0o2000, "SCMP_CMP_MASKED_EQ"),
        }
    assert any("mknod" in rule["names"] and "args" not in rule for rule in rules)


def test_a_setting_can_ask_for_it_and_for_nothing_weaker(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    assert load_settings(file, {}, {}).sandbox == ""
    assert load_settings(file, {}, {"SALE_TUI_SANDBOX": "strong"}).sandbox == "strong"
    for weaker in ("none", "unsafe", "reduced", "full"):
        with pytest.raises(ConfigurationFault):
            load_settings(file, {}, {"SALE_TUI_SANDBOX": weaker})


async def test_where_it_is_missing_nothing_else_is_given(
    den: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox, verdict = await try_sandbox(den, accepted=True, wanted="strong")
    assert sandbox.tier == "none"
    assert sandbox.advice.startswith(ABSENT)
    assert "\n" not in sandbox.advice
    assert not verdict.passed
    with pytest.raises(NoSandbox):
        await sandbox.run_python("print(1)", work, 10)


async def test_a_runsc_that_only_runs_its_command_is_found_out(den: Path, shown: Path) -> None:
    fake = shown / "runsc"
    fake.write_text("#!/usr/bin/python3\nimport json, os, sys\nbundle = sys.argv[sys.argv.index('--bundle') + 1]\n"
                    "args = json.load(open(bundle + '/config.json'))['process']['args']\n"
                    "os.execv(args[0], [args[0], '-B', os.path.join(bundle, 'root', 'run', 'main.py')])\n")  # fmt: skip
    fake.chmod(0o755)
    verdict = await self_test(GvisorSandbox(den, runsc=str(fake)))
    assert not verdict.passed


async def test_this_machine_has_it_or_says_what_to_type(den: Path, work: Path) -> None:
    sandbox, verdict = await try_sandbox(den, wanted="strong")
    if not INSTALLED:
        assert (sandbox.tier, verdict.passed) == ("none", False)
        assert sandbox.advice.startswith(ABSENT)
        return
    assert (sandbox.tier, len(verdict.held)) == ("strong", STRONG_PROBES)
    ended = await sandbox.run_python("open('made', 'w').write('x'); print(6 * 7)", work, 30)
    assert (ended.stdout, ended.exit, ended.tier) == ("42\n", 0, "strong")
    assert (work / "made").read_text() == "x"


async def held(den: Path, limits: SandboxLimits | None = None) -> GvisorSandbox | None:
    """The sandbox, or, where gVisor is absent, None once it was refused."""
    if INSTALLED:
        return GvisorSandbox(den, limits)
    with pytest.raises(NoSandbox, match="not installed"):
        GvisorSandbox(den, limits)
    return None


LIMITED = {
    "memory": "x = []\nwhile True: x.append(bytearray(b'a') * 8_000_000)",
    "tasks": "import os\nwhile True: os.fork()",
    "disk": "import signal\nfor i in range(4): open(str(i), 'wb').write(b'a' * 10_000_000)\nsignal.pause()",
    "output": "while True: print('y' * 100_000)",
    "timeout": "import os, signal\nif os.fork() == 0: os.setsid()\nsignal.pause()",
}


@pytest.mark.parametrize("reason", LIMITED)
async def test_limits_end_all_of_it(den: Path, work: Path, reason: str) -> None:
    limits = SandboxLimits(memory_bytes=256 * MEGABYTE, disk_bytes=20 * MEGABYTE, drained_bytes=MEGABYTE)
    sandbox = await held(den, limits)
    if sandbox is not None:
        ended = await sandbox.run_python(LIMITED[reason], work, 4 if reason == "timeout" else 60)
        assert (ended.reason, ended.exit) == (reason, None)
    assert processes_with(f"{den}/bundle-") == []
    assert list(den.glob("bundle-*")) == []


async def test_input_output_and_status_are_passed_on(den: Path, work: Path) -> None:
    sandbox = await held(den)
    if sandbox is None:
        return
    request = ExecRequest(argv=("sh", "-c", "cat; echo no >&2; exit 7"), workspace=work, stdin=b"abc")
    ended = await sandbox.run(request)
    assert (ended.stdout, ended.stderr, ended.exit, ended.reason) == ("abc", "no\n", 7, None)
    assert list(den.glob("bundle-*")) == []


async def test_long_output_is_whole(den: Path, work: Path) -> None:
    sandbox = await held(den)
    if sandbox is not None:
        ended = await sandbox.run_python("print('x' * 900_000)", work, 30)
        assert sandbox.limits.kept_bytes + ended.truncated == 900_001


async def test_the_network_is_refused(den: Path, work: Path) -> None:
    sandbox = await held(den)
    if sandbox is not None:
        with pytest.raises(NoSandbox, match="no network"):
            await sandbox.run(ExecRequest(argv=("true",), workspace=work, net=True))


@pytest.mark.parametrize("whom", ["sale-tui", "keeper", "runsc", "runsc-sandbox", "runsc-gofer"])
async def test_whoever_is_killed_nothing_survives(den: Path, work: Path, whom: str) -> None:
    if await held(den) is None:
        return
    app = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED_APP, str(den), str(work)), stdout=asyncio.subprocess.PIPE
    )
    assert app.stdout is not None
    assert await app.stdout.readline() == b"b'up\\n'\n"
    tree = census.tree(app.pid)
    assert len(tree) > 5
    words = {"keeper": "-I\0-S\0-B\0-c\0", "runsc": "\0run\0--bundle\0"}.get(whom, f"{whom}\0")
    victim = app.pid if whom == "sale-tui" else next(pid for pid in tree[1:] if pid in processes_with(words))
    os.kill(victim, signal.SIGKILL)
    await app.wait()
    assert await becomes_true(lambda: alive(tree) == [], 10)
    assert processes_with(f"{den}/bundle-") == []


def alive(pids: list[int]) -> list[int]:
    """Those that still run."""
    return [pid for pid in pids if state(pid) not in "ZX"]


def state(pid: int) -> str:
    """As /proc tells it in one letter; X for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
