"""Linux with gVisor: programs run on a kernel of their own, written in Go, and never on the machine's.

A keeper of ours starts ``runsc``, becomes the parent of all that outlives it, and ends every one of its processes: at
the end, when told to, and when sale-tui itself was killed. A killed ``runsc`` alone could leave its sandbox behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, StopReason
from sale_tui.sandbox import census
from sale_tui.sandbox.kept import keeper
from sale_tui.sandbox.launched import ENVIRONMENT, RUN, SCRATCH, WORKSPACE, LaunchedSandbox, MadeOf
from sale_tui.sandbox.memory_files import memory_files
from sale_tui.sandbox.owner import adopt
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.process import Launch, Running
from sale_tui.sandbox.syscalls import MISSING, REFUSED
from sale_tui.sandbox.watch import Watch
from sale_tui.trees import remove_tree
from sale_tui.types import SandboxLimits, SandboxTier

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the sandbox's own
WIDEST_PIPE = 1 << 20
"""The largest pipe that Linux gives everybody."""
OWN_THREADS = 128
"""Of gVisor itself, at most, beside those that run the program."""
_USER = 0
"""Inside, without a capability: files of whoever starts it belong to this one there, and to no other."""
_FOLDERS = ("proc", "dev", "tmp", "sys", "run", "etc/ssl/certs", "etc/alternatives", "usr", "workspace")
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SHOWN = ("/etc/alternatives", "/etc/ssl/certs")
_COPIED = ("ld.so.cache", "localtime")
_FILES = {
    "passwd": "root:x:0:0:root:/tmp:/bin/sh\n",
    "group": "root:x:0:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
}
_ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_NAMESPACES = tuple(1 << bit for bit in (17, 25, 26, 27, 28, 29, 30))
_SETID = (0o4000, 0o2000)
_UNIX, _TYPED = 1, (0x5412, 0x541C)
_STACK = 8 << 20


class GvisorSandbox(LaunchedSandbox):
    """The tier ``strong``, once its self-test has passed and where the user has asked for it."""

    made_of: MadeOf = "gvisor"

    def __init__(
        self,
        workspaces: Path,
        limits: SandboxLimits | None = None,
        named: Sequence[Path] = (),
        runsc: str | None = None,
    ) -> None:
        """As ``LaunchedSandbox``; ``runsc``: its path. Raises NoSandbox where it is missing, too."""
        if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
            raise NoSandbox("gVisor needs Linux on x86_64 or aarch64", 'take sandbox = "strong" out of your settings')
        found = runsc or shutil.which("runsc")
        if found is None:
            raise NoSandbox("gVisor (runsc) is not installed", "install the package that holds runsc")
        super().__init__(workspaces, limits, named)
        self._runsc = str(Path(found).absolute())

    @property
    def tier(self) -> SandboxTier:
        """Always ``strong``."""
        return "strong"

    @property
    def advice(self) -> str:
        """Nothing is weaker but the count of tasks, which docs/sandbox.md tells."""
        return ""

    async def prepare(self, request: ExecRequest, place: Place) -> Watch:
        """The bundle: gVisor's configuration and an empty root. Raises OSError, and NoSandbox for the network."""
        if request.net:
            raise NoSandbox("the strong sandbox has no network to share", "leave out --net")
        place.scratch = await asyncio.to_thread(self._bundle, request)
        place.held.callback(remove_tree, place.scratch)
        return GvisorWatch(place.folder, self.limits_of(request))

    async def launch(self, request: ExecRequest, place: Place, running: Running, seconds: float, talks: bool) -> None:
        """Begin it under the keeper. Raises OSError, ValueError."""
        bundle = place.scratch
        config = configuration(request, place, self.path, self.python, self.limits_of(request), seconds)
        await asyncio.to_thread((bundle / "config.json").write_bytes, msgspec.json.encode(config))
        job = {
            "argv": self.command(bundle),
            "environment": {},
            "folder": "/",
            "tasks": self.limits_of(request).tasks + 2 * OWN_THREADS,
            "limits": {"CORE": 0},
        }
        with memory_files({"job": msgspec.json.encode(job)}) as said, memory_files({"stdin": request.stdin}) as given:
            launch = Launch(
                program=(*place.prefix, self.python, "-I", "-S", "-B", "-c", keeper()),
                arguments=("--job", str(said["job"])),
                pass_fds=tuple(said.values()),
                uid=None if place.prefix else self.uid,
                stdin=None if talks else given["stdin"] if request.stdin else asyncio.subprocess.DEVNULL,
                keeper=True,
                # Of a write that does not fit gVisor does a part, which Python without buffers takes for the whole.
                pipe_bytes=WIDEST_PIPE,
            )
            await running.begin(launch)

    def command(self, bundle: Path) -> tuple[str, ...]:
        """What the keeper starts."""
        flags = ("--rootless", "--network=none", "--ignore-cgroups", "--oci-seccomp", f"--root={bundle / 'state'}")
        return (self._runsc, *flags, "run", "--bundle", str(bundle), f"sale-tui-{secrets.token_hex(8)}")

    def _bundle(self, request: ExecRequest) -> Path:
        bundle = Path(tempfile.mkdtemp(prefix="bundle-", dir=self.workspaces))
        try:
            fill(bundle, request, self.python)
            if self.uid is not None:
                adopt(bundle, self.uid)
        except BaseException:
            remove_tree(bundle)
            raise
        return bundle


