"""Linux: bubblewrap with a minimal root, no network, a system-call filter and limits.

bubblewrap is a kit; the options here are the policy. Nothing is ever mounted below /workspace (CVE-2026-87766), the
real root never runs it, and it is started with an empty environment because its init's is readable from inside.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, ExecResult
from sale_tui.sandbox.owner import spare_uid
from sale_tui.sandbox.place import Place, Places
from sale_tui.sandbox.process import Launch, Running, Started, whole
from sale_tui.sandbox.seccomp import program
from sale_tui.sandbox.watch import Watch
from sale_tui.types import MEGABYTE, SandboxLimits, SandboxTier

WORKSPACE = "/workspace"
RUN = "/run"
MAIN = f"{RUN}/main.py"
SCRATCH = "/tmp"  # noqa: S108 - the sandbox's own
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the sandbox's own
INNER_ID = "1000"
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

_PASSWD = b"root:x:0:0:root:/:/bin/sh\nagent:x:1000:1000:agent:/tmp:/bin/sh\n"
_GROUP = b"root:x:0:\nagent:x:1000:\n"
_HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"
_FILES = {"passwd": _PASSWD, "group": _GROUP, "hosts": _HOSTS}
_NETWORK_FILES = ("resolv.conf", "nsswitch.conf", "gai.conf", "services", "protocols")
"""What a program needs of /etc to find others in the network."""
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = ("ld.so.cache", "alternatives", "ssl/certs", "localtime")
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_NOT_A_PREFIX = ("", "workspace", "proc", "dev", "tmp", "run", "etc")
"""First parts of paths where no Python may be bound."""


class BubblewrapSandbox:
    """The tier ``full``, once its self-test has passed (``check.self_test``); ``detect`` gives out no other."""

    def __init__(
        self,
        workspaces: Path,
        limits: SandboxLimits | None = None,
        bwrap: str | None = None,
        old: bool = False,
        named: Sequence[Path] = (),
    ) -> None:
        """``workspaces``: the folder of all runs' workspaces; ``named``: folders of the user's own, as checked by
        ``place.check_named``, that may be one, too. No other folder can be written.

        ``old``: do without what bubblewrap learned in 0.8.0 (Ubuntu 22.04 has 0.6.1): the filter alone refuses new
        namespaces then, and the watch counts what lies in /tmp and /dev/shm as memory.
        Raises NoSandbox where bubblewrap, a Python for tools or an unprivileged user is missing.
        """
        self.limits = limits or SandboxLimits()
        self.workspaces = workspaces
        self.old = old
        self._uid = spare_uid() if os.geteuid() == 0 else None
        self._bwrap = bwrap or _found("bwrap", "bubblewrap is not installed")
        self._prlimit = _found("prlimit", "prlimit (of util-linux) is not installed")
        self._choom = _found("choom", "choom (of util-linux) is not installed")
        self._python = tool_python(private=self._uid is not None)
        inside = str(Path(self._python).parent)
        self._path = ENVIRONMENT["PATH"] if inside == "/usr/bin" else f"{inside}:{ENVIRONMENT['PATH']}"
        self._filter = program()
        self._places = Places(workspaces, named, self._uid)

    @property
    def tier(self) -> SandboxTier:
        """Always ``full``."""
        return "full"

    @property
    def advice(self) -> str:
        """Nothing to advise."""
        return ""

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        """Run a Python program in a workspace; cancelling it kills its whole tree. Raises NoSandbox."""
        return await self.run(
            ExecRequest(
                argv=(self._python, "-B", MAIN),
                workspace=workspace,
                timeout_seconds=timeout_seconds,
                files={"main.py": code.encode("utf-8", "replace")},
            )
        )

    async def run(self, request: ExecRequest) -> ExecResult:
        """Run any program to its end; cancelling it kills its whole tree. Raises NoSandbox."""
        seconds = min(request.timeout_seconds, self._limits(request).seconds)
        place, running, watch = await self._begin(request, seconds, talks=False)
        return await self._finish(place, running, watch, seconds, request.pieces)

    async def start(self, request: ExecRequest) -> Started:
        """Start a program to talk to; whoever does must end it. Raises NoSandbox."""
        seconds = request.timeout_seconds
        place, running, watch = await self._begin(request, seconds, talks=True)
        return Started(running, self._finish(place, running, watch, seconds))

    def options(self, request: ExecRequest, place: Place, data: dict[str, int]) -> Iterator[str]:
        """bubblewrap's options; ``data``: descriptors of filter, passwd, group, hosts and of each file."""
        yield from self._fixed
        if not request.net:
            yield "--unshare-net"
        yield from self._sizes(self._limits(request))
        for name, value in request.environment.items():
            yield from ("--setenv", name, value)
        for folder in request.readable:
            yield from ("--ro-bind", place.source(folder), str(folder))
        for name in ("passwd", "group", "hosts"):
            yield from ("--ro-bind-data", str(data[name]), f"/etc/{name}")
        if request.net:
            for name in _NETWORK_FILES:
                yield from ("--ro-bind-try", os.path.realpath(f"/etc/{name}"), f"/etc/{name}")
        for name in request.files:
            yield from ("--ro-bind-data", str(data[f"/{name}"]), f"{RUN}/{name}")
        # Last, and nothing below it.
        yield from (
            "--ro-bind" if request.read_only else "--bind",
            place.source(place.folder),
            WORKSPACE,
            "--chdir",
            WORKSPACE,
        )
        yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--seccomp", str(data["filter"]))

    def command(self, request: ExecRequest, seconds: float) -> Iterator[str]:
        """What runs inside: limits, then the program."""
        limits = self._limits(request)
        # The kernel, should it run out of memory, ends these before anything else.
        yield from (self._choom, "-n", "1000", "--")
        yield self._prlimit
        # The watch is exact but late; these are bounds on how much too late.
        yield f"--data={limits.memory_bytes + max(limits.memory_bytes // 4, SPARE_MEMORY)}"
        yield f"--nproc={limits.tasks + SPARE_TASKS}"
        yield f"--fsize={limits.file_bytes}"
        yield f"--cpu={int(seconds) + 2}"
        yield f"--nofile={limits.open_files}"
        yield from ("--core=0", "--memlock=0", "--stack=8388608")
        yield from ("--", *request.argv)

    async def _begin(self, request: ExecRequest, seconds: float, talks: bool) -> tuple[Place, Running, Watch]:
        _check(request)
        running = Running(self._limits(request), self.tier, talks)
        place = await self._places.enter(request.workspace, request.readable)
        try:
            watch = Watch(place.folder, running.limits, (SCRATCH, SHARED_MEMORY) if self.old else ())
            await asyncio.to_thread(watch.prepare)
            await self._launch(request, place, running, seconds, talks or request.pieces is not None)
        except BaseException:
            await whole(place.leave())
            raise
        return place, running, watch

    async def _launch(self, request: ExecRequest, place: Place, running: Running, seconds: float, talks: bool) -> None:
        contents = {f"/{name}": content for name, content in request.files.items()}
        with (
            _memory_files({"filter": self._filter, **_FILES, **contents}) as data,
            _memory_files({"stdin": request.stdin}) as given,
        ):
            options = "\0".join(self.options(request, place, data)) + "\0"
            with _memory_files({"options": os.fsencode(options)}) as said:
                launch = Launch(
                    program=(*place.prefix, self._bwrap),
                    arguments=("--args", str(said["options"]), "--", *self.command(request, seconds)),
                    pass_fds=(*data.values(), *said.values()),
                    uid=None if place.prefix else self._uid,
                    stdin=None if talks else given["stdin"] if request.stdin else asyncio.subprocess.DEVNULL,
                )
                try:
                    await running.begin(launch)
                except (OSError, ValueError) as error:
                    raise NoSandbox(f"bubblewrap cannot be started: {error}", "see `sale-tui doctor`") from error

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

    def _limits(self, request: ExecRequest) -> SandboxLimits:
        return request.limits or self.limits

    def _sizes(self, limits: SandboxLimits) -> Iterator[str]:
        size = [] if self.old else ["--size", str(limits.scratch_bytes)]
        yield from (*size, "--tmpfs", SHARED_MEMORY, *size, "--tmpfs", SCRATCH)

    @cached_property
    def _fixed(self) -> tuple[str, ...]:
        # One by one and not --unshare-all, which goes on where user or cgroup namespaces are refused.
        parts = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        parts += ["--unshare-cgroup", *([] if self.old else ["--disable-userns"])]
        parts += ["--cap-drop", "ALL", "--uid", INNER_ID, "--gid", INNER_ID]
        parts += ["--hostname", "sandbox", "--new-session", "--die-with-parent", "--clearenv"]
        for name, value in (ENVIRONMENT | {"PATH": self._path}).items():
            parts += ["--setenv", name, value]
        parts += ["--ro-bind", "/usr", "/usr", *_system_folders()]
        for name in _SYSTEM_FILES:
            parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        if not self._python.startswith("/usr/"):
            prefix = str(Path(self._python).parent.parent)
            parts += ["--ro-bind", prefix, prefix]
        parts += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
        return tuple(parts)


