"""What works on this machine, and what to do about the rest.

Checks of parts that headless may not import (sandbox, embedder, pools) are made over ports or handed in by whoever
wires them; the machine's own are here.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TextIO

import msgspec

from sale_tui.errors import Exit
from sale_tui.headless.formats import print_json
from sale_tui.literal import literal_line
from sale_tui.ports import Embedder, Sandbox
from sale_tui.streams import in_words

OLDEST_PYTHON = (3, 11)
LEAST_BYTES = 1_000_000_000
"""Of free disk and of free memory, below which a check warns."""
SECONDS = 120.0
"""After which a check counts as failed."""

_PROBE = """
import json, llama_cpp
print(json.dumps({"version": llama_cpp.__version__, "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
    "devices": llama_cpp.llama_max_devices(), "system": llama_cpp.llama_print_system_info().decode(errors="replace")}))
"""
"""Run in a process of its own: a llama.cpp that does not fit the machine takes its process along."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one check."""

    name: str
    status: Literal["ok", "warn", "fail"]
    """``fail``: sale-tui cannot work so; ``warn``: something of it cannot."""
    detail: str
    advice: str = ""
    """What to do about it."""


_WEAKER = {
    "none": "none: the python tool is not offered",
    "reduced": "reduced: code of models shares this machine's files and processes, but for what they hold",
}
"""What a tier that is less than ``full`` comes to."""

Examination = Callable[[], Awaitable[Check]]


async def examine(checks: Sequence[tuple[str, Examination]], out: TextIO, *, as_json: bool = False) -> int:
    """Make every check, each with its own deadline, and print; exit 3 where one fails, else 0."""
    found = [await _made(name, check) for name, check in checks]
    if as_json:
        print_json({"checks": found}, out)
    else:
        signs = {"ok": "✓", "warn": "!", "fail": "✗"}
        for check in found:
            print(f"{signs[check.status]} {check.name}: {literal_line(check.detail)}", file=out)
            if check.advice:
                print(f"    {literal_line(check.advice)}", file=out)
        out.flush()
    return int(Exit.CONFIGURATION if any(check.status == "fail" for check in found) else Exit.ANSWERED)


def machine_checks(data: Path) -> list[tuple[str, Examination]]:
    """Those that need nothing wired. ``data``: the folder that sale-tui writes to."""

    async def data_folder() -> Check:
        return check_folder(data)

    async def disk() -> Check:
        return check_disk(data)

    return [
        ("python", check_python),
        ("llama.cpp", check_llama),
        ("processor", check_processor),
        ("memory", check_memory),
        ("data folder", data_folder),
        ("disk", disk),
        ("terminal", check_terminal),
    ]


async def check_python() -> Check:
    """Its version."""
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Check(name="python", status="fail", detail=version, advice="install Python 3.11 or newer")
    return Check(name="python", status="ok", detail=f"{version}, {sys.executable}")


async def check_llama() -> Check:
    """Whether llama-cpp-python can be imported here, its version and where it can compute."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROBE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        last = (stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        detail = f"cannot be imported (status {process.returncode}): {last}"
        return Check(name="llama.cpp", status="fail", detail=detail, advice="run `make setup`, which builds it")
    facts = json.loads(stdout)
    where = "can use a GPU" if facts["gpu"] else "CPU build"
    return Check(
        name="llama.cpp", status="ok", detail=f"llama-cpp-python {facts['version']}, {where}; {facts['system']}"
    )


async def check_processor() -> Check:
    """Its cores, and whether it has AMX, whose kernels crash on quantised models."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    detail = f"{platform.machine()}, {cores} cores"
    if "amx_tile" in _read(Path("/proc/cpuinfo")):
        detail += ", AMX (its kernels of llama.cpp crash on quantised models and are avoided)"
    return Check(name="processor", status="ok", detail=detail)


