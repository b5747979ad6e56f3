"""Any program as a whole (``run``), and one that is talked to (``start``)."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import msgspec
import pytest

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, SandboxedProcess
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.types import MEGABYTE, SandboxLimits
from tests.unit.sandbox.test_bubblewrap import becomes_true, family, no_process_with, processes_with

pytestmark = pytest.mark.sandbox

ECHO = "import sys\nfor line in sys.stdin: print('heard', line.strip(), flush=True)"


async def read_until(process: SandboxedProcess, words: bytes) -> bytes:
    heard = b""
    async with asyncio.timeout(10):
        while words not in heard:
            piece = await process.read()
            assert piece is not None, heard
            heard += piece.data
    return heard


@pytest.mark.parametrize(
    "arguments", [("$HOME", "`id`", "; rm *", "", "--", "-n", "a\nb", "%s", "é"), ("\udcff\udc80",), ("x" * 100_000,)]
)
async def test_arguments_are_literal(sandbox: BubblewrapSandbox, workspace: Path, arguments: tuple[str, ...]) -> None:
    code = "import os, sys; print([os.fsencode(part) for part in sys.argv[1:]])"
    result = await sandbox.run(ExecRequest(argv=("python3", "-c", code, *arguments), workspace=workspace))
    assert result.stdout == f"{[part.encode('utf-8', 'surrogateescape') for part in arguments]}\n", result


@pytest.mark.parametrize("argv", [(), ("",), ("missing",), ("a\0b",), ("/etc/passwd",), ("-x",)])
async def test_no_such_program_is_told(sandbox: BubblewrapSandbox, workspace: Path, argv: tuple[str, ...]) -> None:
    request = ExecRequest(argv=argv, workspace=workspace)
    if not argv or "\0" in argv[0]:
        with pytest.raises(NoSandbox):
            await sandbox.run(request)
        return
    result = await sandbox.run(request)
    assert result.exit in (126, 127)
    assert result.stdout == ""


async def test_input_is_read_to_its_end(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    data = secrets.token_bytes(300_000)
    result = await sandbox.run(ExecRequest(argv=("md5sum",), workspace=workspace, stdin=data))
    again = await sandbox.run(
        ExecRequest(argv=("python3", "-c", "open('got', 'wb').write(open(0, 'rb').read())"), workspace=workspace,
                    stdin=data)
    )  # fmt: skip
    assert (result.exit, again.exit) == (0, 0)
    assert (workspace / "got").read_bytes() == data
    assert (await sandbox.run(ExecRequest(argv=("cat",), workspace=workspace))).stdout == ""


async def test_input_cannot_be_written(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = """
import os
for how in (lambda: 0, lambda: os.open('/proc/self/fd/0', os.O_RDWR)):
    try:
        os.write(how(), b'x')
        print('written')
    except OSError:
        print('refused')
