"""The self-test's program: tries to get out, from inside. Run as a text in the sandbox, it imports nothing of ours."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

NOT_PERMITTED = 1
TIOCSTI = 0x5412
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000
GET_NO_NEW_PRIVILEGES, GET_SECCOMP = 39, 21
CAPABILITIES_VERSION = 0x20080522


def main(facts: dict[str, Any]) -> None:
    """Print the token that was given, and for each promise whether it held. ``facts``: see ``check.self_test``."""
    probes = _probes(facts)
    if facts["made_of"] == "namespaces":
        probes |= _calls() | _own_root(facts)
    elif facts["made_of"] == "gvisor":
        probes |= _calls() | _own_kernel(facts)
    elif facts["made_of"] == "landlock":
        probes |= _calls() | _outside(facts) | _shared_root(facts)
    else:
        probes |= _outside(facts)
    held = {name: _holds(probe) for name, probe in probes.items()}
    json.dump({"token": facts["token"], "held": held}, sys.stdout)


def _probes(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """What every sandbox promises."""
    canary = Path(facts["canary"])
    return {
        "files outside cannot be read": lambda: _refused(canary.read_bytes),
        "files outside cannot be written": lambda: _refused(lambda: canary.write_text("x")),
        "folders outside cannot be listed": lambda: _refused(lambda: list(canary.parent.iterdir())),
        "the workspace can be written": lambda: _writable(Path(facts["workspace"]) / "probe"),
        "/usr cannot be written": lambda: _refused(lambda: Path("/usr/probe").write_text("x")),
        "the root cannot be written": lambda: _refused(lambda: Path("/probe").write_text("x")),
        "/proc/sys cannot be written": lambda: _refused(lambda: Path(facts["sysctl"]).open("r+b").close()),
        "the environment is clean": lambda: set(os.environ) <= set(facts["environment"]),
        "no descriptor is inherited": lambda: not any(map(_is_open, range(3, 64))),
        "the network is not there": lambda: _refused(lambda: socket.create_connection(tuple(facts["listener"]), 1)),
        "local services cannot be asked": lambda: _refused(lambda: socket.socket(socket.AF_UNIX)),
    }


def _calls() -> dict[str, Callable[[], bool]]:
    """What every sandbox of Linux promises besides."""
    return {
        "no namespaces can be made": lambda: all(_not_permitted("unshare", kind) for kind in (NEW_USER, NEW_MOUNTS)),
        "no process can be traced": lambda: _not_permitted("ptrace", 0, 0, 0, 0),
        "no terminal can be typed into": _refused_typing,
    }


def _own_root(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """What a sandbox promises besides that has namespaces, and so a root, users and processes of its own."""
    return {
        "the user is nobody": lambda: os.getuid() == facts["uid"] and os.getgid() == facts["uid"],
        "no capability is left": lambda: _powerless("self"),
        "no right can be gained": lambda: _status("self")["NoNewPrivs"] == "1",
        "system calls are filtered": lambda: _status("self")["Seccomp"] == "2" and _not_permitted("chroot", b"/"),
        # A program can write to its init's memory, which gains it nothing as long as this holds.
        "its init is bound like itself": lambda: _powerless("1") and _status("1")["Seccomp"] == "2",
        "processes outside are not seen": lambda: sum(entry.name.isdigit() for entry in Path("/proc").iterdir()) <= 4,
    }


def _own_kernel(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """What a sandbox promises besides whose programs run on a kernel of its own."""
    library, own = ctypes.CDLL(None), Path(facts["workspace"]) / "own"
    return {
        "the kernel is its own": lambda: (
            facts["kernel"] not in f"{os.uname().version} {Path('/proc/version').read_text()}"
        ),
        "no capability is left": _incapable,
        "no right can be gained": lambda: library.prctl(GET_NO_NEW_PRIVILEGES, 0, 0, 0, 0) == 1,
        "system calls are filtered": lambda: (
            library.prctl(GET_SECCOMP, 0, 0, 0, 0) == 2 and _not_permitted("chroot", b"/")
        ),
        "no rights of its user can be left behind": lambda: (
            own.write_text("x") == 1 and _refused(lambda: own.chmod(0o4755))
        ),
        "processes outside are not seen": lambda: sum(entry.name.isdigit() for entry in Path("/proc").iterdir()) <= 4,
    }


def _outside(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """What one promises besides that stands in the host's own root, among the host's processes."""
    canary = Path(facts["canary"])
    return {
        "temporary files can be written": lambda: _writable(Path(os.environ["TMPDIR"]) / "probe"),
        "folders of everybody cannot be written": lambda: all(
            map(_refused, (partial(Path(folder, facts["token"]).write_text, "x") for folder in facts["shared"]))
        ),
        "rights of files outside stay": lambda: _refused(lambda: canary.chmod(0o600)),
        "times of files outside stay": lambda: _times_stay(canary),
        "processes outside get no signals": lambda: _refused(lambda: os.kill(facts["pid"], 0)),
    }


def _shared_root(facts: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """What Landlock and its filter promise besides."""
    canary, library, keeper = Path(facts["canary"]), ctypes.CDLL(None), os.getppid()
    return {
        "attributes of files outside stay": lambda: _refused(lambda: os.setxattr(canary, "user.probe", b"x")),
        "folders outside cannot be watched": lambda: library.inotify_init() == -1,
        "/proc is shut": lambda: all(
            map(_refused, (lambda: list(Path("/proc").iterdir()), Path("/proc/self/status").read_bytes))
        ),
        "its keeper gets no signals": lambda: _refused(lambda: os.kill(keeper, 0)),
        "its keeper keeps its limits": lambda: _refused(lambda: resource.prlimit(keeper, resource.RLIMIT_NOFILE)),
        "its keeper keeps its turn": lambda: _refused(lambda: os.setpriority(os.PRIO_PROCESS, keeper, 0)),
        "its group cannot be left": lambda: _refused(lambda: os.setpgid(0, 0)),
        "no datagrams can be sent": lambda: _refused(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)),
        "no capability is left": _incapable,
        "no right can be gained": lambda: library.prctl(GET_NO_NEW_PRIVILEGES, 0, 0, 0, 0) == 1,
        "system calls are filtered": lambda: library.prctl(GET_SECCOMP, 0, 0, 0, 0) == 2,
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


def _times_stay(path: Path) -> bool:
    """Whether they are the same after they were set, whatever the answer was."""
    before = path.stat()
    with contextlib.suppress(OSError):
        os.utime(path, (1, 1))
    return path.stat().st_mtime_ns == before.st_mtime_ns


def _incapable() -> bool:
    """Whether none of the three sets of capabilities holds one; without /proc, the kernel is asked."""
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
    return ctypes.CDLL(None).capget(header, sets) == 0 and not any(sets)


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
