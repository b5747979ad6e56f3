from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.launched import ENVIRONMENT, SPARE_TASKS, WORKSPACE
from sale_tui.sandbox.place import Place
from sale_tui.types import MEGABYTE, SandboxLimits

pytestmark = pytest.mark.sandbox


FORKS = """
import os, signal
for count in range(500):
    if os.fork() == 0:
        signal.pause()
    os.write(1, b'%d\\n' % count)
"""
THREADS = """
import os, signal, threading
for count in range(500):
    threading.Thread(target=signal.pause, daemon=True).start()
    os.write(1, b'%d\\n' % count)
"""


def processes_with(token: str) -> list[int]:
    """Live processes of this machine whose command line holds a token."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if token.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found


async def becomes_true(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def no_process_with(token: str) -> bool:
    """Within 300 ms at the latest."""
    return await becomes_true(lambda: processes_with(token) == [], 0.3)


def family(token: str) -> str:
    """A program that starts another, and waits for ever; both are known by the token."""
    return (
        "import signal, subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause() # {token}'])\n"
        "signal.pause()\n"
    )


async def test_prints_back(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await sandbox.run_python("print('héllo', 6 * 7)", workspace, 10)
    assert (result.stdout, result.stderr, result.exit, result.reason) == ("héllo 42\n", "", 0, None)
    assert result.tier == "full"
    assert 0 < result.wall_s < 10


async def test_errors_come_back(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await sandbox.run_python("print('before'); 1/0", workspace, 10)
    assert result.exit == 1
    assert result.stdout == "before\n"
    assert result.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("code", ["print('\ud800')", "\0", "x" * 300_000, "# coding: nonsense"])
async def test_odd_programs_are_only_programs(sandbox: BubblewrapSandbox, workspace: Path, code: str) -> None:
    result = await sandbox.run_python(code, workspace, 10)
    assert result.reason is None
    assert result.exit in (0, 1)


async def test_files_stay_between_runs(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    await sandbox.run_python("open('kept.txt', 'w').write('kept')", workspace, 10)
    result = await sandbox.run_python("print(open('/workspace/kept.txt').read())", workspace, 10)
    assert result.stdout == "kept\n"
    assert (workspace / "kept.txt").read_text() == "kept"


async def test_modules_of_the_workspace_can_be_imported(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    await sandbox.run_python("open('mine.py', 'w').write('answer = 42')", workspace, 10)
    assert (await sandbox.run_python("import mine; print(mine.answer)", workspace, 10)).stdout == "42\n"


async def test_endless_loop_is_stopped_in_time(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await sandbox.run_python("print('begun')\nwhile True: pass", workspace, 0.5)
    assert (result.exit, result.reason) == (None, "timeout")
    assert result.stdout == "begun\n"
    assert 0.5 <= result.wall_s < 1.5


@pytest.mark.parametrize("code", ["import os\nwhile True: os.fork()", FORKS, THREADS])
async def test_fork_bomb_is_stopped(sandbox: BubblewrapSandbox, workspace: Path, code: str) -> None:
    result = await sandbox.run_python(code, workspace, 20)
    refused = ("Resource temporarily unavailable", "can't start new thread")
    assert result.reason == "tasks" or any(words in result.stderr for words in refused), result
    assert result.wall_s < 10
    counts = [int(word) for word in result.stdout.split()]
    assert max(counts, default=0) <= sandbox.limits.tasks + SPARE_TASKS


async def test_bomb_that_goes_on_is_told_as_the_reason(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    result = await sandbox.run_python(bomb, workspace, 20)
    assert (result.reason, result.exit, result.signal) == ("tasks", None, 9)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_flood_of_output_is_capped(sandbox: BubblewrapSandbox, workspace: Path, stream: str) -> None:
    code = f"import sys\nsys.{stream}.write('first')\nwhile True: sys.{stream}.write('x' * 65536)"
    result = await sandbox.run_python(code, workspace, 20)
    text = getattr(result, stream)
    assert result.reason == "output"
    assert text.startswith("first")
    assert len(text) < sandbox.limits.kept_bytes + 100
    assert f"[... {result.truncated} bytes cut ...]" in text
    assert result.truncated > sandbox.limits.drained_bytes - sandbox.limits.kept_bytes


async def test_long_output_keeps_head_and_tail(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await sandbox.run_python("print('head' + 'x' * 1_000_000 + 'tail')", workspace, 10)
    assert result.stdout.startswith("headx")
    assert result.stdout.endswith("xtail\n")
    assert result.truncated == 1_000_009 - sandbox.limits.kept_bytes
    assert result.exit == 0


async def test_memory_of_all_processes_is_bounded(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(memory_bytes=96 * MEGABYTE))
    code = "import os, signal\nfor _ in range(3): os.fork()\nheld = b'x' * (40 * 1024 * 1024)\nsignal.pause()"
    result = await sandbox.run_python(code, workspace, 20)
    assert result.reason == "memory"
    assert result.wall_s < 10


@pytest.mark.parametrize(("step", "reason"), [(1, "memory"), (600, None)])
async def test_memory_of_one_process_is_bounded(base: Path, workspace: Path, step: int, reason: str | None) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(memory_bytes=96 * MEGABYTE))
    code = f"import signal\nheld = [b'x' * ({step} * 1024 * 1024) for _ in range(200)]\nsignal.pause()"
    result = await sandbox.run_python(code, workspace, 20)
    assert result.reason == reason
    assert reason or result.stderr.rstrip().endswith("MemoryError")


@pytest.mark.parametrize(("limit", "reason"), [("XFSZ", "disk"), ("XCPU", None), ("SYS", "policy"), ("TERM", None)])
async def test_bounds_of_the_kernel_are_reasons(
    sandbox: BubblewrapSandbox, workspace: Path, limit: str, reason: str | None
) -> None:
    result = await sandbox.run(ExecRequest(argv=("sh", "-c", f"kill -{limit} $$"), workspace=workspace))
    # A signal of the time limit that comes before that time is the program's own.
    assert result.reason == reason
    assert result.signal is not None


async def test_files_are_bounded(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(file_bytes=MEGABYTE, disk_bytes=8 * MEGABYTE))
    result = await sandbox.run_python("open('big', 'wb').write(b'x' * 3_000_000)", workspace, 20)
    assert result.exit == 1
    assert "File too large" in result.stderr
    many = "n = 0\nwhile True:\n    open(str(n), 'wb').write(b'x' * 1_000_000)\n    n += 1"
    result = await sandbox.run_python(many, workspace, 20)
    assert result.reason == "disk"


def hidden() -> list[str]:
    return [
        str(Path("~root").expanduser()),
        "/etc/shadow",
        "/etc/hostname",
        "/home",
        "/var",
        "/sys",
        "/boot",
        str(Path.home()),
        str(Path.cwd()),
    ]


@pytest.mark.parametrize("path", hidden())
async def test_nothing_outside_is_there(sandbox: BubblewrapSandbox, workspace: Path, path: str) -> None:
    result = await sandbox.run_python(f"import os; print(os.path.lexists({path!r}))", workspace, 10)
    assert result.stdout == "False\n"


async def test_no_file_outside_is_read_or_written(sandbox: BubblewrapSandbox, workspace: Path, shown: Path) -> None:
    canary = shown / "canary"
    canary.write_text("secret")
    canary.chmod(0o666)
    (workspace / "link").symlink_to(canary)
    up = "root"  # of a process: what it sees as /
    code = f"""
