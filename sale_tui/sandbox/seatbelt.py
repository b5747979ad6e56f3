"""macOS: a seatbelt profile, with the keeper that ends what a run has started. Untested: nobody has run it yet.

Everything is denied but what stands in the profile. There are no namespaces, and macOS does not hold limits of memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.kept import KeptSandbox, temporary
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.watch import Watch
from sale_tui.types import SandboxLimits, SandboxTier

SANDBOX_EXEC = "/usr/bin/sandbox-exec"
PROFILE = "profile.sb"
_SYSTEM = ("/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/private/var/db/dyld", "/private/etc/ssl")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_SYSCTLS = ("hw.*", "kern.argmax", "kern.hostname", "kern.maxfilesperproc", "kern.ngroups", "kern.os*", "kern.version",
            "machdep.cpu.*", "vm.loadavg")  # fmt: skip
_SERVICES = ("com.apple.system.opendirectoryd.libinfo", "com.apple.system.logger")
"""Of the system's services only those that the C library asks for users and writes complaints to."""


class SeatbeltSandbox(KeptSandbox):
    """The tier ``reduced`` on macOS."""

    made_of = "seatbelt"

    def __init__(
        self,
        workspaces: Path,
        limits: SandboxLimits | None = None,
        named: Sequence[Path] = (),
        program: str = SANDBOX_EXEC,
    ) -> None:
        """As ``LaunchedSandbox``; ``program``: what runs another under a profile.

        Raises NoSandbox where it is missing, too.
        """
        super().__init__(workspaces, limits, named)
        if not os.access(program, os.X_OK):
            raise NoSandbox(f"{program} is not there", "run sale-tui on macOS or Linux")
        self._program = program

    @property
    def tier(self) -> SandboxTier:
        """Always ``reduced``."""
        return "reduced"

    @property
    def advice(self) -> str:
        """What is weaker."""
        return (
            "reduced sandbox of macOS (seatbelt), untested: programs can tell which processes run, and memory and "
            "tasks are not bounded; Linux has the full one"
        )

    async def prepare(self, request: ExecRequest, place: Place) -> Watch:
        """The profile lies beside the request's files. Raises OSError, and NoSandbox where the network is asked for."""
        if request.net:
            raise NoSandbox("the reduced sandbox has no network to share", "leave out --net")
        watch = await super().prepare(request, place)
        text = "\n".join(profile(self.python, request, place)) + "\n"
        await asyncio.to_thread((place.scratch / PROFILE).write_text, text, "utf-8")
        return watch

    def command(self, request: ExecRequest, place: Place) -> tuple[str, ...]:  # noqa: ARG002
        """The keeper runs under the profile, too: what it starts inherits it."""
        return (self._program, "-f", str(place.scratch / PROFILE), self.python)


def profile(python: str, request: ExecRequest, place: Place) -> Iterator[str]:
    """The profile of one run, a line a rule. Paths are real ones: seatbelt compares no others. Raises ValueError."""
    yield "(version 1)"
    yield "(deny default)"
    yield "(allow process-exec process-fork)"
    yield "(allow process-info* signal (target same-sandbox))"
    yield f"(allow sysctl-read {' '.join(map(_sysctl, _SYSCTLS))})"
    yield f"(allow mach-lookup {' '.join(f'(global-name {quoted(name)})' for name in _SERVICES)})"
    # Without the names above a file it cannot be reached; what lies in them stays shut.
    yield '(allow file-read-metadata (subpath "/"))'
    yield '(allow file-read* (literal "/"))'
    prefix = [] if python.startswith("/usr/") else [str(Path(python).parent.parent)]
    readable = [*_SYSTEM, *prefix, *map(str, request.readable), str(place.scratch / "run")]
    for folder in readable:
        yield f"(allow file-read* (subpath {_real(folder)}))"
    for device in _DEVICES:
        yield f"(allow file-read* (literal {quoted(device)}))"
    yield '(allow file-write-data (literal "/dev/null"))'
    workspace = place.source(place.folder)
    yield f"(allow file-read* (subpath {_real(workspace)}))"
    for folder in (*(() if request.read_only else (workspace,)), str(temporary(place))):
        yield f"(allow file-read* file-write* (subpath {_real(folder)}))"
    # The last rule that fits counts: nothing above may take these back.
    yield "(deny file-write-setugid)"
    yield "(deny network*)"


def quoted(text: str) -> str:
    """A string of the profile's language. Raises ValueError for what cannot be one."""
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError(f"{text!r} cannot stand in a profile")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _real(folder: str) -> str:
    return quoted(os.path.realpath(folder))


def _sysctl(name: str) -> str:
    stem = name.removesuffix("*")
    return f"(sysctl-name-prefix {quoted(stem)})" if stem != name else f"(sysctl-name {quoted(name)})"
