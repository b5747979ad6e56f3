"""Linux: bubblewrap with a minimal root, no network, a system-call filter and limits.

bubblewrap is a kit; the options here are the policy. Nothing is ever mounted below /workspace (CVE-2026-87766), the
real root never runs it, and it is started with an empty environment because its init's is readable from inside.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.launched import ENVIRONMENT, RUN, SCRATCH, SPARE_MEMORY, SPARE_TASKS, WORKSPACE, LaunchedSandbox
from sale_tui.sandbox.memory_files import memory_files
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.process import Launch, Running
from sale_tui.sandbox.seccomp import program
from sale_tui.sandbox.watch import Watch
from sale_tui.types import SandboxLimits, SandboxTier

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the sandbox's own
INNER_ID = "1000"

_PASSWD = b"root:x:0:0:root:/:/bin/sh\nagent:x:1000:1000:agent:/tmp:/bin/sh\n"
_GROUP = b"root:x:0:\nagent:x:1000:\n"
_HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"
_FILES = {"passwd": _PASSWD, "group": _GROUP, "hosts": _HOSTS}
_NETWORK_FILES = ("resolv.conf", "nsswitch.conf", "gai.conf", "services", "protocols")
"""What a program needs of /etc to find others in the network."""
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = ("ld.so.cache", "alternatives", "ssl/certs", "localtime")


class BubblewrapSandbox(LaunchedSandbox):
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
        super().__init__(workspaces, limits, named)
        self.old = old
        self._bwrap = bwrap or _found("bwrap", "bubblewrap is not installed")
        self._prlimit = _found("prlimit", "prlimit (of util-linux) is not installed")
        self._choom = _found("choom", "choom (of util-linux) is not installed")
        self._filter = program()

    @property
    def tier(self) -> SandboxTier:
        """Always ``full``."""
        return "full"

    @property
    def advice(self) -> str:
        """Nothing to advise."""
        return ""

    def options(self, request: ExecRequest, place: Place, data: dict[str, int]) -> Iterator[str]:
        """bubblewrap's options; ``data``: descriptors of filter, passwd, group, hosts and of each file."""
        yield from self._fixed
        if not request.net:
            yield "--unshare-net"
        yield from self._sizes(self.limits_of(request))
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
        limits = self.limits_of(request)
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

    async def prepare(self, request: ExecRequest, place: Place) -> Watch:
        """Nothing is needed; an old bubblewrap's file systems in memory are watched."""
        return Watch(place.folder, self.limits_of(request), (SCRATCH, SHARED_MEMORY) if self.old else ())

    async def launch(self, request: ExecRequest, place: Place, running: Running, seconds: float, talks: bool) -> None:
        """Begin it under bubblewrap. Raises OSError, ValueError."""
        contents = {f"/{name}": content for name, content in request.files.items()}
        with (
            memory_files({"filter": self._filter, **_FILES, **contents}) as data,
            memory_files({"stdin": request.stdin}) as given,
        ):
            options = "\0".join(self.options(request, place, data)) + "\0"
            with memory_files({"options": os.fsencode(options)}) as said:
                launch = Launch(
                    program=(*place.prefix, self._bwrap),
                    arguments=("--args", str(said["options"]), "--", *self.command(request, seconds)),
                    pass_fds=(*data.values(), *said.values()),
                    uid=None if place.prefix else self.uid,
                    stdin=None if talks else given["stdin"] if request.stdin else asyncio.subprocess.DEVNULL,
                )
                await running.begin(launch)

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
        for name, value in (ENVIRONMENT | {"PATH": self.path}).items():
            parts += ["--setenv", name, value]
        parts += ["--ro-bind", "/usr", "/usr", *_system_folders()]
        for name in _SYSTEM_FILES:
            parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        if not self.python.startswith("/usr/"):
            prefix = str(Path(self.python).parent.parent)
            parts += ["--ro-bind", prefix, prefix]
        parts += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
        return tuple(parts)


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
