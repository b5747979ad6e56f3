"""The self-test's program: tries to get out, from inside. Run as a text in the sandbox, it imports nothing of ours."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOT_PERMITTED = 1
TIOCSTI = 0x5412
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000


def main(facts: dict[str, Any]) -> None:
    """Print the token that was given, and for each promise whether it held. ``facts``: see ``check.self_test``."""
    held = {name: _holds(probe) for name, probe in _probes(facts).items()}
    json.dump({"token": facts["token"], "held": held}, sys.stdout)


def _probes(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    canary = Path(facts["canary"])
    return {
        "files outside cannot be read": lambda: _refused(canary.read_bytes),
        "files outside cannot be written": lambda: _refused(lambda: canary.write_text("x")),
        "folders outside cannot be listed": lambda: _refused(lambda: list(canary.parent.iterdir())),
        "the workspace can be written": lambda: _writable(Path("/workspace/probe")),
        "/usr cannot be written": lambda: _refused(lambda: Path("/usr/probe").write_text("x")),
        "the root cannot be written": lambda: _refused(lambda: Path("/probe").write_text("x")),
        "/proc/sys cannot be written": lambda: _refused(lambda: Path(facts["sysctl"]).open("r+b").close()),
        "the environment is clean": lambda: set(os.environ) <= set(facts["environment"]),
        "no descriptor is inherited": lambda: not any(map(_is_open, range(3, 64))),
        "the network is not there": lambda: _refused(lambda: socket.create_connection(tuple(facts["listener"]), 1)),
        "local services cannot be asked": lambda: _refused(lambda: socket.socket(socket.AF_UNIX)),
        "the user is nobody": lambda: os.getuid() == facts["uid"] and os.getgid() == facts["uid"],
        "no capability is left": lambda: _powerless("self"),
        "no right can be gained": lambda: _status("self")["NoNewPrivs"] == "1",
        "system calls are filtered": lambda: _status("self")["Seccomp"] == "2" and _not_permitted("chroot", b"/"),
        # A program can write to its init's memory, which gains it nothing as long as this holds.
        "its init is bound like itself": lambda: _powerless("1") and _status("1")["Seccomp"] == "2",
        "no namespaces can be made": lambda: all(_not_permitted("unshare", kind) for kind in (NEW_USER, NEW_MOUNTS)),
        "no process can be traced": lambda: _not_permitted("ptrace", 0, 0, 0, 0),
        "no terminal can be typed into": _refused_typing,
        "processes outside are not seen": lambda: sum(entry.name.isdigit() for entry in Path("/proc").iterdir()) <= 4,
    }


def _holds(probe: Callable[[], bool]) -> bool:
    try:
        return bool(probe())
    except Exception:  # noqa: BLE001 - what cannot be shown to hold does not
        return False


def _refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return True
    return False


def _is_open(descriptor: int) -> bool:
    return not _refused(lambda: os.fstat(descriptor))


def _writable(path: Path) -> bool:
    path.write_text("x")
    path.unlink()
    return True


def _not_permitted(function: str, *arguments: object) -> bool:
    """Whether the C library's function is answered "not permitted"."""
    library = ctypes.CDLL(None, use_errno=True)
    return getattr(library, function)(*arguments) == -1 and ctypes.get_errno() == NOT_PERMITTED


def _refused_typing() -> bool:
    try:
        fcntl.ioctl(0, TIOCSTI, b"x")
    except OSError as error:
        return error.errno == NOT_PERMITTED
    return False


def _status(process: str) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _powerless(process: str) -> bool:
    facts = _status(process)
    return all(int(facts[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
