"""Sandboxes without a root of their own: a keeper of ours starts the program where it lies and ends what it starts."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from sale_tui.ports import ExecRequest
from sale_tui.sandbox.launched import ENVIRONMENT, RUN, SPARE_MEMORY, SPARE_TASKS, WORKSPACE, LaunchedSandbox, MadeOf
from sale_tui.sandbox.memory_files import memory_files
from sale_tui.sandbox.owner import adopt
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.process import Launch, Running
from sale_tui.sandbox.watch import Watch
from sale_tui.trees import remove_tree

_STACK = 8 << 20


class KeptSandbox(LaunchedSandbox):
    """Runs programs at the workspace's own path, with a folder for their temporary files beside it.

    Where an argument or a variable is ``/workspace`` or ``/run/NAME``, or begins with one, the real path replaces it.
    """

    made_of: MadeOf = "landlock"

    async def prepare(self, request: ExecRequest, place: Place) -> Watch:
        """The folder of temporary files, in which the request's own files lie, too. Raises OSError."""
        scratch = await asyncio.to_thread(self._scratch, request)
        place.scratch = scratch
        place.held.callback(remove_tree, scratch)
        return Watch(place.folder, self.limits_of(request), scratch=scratch)

    async def launch(self, request: ExecRequest, place: Place, running: Running, seconds: float, talks: bool) -> None:
        """Begin it under the keeper. Raises OSError, ValueError."""
        job = msgspec.json.encode({**self.job(request, place, seconds), **self.walls(request, place)})
        with memory_files({"job": job}) as said, memory_files({"stdin": request.stdin}) as given:
            launch = Launch(
                program=(*place.prefix, *self.command(request, place), "-I", "-S", "-B", "-c", keeper()),
                arguments=("--job", str(said["job"])),
                pass_fds=tuple(said.values()),
                uid=None if place.prefix else self.uid,
                stdin=None if talks else given["stdin"] if request.stdin else asyncio.subprocess.DEVNULL,
                keeper=True,
            )
            await running.begin(launch)

    def command(self, request: ExecRequest, place: Place) -> tuple[str, ...]:  # noqa: ARG002
        """What runs the keeper."""
        return (self.python,)

    def walls(self, request: ExecRequest, place: Place) -> dict[str, Any]:  # noqa: ARG002
        """What the keeper shuts the program in with."""
        return {}

    def job(self, request: ExecRequest, place: Place, seconds: float) -> dict[str, Any]:
        """What the keeper is to do, but for walls."""
        limits, scratch = self.limits_of(request), str(temporary(place))
        names = dict(self._names(request, place))
        own = {"PATH": self.path, "HOME": scratch, "TMPDIR": scratch}
        environment = {**ENVIRONMENT, **own, **request.environment}
        return {
            "argv": [_named(part, names) for part in request.argv],
            "environment": {name: _named(value, names) for name, value in environment.items()},
            "folder": place.source(place.folder),
            "tasks": limits.tasks + SPARE_TASKS,
            "limits": {
                # The watch is exact but late; these are bounds on how much too late.
                "DATA": limits.memory_bytes + max(limits.memory_bytes // 4, SPARE_MEMORY),
                "FSIZE": limits.file_bytes,
                "CPU": int(seconds) + 2,
                "NOFILE": limits.open_files,
                "CORE": 0,
                "MEMLOCK": 0,
                "STACK": _STACK,
            },
        }

    def _names(self, request: ExecRequest, place: Place) -> Iterator[tuple[str, str]]:
        yield WORKSPACE, place.source(place.folder)
        for name in request.files:
            yield f"{RUN}/{name}", str(place.scratch / "run" / name)
        for folder in request.readable:
            yield str(folder), place.source(folder)

    def _scratch(self, request: ExecRequest) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.workspaces))
        try:
            for name in ("run", "tmp"):
                (folder / name).mkdir(mode=0o700)
            for name, content in request.files.items():
                (folder / "run" / name).write_bytes(content)
            if self.uid is not None:
                adopt(folder, self.uid)
        except BaseException:
            remove_tree(folder)
            raise
        return folder


def temporary(place: Place) -> Path:
    """Where a run's temporary files lie."""
    return place.scratch / "tmp"


def encoded(program: bytes) -> str:
    """A system-call filter as the keeper takes it."""
    return base64.b64encode(program).decode()


def keeper() -> str:
    """The keeper's text: what a Python is told to run."""
    source = (resources.files("sale_tui.sandbox") / "keeper.py").read_text("utf-8")
    return f"{source}\n\nmain()\n"


def _named(text: str, names: dict[str, str]) -> str:
    for name, real in names.items():
        if text == name or text.startswith(f"{name}/"):
            return real + text[len(name) :]
    return text
