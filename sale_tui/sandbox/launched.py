"""What every sandbox has in common: a workspace is lent, a launcher started in it, watched, and cleaned up after."""

from __future__ import annotations

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, ExecResult
from sale_tui.sandbox.owner import spare_uid
from sale_tui.sandbox.place import Place, Places
from sale_tui.sandbox.process import Running, Started, whole
from sale_tui.sandbox.watch import Watch
from sale_tui.types import MEGABYTE, SandboxLimits, SandboxTier

WORKSPACE = "/workspace"
RUN = "/run"
MAIN = f"{RUN}/main.py"
SCRATCH = "/tmp"  # noqa: S108 - the sandbox's own
SPARE_MEMORY = 250 * MEGABYTE
"""That one process can take before the watch has seen that it is too much."""
SPARE_TASKS = 16
"""That can be started before the watch has seen that there are too many."""
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "LANG": "C.UTF-8",
    "PYTHONPATH": WORKSPACE,
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""All that a program sees of an environment."""
MadeOf = Literal["namespaces", "landlock", "seatbelt", "gvisor"]
NOT_A_PREFIX = ("", "workspace", "proc", "dev", "tmp", "run", "etc")
"""First parts of paths where no Python may be bound."""


class LaunchedSandbox(ABC):
    """A sandbox that a launcher sets up anew for every run."""

    made_of: MadeOf = "namespaces"
    """By which the self-test chooses what to try."""

    def __init__(self, workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = ()) -> None:
        """``workspaces``: the folder of all runs' workspaces; ``named``: folders of the user's own, as checked by
        ``place.check_named``, that may be one, too. Raises NoSandbox where a Python or an unprivileged user is missing.
        """
        self.limits = limits or SandboxLimits()
        self.workspaces = workspaces
        self.uid = spare_uid() if os.geteuid() == 0 else None
        self.python = tool_python(private=self.uid is not None)
        inside = str(Path(self.python).parent)
        path = ENVIRONMENT["PATH"]
        self.path = path if inside == "/usr/bin" else f"{inside}:{path}"
        self._places = Places(workspaces, named, self.uid)

    @property
    @abstractmethod
    def tier(self) -> SandboxTier:
        """How far it isolates."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """One line: what is weaker than in the tier ``full`` and what to type."""

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        """Run a Python program in a workspace; cancelling it kills its whole tree. Raises NoSandbox."""
        return await self.run(
            ExecRequest(
                argv=(self.python, "-B", MAIN),
                workspace=workspace,
                timeout_seconds=timeout_seconds,
                files={"main.py": code.encode("utf-8", "replace")},
            )
        )

    async def run(self, request: ExecRequest) -> ExecResult:
        """Run any program to its end; cancelling it kills its whole tree. Raises NoSandbox."""
        seconds = min(request.timeout_seconds, self.limits_of(request).seconds)
        place, running, watch = await self._begin(request, seconds, talks=False)
        return await self._finish(place, running, watch, seconds, request.pieces)

    async def start(self, request: ExecRequest) -> Started:
        """Start a program to talk to; whoever does must end it. Raises NoSandbox."""
        seconds = request.timeout_seconds
        place, running, watch = await self._begin(request, seconds, talks=True)
        return Started(running, self._finish(place, running, watch, seconds))

    def limits_of(self, request: ExecRequest) -> SandboxLimits:
        """Those that are in force."""
        return request.limits or self.limits

    @abstractmethod
    async def prepare(self, request: ExecRequest, place: Place) -> Watch:
        """What is needed beside the workspace, and what is to be watched. ``place.held`` cleans up. Raises OSError."""

    @abstractmethod
    async def launch(self, request: ExecRequest, place: Place, running: Running, seconds: float, talks: bool) -> None:
        """Begin it. Raises OSError, ValueError where that is impossible.

        ``talks``: its input is a pipe that is written to meanwhile.
        """

    async def _begin(self, request: ExecRequest, seconds: float, talks: bool) -> tuple[Place, Running, Watch]:
        _check(request)
        running = Running(self.limits_of(request), self.tier, talks)
        place = await self._places.enter(request.workspace, request.readable)
        try:
            watch = await self.prepare(request, place)
            await asyncio.to_thread(watch.prepare)
            await self.launch(request, place, running, seconds, talks or request.pieces is not None)
        except (OSError, ValueError) as error:
            await whole(place.leave())
            raise NoSandbox(f"the sandbox cannot be started: {error}", "see `sale-tui doctor`") from error
        except BaseException:
            await whole(place.leave())
            raise
        return place, running, watch

    async def _finish(
        self,
        place: Place,
        running: Running,
        watch: Watch,
        seconds: float,
        pieces: AsyncIterator[bytes] | None = None,
    ) -> ExecResult:
        try:
            return await running.finish(watch, seconds, pieces)
        finally:
            await whole(place.leave())


def tool_python(private: bool) -> str:
    """The Python that tools run with: the system's, or our base installation's; never our virtual environment's.

    ``private``: another user will run it, who must be able to read it. Raises NoSandbox.
    """
    # Of macOS it is a stub that offers to install another.
    if sys.platform != "darwin" and Path("/usr/bin/python3").exists():
        return "/usr/bin/python3"
    base = Path(os.path.realpath(sys.base_prefix))
    python = base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    readable = all(folder.stat().st_mode & 0o005 == 0o005 for folder in (base, *base.parents)) if private else True
    if base.parts[1:2] and base.parts[1] not in NOT_A_PREFIX and python.exists() and readable:
        return str(python)
    raise NoSandbox("there is no Python for tools", "install your system's python3, so that /usr/bin/python3 is there")


def _check(request: ExecRequest) -> None:
    """Raises NoSandbox for what cannot be shown or run as it stands."""
    for name in request.files:
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise NoSandbox(f"{name!r} cannot be the name of a file in {RUN}", "use a plain name")
    for folder in request.readable:
        _check_shown(folder)
    if not request.argv or any("\0" in part for part in (*request.argv, *request.environment.values())):
        raise NoSandbox("there is no such command: it is empty or holds a zero byte", "name a program")


def _check_shown(folder: Path) -> None:
    """Raises NoSandbox where a folder may not be shown at its own path."""
    # /tmp itself is the sandbox's own and empty; a folder in the host's may be shown in it.
    within_tmp = folder.parts[1:2] == ("tmp",) and len(folder.parts) > 2
    covered = not within_tmp and (folder.parts[1:2] == () or folder.parts[1] in NOT_A_PREFIX)
    if not folder.is_absolute() or covered or ".." in folder.parts:
        raise NoSandbox(f"{folder} cannot be shown in the sandbox", "name an absolute path outside the sandbox's own")
