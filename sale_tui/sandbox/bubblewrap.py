"""Linux: bubblewrap with a minimal root, no network, a system-call filter and limits.

bubblewrap is a kit; the options here are the policy. Nothing is ever mounted below /workspace (CVE-2026-87766), the
real root never runs it, and it is started with an empty environment because its init's is readable from inside.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecResult
from sale_tui.sandbox.base import Ended, SandboxLimits
from sale_tui.sandbox.owner import adopt, spare_uid
from sale_tui.sandbox.process import Launch, run_process
from sale_tui.sandbox.seccomp import program
from sale_tui.sandbox.watch import Watch
from sale_tui.types import SandboxTier

WORKSPACE = "/workspace"
MAIN = "/run/main.py"
SCRATCH = "/tmp"  # noqa: S108 - the sandbox's own
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the sandbox's own
INNER_ID = "1000"
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
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = ("ld.so.cache", "alternatives", "ssl/certs", "localtime")
_NOT_A_PREFIX = ("", "workspace", "proc", "dev", "tmp", "run", "etc")
"""First parts of paths where no Python may be bound."""


class BubblewrapSandbox:
    """The tier ``full``, once its self-test has passed (``check.self_test``); ``detect`` gives out no other."""

    def __init__(
        self, workspaces: Path, limits: SandboxLimits | None = None, bwrap: str | None = None, old: bool = False
    ) -> None:
        """``workspaces``: the folder of all runs' workspaces; no other folder is ever bound.

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
        self._python = tool_python(private=self._uid is not None)
        self._filter = program()
        self._adopting = asyncio.Lock()

    @property
    def tier(self) -> SandboxTier:
        """Always ``full``."""
        return "full"

    @property
    def advice(self) -> str:
        """Nothing to advise."""
        return ""

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        """Run a program in a workspace; cancelling it kills its whole tree. Raises NoSandbox."""
        return (await self.run(code, workspace, timeout_seconds)).as_result()

    async def run(self, code: str, workspace: Path, timeout_seconds: float) -> Ended:
        """The same with everything that is known of its end."""
        folder = await self._own(workspace)
        seconds = min(timeout_seconds, self.limits.seconds)
        with _memory_files(
            filter=self._filter, main=code.encode("utf-8", "replace"), passwd=_PASSWD, group=_GROUP, hosts=_HOSTS
        ) as data:
            options = "\0".join(self.options(folder, data)) + "\0"
            with _memory_files(options=options.encode("utf-8", "surrogateescape")) as given:
                launch = Launch(
                    bwrap=self._bwrap,
                    arguments=("--args", str(given["options"]), "--", *self.command(seconds)),
                    pass_fds=(*data.values(), *given.values()),
                    uid=self._uid,
                )
                try:
                    return await run_process(launch, self.limits, seconds, self._watch(folder))
                except OSError as error:
                    raise NoSandbox(f"bubblewrap cannot be started: {error}", "see `sale-tui doctor`") from error
                finally:
                    # The program may have shut it; its name is in a folder of ours, so it is still the same folder.
                    folder.chmod(0o700)

    def options(self, workspace: Path, data: dict[str, int]) -> Iterator[str]:
        """bubblewrap's options; ``data``: descriptors of filter, main, passwd, group, hosts."""
        yield from self._fixed
        for name in ("passwd", "group", "hosts"):
            yield from ("--ro-bind-data", str(data[name]), f"/etc/{name}")
        yield from ("--ro-bind-data", str(data["main"]), MAIN)
        # Last, and nothing below it.
        yield from ("--bind", str(workspace), WORKSPACE, "--chdir", WORKSPACE)
        yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--seccomp", str(data["filter"]))

    def command(self, seconds: float) -> Iterator[str]:
        """What runs inside: limits, then Python."""
        limits = self.limits
        yield self._prlimit
        yield f"--data={limits.memory_bytes}"
        yield f"--nproc={limits.tasks}"
        yield f"--fsize={limits.file_bytes}"
        yield f"--cpu={int(seconds) + 2}"
        yield f"--nofile={limits.open_files}"
        yield from ("--core=0", "--memlock=0", "--stack=8388608")
        yield from ("--", self._python, "-B", MAIN)

    def _watch(self, folder: Path) -> Watch:
        return Watch(folder, self.limits, (SCRATCH, SHARED_MEMORY) if self.old else ())

    @cached_property
    def _fixed(self) -> tuple[str, ...]:
        size = [] if self.old else ["--size", str(self.limits.scratch_bytes)]
        # One by one and not --unshare-all, which goes on where user or cgroup namespaces are refused.
        parts = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        parts += ["--unshare-cgroup", *([] if self.old else ["--disable-userns"])]
        parts += ["--cap-drop", "ALL", "--uid", INNER_ID, "--gid", INNER_ID]
        parts += ["--hostname", "sandbox", "--new-session", "--die-with-parent", "--clearenv"]
        for name, value in ENVIRONMENT.items():
            parts += ["--setenv", name, value]
        parts += ["--ro-bind", "/usr", "/usr", *_system_folders()]
        for name in _SYSTEM_FILES:
            parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        if not self._python.startswith("/usr/"):
            prefix = str(Path(self._python).parent.parent)
            parts += ["--ro-bind", prefix, prefix]
        parts += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
        parts += [*size, "--tmpfs", SHARED_MEMORY, *size, "--tmpfs", SCRATCH]
        return tuple(parts)

    async def _own(self, workspace: Path) -> Path:
        folder = Path(os.path.realpath(workspace))
        if not folder.is_relative_to(os.path.realpath(self.workspaces)) or not folder.is_dir():
            raise NoSandbox(f"{workspace} is no workspace", f"workspaces are folders below {self.workspaces}")
        if self._uid is not None:
            async with self._adopting:
                await asyncio.to_thread(adopt, folder, self._uid)
        return folder


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


@contextmanager
def _memory_files(**contents: bytes) -> Iterator[dict[str, int]]:
    """Descriptors of unnamed files in memory, by name."""
    files: dict[str, int] = {}
    try:
        for name, content in contents.items():
            files[name] = os.memfd_create(name)
            view = memoryview(content)
            while view:
                view = view[os.write(files[name], view) :]
            os.lseek(files[name], 0, os.SEEK_SET)
        yield files
    finally:
        for descriptor in files.values():
            os.close(descriptor)