for path in ({str(canary)!r}, "link", "../{shown.name}/canary", "/proc/1/{up}{canary}", "/proc/self/{up}{canary}"):
    for mode in ("r", "r+", "w"):
        try:
            with open(path, mode) as file:
                print(path, mode, file.read() if mode != "w" else file.write("broken"))
        except OSError:
            pass
"""
    result = await sandbox.run_python(code, workspace, 10)
    assert "secret" not in result.stdout
    assert canary.read_text() == "secret"


@pytest.mark.parametrize(
    "path", ["/usr/x", "/x", "/etc/x", "/run/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/run/main.py"]
)
async def test_nothing_but_the_workspace_can_be_written(sandbox: BubblewrapSandbox, workspace: Path, path: str) -> None:
    result = await sandbox.run_python(f"open({path!r}, 'w').write('x')", workspace, 10)
    assert result.exit == 1
    assert not Path("/x").exists()


async def test_environment_is_clean(
    sandbox: BubblewrapSandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = secrets.token_hex(8)
    monkeypatch.setenv("SECRET_TOKEN", token)
    code = """
import glob, json, os
texts = []
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
    texts.append(open(path, "rb").read().decode())
print(json.dumps([sorted(os.environ), texts]))
"""
    names, texts = json.loads((await sandbox.run_python(code, workspace, 10)).stdout)
    assert set(names) <= {*ENVIRONMENT, "PWD", "LC_CTYPE"}
    assert len(texts) >= 4
    assert token not in "".join(texts)
    assert str(workspace) not in "".join(texts)


async def test_host_is_not_reached(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    visits = 0

    def visit(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        writer.close()

    async with await asyncio.start_server(visit, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, own = await asyncio.open_connection("127.0.0.1", port)
        own.close()
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)"
        result = await sandbox.run_python(code, workspace, 10)
    assert "ConnectionRefusedError" in result.stderr
    assert visits == 1


async def test_ordinary_programs_work(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = """
import asyncio, http.server, multiprocessing, sqlite3, subprocess, tempfile, threading, urllib.request
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.handle_request).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
assert sqlite3.connect("x.db").execute("select 1").fetchone() == (1,)
assert subprocess.run(["sh", "-c", "echo hi"], capture_output=True).stdout == b"hi\\n"
tempfile.NamedTemporaryFile().write(b"x")
asyncio.run(asyncio.sleep(0))
print("fine")
"""
    result = await sandbox.run_python(code, workspace, 20)
    assert result.stdout == "fine\n", result.stderr


async def test_status_is_never_taken_from_output(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = """
import os, sys
for fd in range(1, 64):
    try:
        os.write(fd, b'{ "exit-code": 0 }\\n{ "child-pid": 1 }\\n')
    except OSError:
        pass