print(os.read(0, 9))
"""
    result = await sandbox.run(ExecRequest(argv=("python3", "-c", code), workspace=workspace, stdin=b"abc"))
    assert result.stdout == "refused\nrefused\nb'abc'\n"


async def test_workspace_can_be_shown_alone(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    (workspace / "here").write_text("seen")
    request = ExecRequest(argv=("sh", "-c", "cat here; echo x > here; rm here"), workspace=workspace, read_only=True)
    result = await sandbox.run(request)
    assert (result.stdout, result.exit) == ("seen", 1)
    assert "Read-only file system" in result.stderr
    assert (workspace / "here").read_text() == "seen"


async def test_files_and_folders_can_be_shown(sandbox: BubblewrapSandbox, workspace: Path, shown: Path) -> None:
    (shown / "library.py").write_text("answer = 42")
    (shown / "library.py").chmod(0o644)
    request = ExecRequest(
        argv=("python3", "-B", "/run/tool.py"),
        workspace=workspace,
        files={"tool.py": b"import library, os; print(library.answer, os.environ['MODE'])"},
        readable=(shown,),
        environment={"PYTHONPATH": str(shown), "MODE": "x"},
    )
    assert (await sandbox.run(request)).stdout == "42 x\n"
    code = f"open({str(shown / 'library.py')!r}, 'w')"
    spoilt = await sandbox.run(ExecRequest(argv=("python3", "-c", code), workspace=workspace, readable=(shown,)))
    assert "Read-only file system" in spoilt.stderr


@pytest.mark.parametrize(
    "folder", ["/", "/proc", "/dev/shm", "/tmp", "/etc", "/run", "/workspace/x", "here", "/a/../b"]
)
async def test_some_folders_are_never_shown(sandbox: BubblewrapSandbox, workspace: Path, folder: str) -> None:
    with pytest.raises(NoSandbox):
        await sandbox.run(ExecRequest(argv=("true",), workspace=workspace, readable=(Path(folder),)))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/x", "a\0b"])
async def test_names_of_files_are_plain(sandbox: BubblewrapSandbox, workspace: Path, name: str) -> None:
    with pytest.raises(NoSandbox):
        await sandbox.run(ExecRequest(argv=("true",), workspace=workspace, files={name: b""}))


async def test_limits_of_one_run(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    limits = SandboxLimits(file_bytes=MEGABYTE)
    code = "open('big', 'wb').write(b'x' * 3_000_000)"
    request = ExecRequest(argv=("python3", "-c", code), workspace=workspace, limits=limits, timeout_seconds=7)
    result = await sandbox.run(request)
    assert "File too large" in result.stderr
    assert result.limits == msgspec.structs.replace(limits, seconds=7)


async def test_host_is_reached_where_the_user_says_so(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    def visit(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        writer.close()

    async with await asyncio.start_server(visit, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code = f"import socket\nprint(socket.create_connection(('127.0.0.1', {port}), 2).recv(9))"
        request = ExecRequest(argv=("python3", "-c", code), workspace=workspace, net=True)
        assert (await sandbox.run(request)).stdout == "b'welcome'\n"


async def test_program_can_be_talked_to(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    process = await sandbox.start(ExecRequest(argv=("python3", "-c", ECHO), workspace=workspace))
    for word in (b"one", b"two"):
        await process.write(word + b"\n")
        assert await read_until(process, word + b"\n") == b"heard " + word + b"\n"
    await process.close_input()
    assert await process.read() is None
    result = await process.wait()
    assert (result.exit, result.reason, result.stdout) == (0, None, "")
    assert await process.kill() == result
    with pytest.raises(BrokenPipeError):
        await process.write(b"three")


async def test_streams_are_told_apart(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    process = await sandbox.start(ExecRequest(argv=("sh", "-c", "echo out; echo err >&2"), workspace=workspace))
    pieces = []
    while (piece := await process.read()) is not None:
        pieces.append((piece.stream, piece.data))
    assert sorted(pieces) == [("stderr", b"err\n"), ("stdout", b"out\n")]
    assert (await process.wait()).exit == 0


async def test_output_waits_for_its_reader(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = "import os\nfor _ in range(8): os.write(1, b'x' * 500_000)\nprint('end')"
    process = await sandbox.start(ExecRequest(argv=("python3", "-c", code), workspace=workspace))
    assert (await read_until(process, b"end")).count(b"x") == 4_000_000
    assert (await process.wait()).reason is None


async def test_flood_without_an_answer_is_stopped(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(drained_bytes=MEGABYTE))
    process = await sandbox.start(ExecRequest(argv=("yes",), workspace=workspace))
    while await process.read() is not None:
        pass
    assert (await process.wait()).reason == "output"


async def test_answers_make_room_for_more_output(base: Path, workspace: Path) -> None:
    sandbox = BubblewrapSandbox(base, SandboxLimits(drained_bytes=MEGABYTE))
    code = "import sys\nfor line in sys.stdin: print('x' * 700_000, 'end', flush=True)"
    process = await sandbox.start(ExecRequest(argv=("python3", "-c", code), workspace=workspace))
    for _ in range(3):
        await process.write(b"more\n")
        await read_until(process, b"end")
    assert (await process.kill()).reason is None


async def test_started_program_ends_at_its_time(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    process = await sandbox.start(ExecRequest(argv=("sleep", "60"), workspace=workspace, timeout_seconds=0.3))
    result = await process.wait()
    assert (result.reason, result.exit, result.signal) == ("timeout", None, 9)


@pytest.mark.parametrize("way", ["kill", "cancel", "twice"])
async def test_started_program_leaves_nothing(sandbox: BubblewrapSandbox, workspace: Path, way: str) -> None:
    token = secrets.token_hex(8)
    process = await sandbox.start(ExecRequest(argv=("python3", "-c", family(token)), workspace=workspace))
    assert await becomes_true(lambda: len(processes_with(token)) > 1, 10)
    if way == "cancel":
        waiting = asyncio.create_task(process.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    else:
        result = await process.kill("timeout")
        assert (result.reason, result.exit, result.signal) == ("timeout", None, 9)
    if way == "twice":
        assert (await process.kill("memory")).reason == "timeout"
    assert await no_process_with(token)
    assert await process.read() is None


async def test_unread_output_does_not_hold_up_the_end(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    process = await sandbox.start(ExecRequest(argv=("yes",), workspace=workspace))
    piece = await process.read()
    assert piece is not None
    async with asyncio.timeout(5):
        await process.kill()
        while await process.read() is not None:
            pass
