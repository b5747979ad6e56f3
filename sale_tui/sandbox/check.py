"""The sandbox is used only after it has shown that it holds: probes from inside against live canaries outside."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecResult
from sale_tui.sandbox.bubblewrap import INNER_ID
from sale_tui.sandbox.launched import ENVIRONMENT, WORKSPACE, LaunchedSandbox, MadeOf
from sale_tui.trees import remove_tree

PROBES = 20
REDUCED_PROBES = 30
STRONG_PROBES = 20
_NEEDED: dict[MadeOf, int] = {"namespaces": PROBES, "landlock": REDUCED_PROBES, "seatbelt": 16, "gvisor": STRONG_PROBES}
"""Fewer that held, and the probe was not the one that we have sent."""
_OWN_ROOT: tuple[MadeOf, ...] = ("namespaces", "gvisor")
SECONDS = 10.0
_CANARY = b"canary"
_SYSCTL = "/proc/sys/kernel/core_pattern"
_EVERYBODYS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - nothing may be written there


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the self-test found."""

    held: tuple[str, ...]
    """Promises that held."""
    broken: tuple[str, ...]
    """Those that did not."""
    trouble: str = ""
    """Why the test itself could not be done."""
    needed: int = PROBES
    """Of promises that have held."""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Every promise held."""
        return not self.broken and not self.trouble and len(self.held) >= self.needed


class _Report(msgspec.Struct, frozen=True):
    token: str
    held: dict[str, bool]


async def self_test(sandbox: LaunchedSandbox) -> Verdict:
    """Try the sandbox from inside, in a workspace of its own. Raises NoSandbox where nothing can be started."""
    token = secrets.token_hex(16)
    with _folder(sandbox.workspaces) as folder, _listener() as listener:
        workspace, canary = folder / "workspace", folder / "outside" / "canary"
        workspace.mkdir(mode=0o700)
        canary.parent.mkdir(mode=0o777)
        # Open to everybody: what keeps the probe out must be the sandbox.
        canary.parent.chmod(0o777)
        canary.write_bytes(_CANARY)
        canary.chmod(0o666)
        if sandbox.uid is not None:
            os.chown(canary, sandbox.uid, -1)
        facts = {
            "token": token,
            "canary": str(canary),
            "sysctl": _SYSCTL,
            "environment": [*ENVIRONMENT, "PWD", "LC_CTYPE"],
            "listener": listener.getsockname(),
            "uid": int(INNER_ID),
            "made_of": sandbox.made_of,
            "workspace": WORKSPACE if sandbox.made_of in _OWN_ROOT else str(workspace),
            "shared": _EVERYBODYS,
            "pid": os.getpid(),
            "kernel": os.uname().version,
        }
        before = canary.stat()
        ended = await sandbox.run_python(_program(facts), workspace, SECONDS)
        touched = [*_touched(canary, before, listener), *_left(token)]
        return _judge(ended, token, touched, _NEEDED[sandbox.made_of])


def _program(facts: dict[str, Any]) -> str:
    source = (resources.files("sale_tui.sandbox") / "probe.py").read_text("utf-8")
    return f"{source}\n\nmain(json.loads({msgspec.json.encode(facts).decode()!r}))\n"


def _judge(ended: ExecResult, token: str, touched: list[str], needed: int) -> Verdict:
    trouble = ended.stderr.strip() or f"the probe ended with {ended.reason or ended.exit} and said nothing"
    try:
        report = msgspec.json.decode(ended.stdout, type=_Report)
    except msgspec.DecodeError:
        return Verdict(held=(), broken=tuple(touched), trouble=trouble, seconds=ended.wall_s)
    if report.token != token or ended.exit != 0:
        return Verdict(held=(), broken=tuple(touched), trouble=trouble, seconds=ended.wall_s)
    held = tuple(name for name, holds in report.held.items() if holds)
    broken = tuple(name for name, holds in report.held.items() if not holds)
    return Verdict(held=held, broken=(*broken, *touched), needed=needed, seconds=ended.wall_s)


def _touched(canary: Path, before: os.stat_result, listener: socket.socket) -> list[str]:
    """What the probe reached, as seen from outside."""
    found = []
    if canary.read_bytes() != _CANARY or len(list(canary.parent.iterdir())) != 1:
        found.append("a file outside was written")
    now = canary.stat()
    if (now.st_mode, now.st_uid, now.st_mtime_ns) != (before.st_mode, before.st_uid, before.st_mtime_ns):
        found.append("rights or times of a file outside were changed")
    try:
        listener.accept()[0].close()
        found.append("the network was reached")
    except BlockingIOError:
        pass
    return found


def _left(token: str) -> list[str]:
    """What the probe could write into folders of everybody; it is removed."""
    found = [Path(folder, token) for folder in _EVERYBODYS if Path(folder, token).exists()]
    for path in found:
        path.unlink()
    return [f"{path.parent} was written" for path in found]


@contextmanager
def _folder(base: Path) -> Iterator[Path]:
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="self-test-", dir=base))
        folder.chmod(0o711)
    except OSError as error:
        raise NoSandbox(f"no workspace can be made in {base}: {error.strerror}", "free space there") from error
    try:
        yield folder
    finally:
        remove_tree(folder)


@contextmanager
def _listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.setblocking(False)
        yield listener
