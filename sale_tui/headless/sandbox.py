"""``sandbox run`` and ``sandbox check``: a program as a tool would run it, and what the self-test found."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from sale_tui.errors import Exit, NoSandbox
from sale_tui.headless.formats import print_error, print_json
from sale_tui.literal import literal, literal_line
from sale_tui.ports import ExecRequest, ExecResult, Sandbox
from sale_tui.types import SandboxTier

TIMED_OUT = 124
REFUSED = 125
KILLED = 128 + 9
PIECE_BYTES = 64 * 1024


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the self-test of a sandbox found."""

    tier: SandboxTier
    held: Sequence[str]
    broken: Sequence[str]
    trouble: str
    """Why the test itself could not be made; empty where it could."""
    seconds: float
    advice: str


async def run_command(
    sandbox: Sandbox, request: ExecRequest, out: TextIO, err: TextIO, *, as_json: bool = False
) -> int:
    """Run a program with our own input and show what it printed. Returns its status, 124 or 125."""
    try:
        result = await sandbox.run(msgspec.structs.replace(request, pieces=_given(sys.stdin)))
    except NoSandbox as fault:
        return refuse(fault, sandbox, out, err, as_json=as_json)
    if as_json:
        print_json(result, out)
    else:
        _show(result.stdout, out)
        _show(result.stderr, err)
        if result.reason is not None:
            print(f"sale-tui: {_in_words(result)}", file=err, flush=True)
    return _status(result)


def refuse(fault: NoSandbox, sandbox: Sandbox, out: TextIO, err: TextIO, *, as_json: bool) -> int:
    """Say that nothing was run, and why."""
    if not as_json:
        print_error(fault, err, machine=False)
        return REFUSED
    result = ExecResult(
        stdout="", stderr=fault.message, exit=None, reason="policy", tier=sandbox.tier, limits=sandbox.limits
    )
    print_json({**msgspec.to_builtins(result), **fault.to_json()}, out)
    return REFUSED


def show_checked(checked: Checked, out: TextIO, *, as_json: bool = False) -> int:
    """One line a probe; exit 0 where the sandbox holds, else 6."""
    if as_json:
        print_json(checked, out)
    else:
        for name in checked.held:
            print(f"✓ {literal_line(name)}", file=out)
        for name in checked.broken:
            print(f"✗ {literal_line(name)}", file=out)
        count = f"{len(checked.held)} of {len(checked.held) + len(checked.broken)} probes in {checked.seconds:.2f} s"
        print(f"sandbox {checked.tier}: {literal_line(checked.trouble) or count}", file=out)
        if checked.advice:
            print(f"  try: {literal_line(checked.advice)}", file=out)
        out.flush()
    return int(Exit.ANSWERED if checked.tier != "none" else Exit.NO_SANDBOX)


def show_accepted(record: Path, out: TextIO) -> int:
    """That the reduced sandbox is accepted here, and where that is written down."""
    print(f"the reduced sandbox is accepted on this machine: {literal_line(str(record))}", file=out, flush=True)
    return int(Exit.ANSWERED)


def show_forgotten(was_there: bool, out: TextIO) -> int:
    """That it is no longer."""
    words = "is no longer accepted on this machine" if was_there else "was not accepted on this machine"
    print(f"the reduced sandbox {words}", file=out, flush=True)
    return int(Exit.ANSWERED)


def _status(result: ExecResult) -> int:
    if result.reason == "timeout":
        return TIMED_OUT
    if result.reason == "crash":
        return REFUSED
    return KILLED if result.exit is None else result.exit


def _in_words(result: ExecResult) -> str:
    limits = result.limits
    if result.reason == "timeout" or limits is None:
        return f"stopped after {result.wall_s:.1f} s"
    megabyte = 1024 * 1024
    words = {
        "memory": f"stopped: more than {limits.memory_bytes // megabyte} MB of memory",
        "tasks": f"stopped: more than {limits.tasks} processes and threads",
        "disk": f"stopped: more than {limits.disk_bytes // megabyte} MB written to the workspace",
        "files": f"stopped: more than {limits.files} files added to the workspace",
        "output": f"stopped: more than {limits.drained_bytes // megabyte} MB of output",
        "policy": "stopped: a system call of another architecture",
    }
    return words.get(result.reason or "", "the sandbox broke down; nothing is known of the program's end")


def _show(text: str, stream: TextIO) -> None:
    """A terminal is shown literal text; a file or pipe gets what was kept."""
    if stream.isatty():
        stream.write(literal(text))
    else:
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "replace"))
    stream.flush()


def _given(stream: TextIO) -> AsyncIterator[bytes] | None:
    """Our own input in pieces, None where there is none. The program never gets our descriptor itself."""
    try:
        number = stream.fileno()
        os.fstat(number)
    except (OSError, ValueError):
        return None
    return _pieces(number)


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    # A thread reads, because the descriptor may be a file, and must not be made non-blocking: others share it.
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)

    def read() -> None:
        while True:
            try:
                piece = os.read(descriptor, PIECE_BYTES)
            except OSError:
                piece = b""
            try:
                asyncio.run_coroutine_threadsafe(queue.put(piece), loop).result()
            except (RuntimeError, asyncio.CancelledError):
                return
            if not piece:
                return

    threading.Thread(target=read, daemon=True, name="input").start()
    while piece := await queue.get():
        yield piece