async def check_memory() -> Check:
    """What is free."""
    fields = dict(line.split(":", 1) for line in _read(Path("/proc/meminfo")).splitlines() if ":" in line)
    if "MemAvailable" not in fields:
        return Check(name="memory", status="ok", detail="not told by this system")
    free = int(fields["MemAvailable"].split()[0]) * 1024
    return _room("memory", free, "close other programs before loading models")


def check_folder(folder: Path) -> Check:
    """Whether it can be made and written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as fault:
        detail = f"{folder} cannot be written: {fault.strerror}"
        return Check(name="data folder", status="fail", detail=detail, advice="set XDG_DATA_HOME to a folder of yours")
    return Check(name="data folder", status="ok", detail=str(folder))


def check_disk(folder: Path) -> Check:
    """What is free where the folder is, or will be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return _room("disk", shutil.disk_usage(there).free, "make room: databases and workspaces grow")


def _room(name: str, free: int, advice: str) -> Check:
    """``free``: in bytes; ``advice``: where that is little."""
    enough = free >= LEAST_BYTES
    detail = f"{free / 1e9:.1f} GB free"
    return Check(name=name, status="ok" if enough else "warn", detail=detail, advice="" if enough else advice)


async def check_terminal() -> Check:
    """Whether the app could start here."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Check(name="terminal", status="ok", detail="none here; `sale-tui run` needs none")
    size = shutil.get_terminal_size()
    name, colour = os.environ.get("TERM", "unknown"), os.environ.get("COLORTERM", "")
    detail = f"{name}, {size.columns} × {size.lines}" + (f", {colour}" if colour else "")
    if name in {"dumb", "unknown"}:
        return Check(
            name="terminal", status="warn", detail=detail, advice="use a terminal that can draw, or `sale-tui run`"
        )
    return Check(name="terminal", status="ok", detail=detail)


async def check_sandbox(sandbox: Sandbox) -> Check:
    """How far tool code is isolated."""
    if sandbox.tier in {"strong", "full"}:
        return Check(name="sandbox", status="ok", detail=sandbox.tier, advice=sandbox.advice)
    return Check(name="sandbox", status="warn", detail=_WEAKER.get(sandbox.tier, sandbox.tier), advice=sandbox.advice)


class Searcher(Protocol):
    """What can be asked a question of the web."""

    async def search(self, query: str, limit: int) -> Sequence[object]:
        """Its results. Raises where there are none to be had."""
        ...


async def check_search(name: str, engine: Searcher | None) -> Check:
    """Whether the web can be searched. Only an engine of the user's own is asked: elsewhere a question may cost."""
    if engine is None:
        advice = "set search_engine in settings.toml; the README says how"
        return Check(name="search", status="ok", detail="documents alone, not the web", advice=advice)
    if name != "searxng":
        return Check(name="search", status="ok", detail=f"the web by {name}")
    try:
        found = await engine.search("weather", 3)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is the finding
        return Check(name="search", status="warn", detail=f"{name}: {fault}", advice=getattr(fault, "hint", ""))
    return Check(name="search", status="ok" if found else "warn", detail=f"the web by {name}, {len(found)} results")


async def check_embedder(embedder: Embedder) -> Check:
    """Whether it embeds."""
    start = time.monotonic()
    [vector] = await embedder.embed(["a task"])
    detail = f"{embedder.name}, {len(vector)} dimensions, first answer after {time.monotonic() - start:.1f} s"
    return Check(name="embedder", status="ok", detail=detail)


async def _made(name: str, check: Examination) -> Check:
    try:
        async with asyncio.timeout(SECONDS):
            return await check()
    except TimeoutError:
        return Check(name=name, status="warn", detail=f"no answer within {SECONDS:g} s", advice="try again when idle")
    except Exception as fault:  # noqa: BLE001 - a check that fails is a finding
        return Check(name=name, status="warn", detail=in_words(fault), advice=getattr(fault, "hint", ""))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
