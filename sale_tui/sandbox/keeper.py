"""Starts one program within limits and keeps its processes together: at its end, or when told to, all of them end.

Run as a text by the Python for tools, so it imports nothing of ours. What it is to do comes as a JSON object from a
descriptor: ``argv``, ``environment``, ``folder`` (where it starts), ``limits`` (name of an RLIMIT to its value),
``tasks`` (beyond those that its user has already), and, where the program is to be shut in, ``filter`` (a BPF program,
in base 64), ``handled`` (what Landlock refuses: files, ports, scopes) and ``rules`` (see ``landlock``).
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Any

LINUX = os.uname().sysname == "Linux"
PIECE = 4096
NOT_FOUND, NOT_RUN = 127, 126
"""Statuses of a program that is not there, or cannot be run: those of every shell."""
SET_PARENT_SIGNAL, NO_NEW_PRIVILEGES, SECCOMP, FILTER, SUBREAPER = 1, 38, 22, 2, 36
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
BENEATH = 1
MANY = 1000
"""Processes, where the system does not tell how many there are."""


class Program(ctypes.Structure):
    """sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class Ruleset(ctypes.Structure):
    """landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    """landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def main() -> None:
    """``--json-status-fd N --job N``: the program's status goes to the first, what to do comes from the second."""
    status, job = int(sys.argv[2]), int(sys.argv[4])
    os.set_inheritable(status, False)
    with os.fdopen(job, "rb") as file:
        wanted = json.load(file)
    keep(status, wanted)


def keep(status: int, job: dict[str, Any]) -> None:
    """Start it, wait for its end or the word to end it, end the others, tell its status."""
    told: list[int] = []
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    if LINUX:
        _control(SUBREAPER, 1)
    child, fault = start(job)
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    # Nobody can write to us by it: what comes is that its reader, who would end us, has ended.
    poll.register(status, 0)
    code = reap(child)
    while code is None and not told:
        for descriptor, _ in poll.poll():
            if descriptor == status:
                told.append(signal.SIGTERM)
            else:
                os.read(woken, PIECE)
        code = reap(child)
    end(child)
    if fault:
        sys.stderr.write(f"the sandbox cannot be set up: {fault}\n")
    elif code is not None and not told:
        os.write(status, json.dumps({"exit-code": code}).encode() + b"\n")


def start(job: dict[str, Any]) -> tuple[int, str]:
    """The program's process, and why it could not be shut in (empty where it was: it runs then)."""
    parent = os.getpid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(job, parent)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the program must not run
            os.write(write, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:PIECE])
        finally:
            os._exit(NOT_RUN)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        return child, file.read().decode("utf-8", "replace")


def become(job: dict[str, Any], parent: int) -> None:
    """Shut ourselves in and become the program."""
    signal.set_wakeup_fd(-1)
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if LINUX:
        _control(SET_PARENT_SIGNAL, signal.SIGKILL)
        # The kernel, should it run out of memory, ends these before anything else.
        with contextlib.suppress(OSError), Path("/proc/self/oom_score_adj").open("w") as file:
            file.write("1000")
    if os.getppid() != parent:
        os._exit(NOT_RUN)
    os.chdir(job["folder"])
    limit(job["limits"], job["tasks"])
    if "rules" in job:
        _control(NO_NEW_PRIVILEGES, 1)
        landlock(job["handled"], job["rules"])
        filter_calls(base64.b64decode(job["filter"]))
    try:
        os.execvpe(job["argv"][0], job["argv"], job["environment"])  # noqa: S606 - the program that we are for
    except OSError as error:
        sys.stderr.write(f"{job['argv'][0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN)


def limit(limits: dict[str, int], tasks: int) -> None:
    """Bounds that the kernel holds; one that is below already stays."""
    for name, value in {**limits, "NPROC": owned() + tasks}.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            _, most = resource.getrlimit(kind)
            bound = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(kind, (bound, bound))


def owned() -> int:
    """Tasks that our user has in the whole machine: RLIMIT_NPROC counts them all."""
    found, user = 0, os.geteuid()
    if not LINUX:
        return MANY
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if process.stat().st_uid == user:
                    found += (process / "task").stat().st_nlink - 2
    return found


def landlock(handled: list[int], rules: list[tuple[str, int, bool]]) -> None:
    """None of the handled rights but these: [path, rights, whether it must be there] each. Raises OSError."""
    whole = Ruleset(*handled)
    ruleset = _call(LANDLOCK_CREATE, ctypes.byref(whole), ctypes.sizeof(whole), 0)
    for path, rights, needed in rules:
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            if needed:
                raise
            continue
        _call(LANDLOCK_ADD, ruleset, BENEATH, ctypes.byref(Beneath(rights, folder)), 0)
        os.close(folder)
    _call(LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def filter_calls(program: bytes) -> None:
    """Load a system-call filter. Raises OSError."""
    given = Program(len(program) // 8, program)
    _control(SECCOMP, FILTER, ctypes.byref(given))


def reap(child: int) -> int | None:
    """The program's status once it has ended, 128 + n where signal n has ended it; others that have ended are buried.

    The program itself is not buried: as long as it is not, its number names its group and nobody else's.
    """
    if not hasattr(os, "waitid"):
        pid, how = os.waitpid(child, os.WNOHANG)
        return None if pid == 0 else os.WEXITSTATUS(how) if os.WIFEXITED(how) else 128 + os.WTERMSIG(how)
    ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is not None:
        return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
    for pid in children():
        if pid != child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return None


def end(child: int) -> None:
    """End the program's whole group, then whatever has left it, until nothing is left."""
    below = descendants()
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    while True:
        for pid in {*children(), *below}:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            below = descendants()
            if not below:
                return


def children() -> list[int]:
    """Our own; on Linux every process of the run whose parent has ended is one."""
    try:
        with Path(f"/proc/self/task/{os.getpid()}/children").open() as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def descendants() -> list[int]:
    """All processes below us where they do not become our children by themselves; on Linux they do."""
    if LINUX:
        return []
    library = ctypes.CDLL("/usr/lib/libproc.dylib")
    found: list[int] = []
    open_ = [os.getpid()]
    while open_:
        buffer = (ctypes.c_int * MANY)()
        count = library.proc_listchildpids(open_.pop(), buffer, ctypes.sizeof(buffer))
        below = buffer[: max(count, 0)]
        found += below
        open_ += below
    return found


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


def _control(option: int, *values: object) -> None:
    given = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in values]
    given += [ctypes.c_ulong(0)] * (4 - len(given))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(ctypes.c_int(option), *given) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _call(number: int, *values: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    answer: int = library.syscall(ctypes.c_long(number), *given)
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return answer