class GvisorWatch(Watch):
    """What gVisor's processes hold: all memory of its programs, files in /tmp among it, is one file without a name."""

    def _tasks(self, pids: list[int]) -> StopReason | None:
        # Programs' own tasks have no number outside; these are the threads that carry them out.
        return "tasks" if sum(map(census.tasks, pids[1:])) > self._limits.tasks + OWN_THREADS else None

    def _memory(self, pids: list[int]) -> StopReason | None:
        # The first is our keeper.
        held = census.memory_files(pids[1:]) + sum(map(census.anonymous, pids[1:]))
        return "memory" if held > self._limits.memory_bytes else super()._memory(pids)


def configuration(
    request: ExecRequest, place: Place, path: str, python: str, limits: SandboxLimits, seconds: float
) -> dict[str, Any]:
    """The configuration of one run, as the OCI runtime specification 1.0.2 has it. The workspace is bound last."""
    environment = {**ENVIRONMENT, "PATH": path, **request.environment}
    bounds = {
        "FSIZE": limits.file_bytes,
        "CPU": int(seconds) + 2,
        "NOFILE": limits.open_files,
        "CORE": 0,
        "MEMLOCK": 0,
        "STACK": _STACK,
    }
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": _USER, "gid": _USER},
            "args": list(request.argv),
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": WORKSPACE,
            "capabilities": {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "noNewPrivileges": True,
            "rlimits": [{"type": f"RLIMIT_{name}", "hard": most, "soft": most} for name, most in bounds.items()],
        },
        "root": {"path": "root", "readonly": True},
        "hostname": "sandbox",
        "mounts": list(mounts(request, place, python, limits)),
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": [_ARCHITECTURES[platform.machine()]],
                "syscalls": list(_refusals()),
            },
        },
    }


def mounts(request: ExecRequest, place: Place, python: str, limits: SandboxLimits) -> Iterator[dict[str, Any]]:
    """What lies in the root, in order: nothing is ever below the workspace."""
    yield {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "nodev", "noexec"]}
    yield {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec"]}
    for folder in (SHARED_MEMORY, SCRATCH):
        options = ["nosuid", "nodev", "mode=1777", f"size={limits.scratch_bytes}"]
        yield {"destination": folder, "type": "tmpfs", "source": "tmpfs", "options": options}
    for shown in _shown(python):
        yield _bind(shown, shown)
    for readable in request.readable:
        yield _bind(str(readable), place.source(readable))
    yield _bind(WORKSPACE, place.source(place.folder), read_only=request.read_only)


def fill(bundle: Path, request: ExecRequest, python: str) -> None:
    """The root as it is before anything is mounted, with the request's own files. Raises OSError."""
    root = bundle / "root"
    for folder in (*_FOLDERS, *(name.lstrip("/") for name in (*_shown(python), *map(str, request.readable)))):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in _SYSTEM_FOLDERS:
        host = Path("/") / name
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
    for name in _COPIED:
        with contextlib.suppress(FileNotFoundError):
            (root / "etc" / name).write_bytes((Path("/etc") / name).read_bytes())
    for name, text in _FILES.items():
        (root / "etc" / name).write_text(text)
    for name, content in request.files.items():
        (root / RUN.lstrip("/") / name).write_bytes(content)
    (bundle / "state").mkdir(mode=0o700)


def _shown(python: str) -> Iterator[str]:
    yield "/usr"
    for name in _SYSTEM_FOLDERS:
        host = Path("/") / name
        if host.is_dir() and not host.is_symlink():
            yield str(host)
    yield from filter(os.path.isdir, _SHOWN)
    if not python.startswith("/usr/"):
        yield str(Path(python).parent.parent)


def _bind(destination: str, source: str, *, read_only: bool = True) -> dict[str, Any]:
    options = ["rbind", "ro" if read_only else "rw", "nosuid", "nodev"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}


def _refusals() -> Iterator[dict[str, Any]]:
    """What gVisor's own kernel refuses, too: above all set-user-id bits, which would stay on this machine's files."""
    # Nobody traces, so this is answered "no such call"; an error number of ours is not heeded by older ones.
    yield {"names": list(MISSING), "action": "SCMP_ACT_TRACE"}
    yield {"names": list(REFUSED), "action": "SCMP_ACT_ERRNO"}
    modes = {"chmod": 1, "fchmod": 1, "creat": 1, "fchmodat": 2, "fchmodat2": 2, "open": 2, "openat": 3}
    for name, argument in modes.items():
        for bit in _SETID:
            yield _refuse(name, argument, bit, masked=True)
    for bit in _NAMESPACES:
        yield _refuse("clone", 0, bit, masked=True)
    yield _refuse("socket", 0, _UNIX)
    for request in _TYPED:
        yield _refuse("ioctl", 1, request)


def _refuse(name: str, argument: int, value: int, *, masked: bool = False) -> dict[str, Any]:
    compared = {"index": argument, "value": value, "valueTwo": value}
    operation = "SCMP_CMP_MASKED_EQ" if masked else "SCMP_CMP_EQ"
    return {"names": [name], "action": "SCMP_ACT_ERRNO", "args": [{**compared, "op": operation}]}