def tool_python(private: bool) -> str:
    """The Python that tools run with: the system's, or our base installation's; never our virtual environment's.

    ``private``: another user will run it, who must be able to read it. Raises NoSandbox.
    """
    if Path("/usr/bin/python3").exists():
        return "/usr/bin/python3"
    base = Path(os.path.realpath(sys.base_prefix))
    python = base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    readable = all(folder.stat().st_mode & 0o005 == 0o005 for folder in (base, *base.parents)) if private else True
    if base.parts[1:2] and base.parts[1] not in _NOT_A_PREFIX and python.exists() and readable:
        return str(python)
    raise NoSandbox("there is no Python for tools", "install your system's python3, so that /usr/bin/python3 is there")


def _found(name: str, missing: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NoSandbox(missing, f"install the package that holds {name}")
    return str(Path(path).absolute())


def _system_folders() -> Iterable[str]:
    """/bin, /lib ...: links into /usr where they are links, else folders of their own."""
    for name in _SYSTEM_FOLDERS:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


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
    covered = not within_tmp and (folder.parts[1:2] == () or folder.parts[1] in _NOT_A_PREFIX)
    if not folder.is_absolute() or covered or ".." in folder.parts:
        raise NoSandbox(f"{folder} cannot be shown in the sandbox", "name an absolute path outside the sandbox's own")


@contextmanager
def _memory_files(contents: Mapping[str, bytes]) -> Iterator[dict[str, int]]:
    """Descriptors of unnamed files in memory, by name."""
    files: dict[str, int] = {}
    try:
        for name, content in contents.items():
            files[name] = os.memfd_create(name.strip("/")[:100], os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            view = memoryview(content)
            while view:
                view = view[os.write(files[name], view) :]
            os.lseek(files[name], 0, os.SEEK_SET)
            # A program that is given one as its input may not write it, nor grow it.
            fcntl.fcntl(files[name], fcntl.F_ADD_SEALS, _SEALS)
        yield files
    finally:
        for descriptor in files.values():
            os.close(descriptor)