os._exit(3)
"""
    assert (await sandbox.run_python(code, workspace, 10)).exit == 3


async def test_signals_are_told(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await sandbox.run_python("import os; os.kill(os.getpid(), 11)", workspace, 10)
    assert result.signal == signal.SIGSEGV


async def test_child_that_holds_the_output_is_not_waited_for(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = "import os, signal\nprint('done', flush=True)\nif os.fork() == 0: os.setsid(); signal.pause()"
    result = await sandbox.run_python(code, workspace, 20)
    assert (result.stdout, result.exit) == ("done\n", 0)
    assert result.wall_s < 5


async def test_cancelled_leaves_no_process(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    token = secrets.token_hex(8)
    run = asyncio.create_task(sandbox.run_python(family(token), workspace, 60))
    assert await becomes_true(lambda: len(processes_with(token)) > 0, 10)
    run.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert processes_with(token) == []
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.005, 0.01, 0.02])
async def test_cancelled_at_once_leaves_no_process(base: Path, workspace: Path, shown: Path, wait: float) -> None:
    token = secrets.token_hex(8)
    # By this name bubblewrap's own processes are known, too.
    (shown / token).symlink_to(shutil.which("bwrap") or "")
    sandbox = BubblewrapSandbox(base, bwrap=str(shown / token))
    run = asyncio.create_task(sandbox.run_python(family(token), workspace, 60))
    await asyncio.sleep(wait)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await no_process_with(token)


async def test_cancelled_again_and_again_leaves_nothing(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    await sandbox.run_python("pass", workspace, 10)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for wait in (0.0, 0.003, 0.02, 0.1):
        token = secrets.token_hex(8)
        run = asyncio.create_task(sandbox.run_python(family(token), workspace, 60))
        await asyncio.sleep(wait)
        while not run.done():
            run.cancel()
            await asyncio.sleep(0.0005)
        assert run.cancelled()
        assert await no_process_with(token)
    assert await becomes_true(lambda: len(list(Path("/proc/self/fd").iterdir())) == before, 1)


async def test_nothing_outlives_a_killed_app(base: Path, workspace: Path) -> None:
    token = secrets.token_hex(8)
    app = f"""
import asyncio
from pathlib import Path
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.place import Place
from sale_tui.types import MEGABYTE, SandboxLimits
code = {family("TOKEN")!r}.replace("TOKEN", {token[:8]!r} + {token[8:]!r})
asyncio.run(BubblewrapSandbox(Path({str(base)!r})).run_python(code, Path({str(workspace)!r}), 60))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", app)
    try:
        assert await becomes_true(lambda: len(processes_with(token)) > 0, 10)
    finally:
        process.kill()
        await process.wait()
    assert await no_process_with(token)


async def test_runs_at_once_do_not_meet(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    folders = [workspace.with_name(f"{workspace.name}-{number}") for number in range(4)]
    for folder in folders:
        folder.mkdir(mode=0o700)
    try:
        code = "import os; open('mine', 'w').write('x'); print(os.listdir('.'), len(os.listdir('..')))"
        results = await asyncio.gather(*(sandbox.run_python(code, folder, 20) for folder in folders))
    finally:
        for folder in folders:
            (folder / "mine").unlink(missing_ok=True)
            folder.rmdir()
    assert {result.stdout for result in results} == {results[0].stdout}
    assert results[0].stdout.startswith("['mine']")


async def test_runs_leave_no_descriptor(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    await sandbox.run_python("pass", workspace, 10)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for timeout in (10, 10, 0.05):
        await sandbox.run_python("import signal; signal.pause()" if timeout < 1 else "pass", workspace, timeout)
    await asyncio.sleep(0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_only_workspaces_are_bound(sandbox: BubblewrapSandbox, workspace: Path, tmp_path: Path) -> None:
    (workspace / "out").symlink_to(tmp_path)
    for folder in (
        tmp_path,
        Path("/"),
        Path("/etc"),
        workspace / "out",
        workspace / "missing",
        sandbox.workspaces / "..",
    ):
        with pytest.raises(NoSandbox):
            await sandbox.run_python("print(1)", folder, 10)


def test_nothing_is_mounted_below_the_workspace(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    data = {"/main.py": 3, "passwd": 4, "group": 5, "hosts": 6, "filter": 7}
    request = ExecRequest(argv=("true",), workspace=workspace, files={"main.py": b""}, readable=(Path("/opt"),))
    options = list(sandbox.options(request, Place(workspace), data))
    bound = options.index(str(workspace))
    assert options[bound - 1 :][:5] == ["--bind", str(workspace), WORKSPACE, "--chdir", WORKSPACE]
    assert not {"--bind", "--dir", "--file", "--symlink", "--tmpfs"} & set(options[bound:])
    assert not any(option.startswith(f"{WORKSPACE}/") for option in options)
    assert not any(option.endswith("-try") and option.startswith("--unshare") for option in options)
    assert "--unshare-all" not in options
