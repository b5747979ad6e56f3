"""The attacks, as root and as an ordinary user; before and after them the machine outside is the same."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sandbox import attacks

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).resolve().parents[2]
USERS = ("root", "ordinary") if os.geteuid() == 0 else ("ordinary",)
ORDINARY = 54321
"""Whom root becomes to be an ordinary user."""
RUNNER = """
import asyncio, atexit, json, os, subprocess, sys
from pathlib import Path
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.reduced import ReducedSandbox
base, program = Path(sys.argv[1]), sys.stdin.read()
box = {"full": BubblewrapSandbox, "reduced": ReducedSandbox}[sys.argv[3]](base)
workspace = base / "attack"
workspace.mkdir(mode=0o700)
(workspace / "socket").symlink_to(sys.argv[2])
own = base / "own"
own.write_text("#!/bin/sh")
own.chmod(0o755)
os.setxattr(own, "user.canary", b"1")
if box.uid is not None:
    os.chown(own, box.uid, box.uid)
neighbour = subprocess.Popen(["sleep", "600"], start_new_session=True, user=box.uid, group=box.uid,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(neighbour.kill)
def neighbourly():
    pid, facts = neighbour.pid, own.stat()
    return [neighbour.poll(), os.getpriority(os.PRIO_PROCESS, pid), list(os.sched_getaffinity(pid)),
            os.sched_getscheduler(pid), Path(f'/proc/{pid}/limits').read_text(), own.read_text(), facts.st_mode,
            facts.st_mtime, facts.st_ctime, os.listxattr(own)]
before = neighbourly()
for unknown, known in (("'neighbour': 0", neighbour.pid), ("'own': ''", str(own))):
    program = program.replace(unknown, unknown.split(": ")[0] + f": {known!r}")
result = asyncio.run(box.run_python(program, workspace, 60))
left = [path.name for path in workspace.iterdir() if not (path.is_file() or path.is_symlink() or path.is_dir())]
marked = [path.name for path in workspace.iterdir() if path.lstat().st_mode & 0o6000 and not path.is_symlink()]
changed = [[was, now] for was, now in zip(before, neighbourly()) if was != now]
print(json.dumps([result.stdout, result.stderr, result.exit, result.reason, left, marked, changed]))
"""


class Outside:
    """Live canaries on the host."""

    def __init__(self, folder: Path, kept: ExitStack) -> None:
        self.folder = folder
        self.secret, self.token = secrets.token_hex(16), secrets.token_hex(16)
        folder.chmod(0o777)
        self.canary = folder / "canary"
        self.canary.write_text(self.secret)
        self.canary.chmod(0o666)
        self.shared = Path("/dev/shm") / f"canary-{self.token}"
        self.shared.write_text(self.secret)
        self.shared.chmod(0o666)
        kept.callback(self.shared.unlink)
        self.listeners = []
        for address in (("127.0.0.1", 0), str(folder / "socket"), f"\0{self.token}"):
            family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
            listener = kept.enter_context(socket.socket(family))
            listener.bind(address)
            listener.listen(8)
            listener.setblocking(False)
            self.listeners.append(listener)
        (folder / "socket").chmod(0o777)
        self.letters = kept.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.letters.bind(str(folder / "letters"))
        self.letters.setblocking(False)
        (folder / "letters").chmod(0o777)
        self.process = subprocess.Popen(["sleep", "600"])
        kept.callback(self.process.wait)
        kept.callback(self.process.kill)
        self.before = self.seen()

    def facts(self) -> dict[str, object]:
        """What the attacks are told."""
        return {
            "canary": str(self.canary), "folder": str(self.folder), "secret": self.secret, "token": self.token,
            "port": self.listeners[0].getsockname()[1], "socket": str(self.folder / "socket"),
            "abstract": self.token, "pid": self.process.pid, "shared": self.shared.name, "host": os.uname().nodename,
            "letters": str(self.folder / "letters"), "neighbour": 0, "own": "",
        }  # fmt: skip

    def seen(self) -> object:
        """Everything that an attack could have changed."""
        facts = self.canary.lstat()
        visits = 0
        for listener in self.listeners:
            try:
                listener.accept()[0].close()
                visits += 1
            except BlockingIOError:
                pass
        try:
            visits += len(self.letters.recv(1))
        except BlockingIOError:
            pass
        names = sorted(path.name for path in self.folder.iterdir())
        pattern = Path("/proc/sys/kernel/core_pattern").read_bytes()
        return (
            self.canary.read_text(), facts.st_mode, facts.st_uid, facts.st_nlink, names,
            self.shared.read_text(), visits, pattern, os.uname().nodename, self.process.poll(),
        )  # fmt: skip


@pytest.fixture
def outside() -> Iterator[Outside]:
    with ExitStack() as kept, tempfile.TemporaryDirectory(prefix="outside-", dir="/var/tmp") as folder:
        yield Outside(Path(folder), kept)


@pytest.fixture
def base(outside: Outside) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="attacked-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def attacked(user: str, base: Path, outside: Outside, group: dict[str, str], tier: str = "full") -> list[object]:
    """What a run of attacks by one user came to."""
    other = user == "ordinary" and os.geteuid() == 0
    base.chmod(0o711)
    if other:
        os.chown(base, ORDINARY, ORDINARY)
    done = subprocess.run(
        [PYTHON if other else sys.executable, "-c", RUNNER, str(base), str(outside.folder / "socket"), tier],
        input=attacks.program(group, outside.facts()), capture_output=True, text=True, timeout=110, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PATHS, "SECRET": outside.token, "PYTHONDONTWRITEBYTECODE": "1"},
        user=ORDINARY if other else None, group=ORDINARY if other else None, extra_groups=[] if other else None,
        cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


PYTHON = "/usr/bin/python3"
"""The system's, which an ordinary user can run wherever ours lies."""
PATHS = os.pathsep.join([str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))])
GROUPS = {"reads": attacks.READS, "writes": attacks.WRITES, "reaches": attacks.REACHES, "processes": attacks.PROCESSES,
          "neighbours": attacks.NEIGHBOURS}  # fmt: skip


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("group", GROUPS)
def test_no_attack_gets_out(user: str, group: str, base: Path, outside: Outside) -> None:
    handled = signal.getsignal(signal.SIGUSR1)
    stdout, stderr, status, reason, left, marked, changed = attacked(user, base, outside, GROUPS[group])
    assert (status, reason) == (0, None), (stdout, stderr)
    assert json.loads(str(stdout)) == {"tried": len(GROUPS[group]), "out": []}
    assert (left, marked, changed) == ([], [], [])
    assert outside.seen() == outside.before
    assert signal.getsignal(signal.SIGUSR1) == handled


@pytest.mark.parametrize("user", USERS)
def test_reduced_holds_what_it_promises(user: str, base: Path, outside: Outside) -> None:
    stdout, stderr, status, reason, left, marked, changed = attacked(user, base, outside, attacks.ALL, "reduced")
    assert (status, reason) == (0, None), (stdout, stderr)
    found = json.loads(str(stdout))
    assert found["tried"] == len(attacks.ALL)
    assert set(found["out"]) == set(attacks.NOT_IN_REDUCED)
    assert (left, marked, changed) == ([], [], [])
    assert outside.seen() == outside.before


@pytest.mark.parametrize("group", GROUPS)
def test_attacks_would_be_seen_to_get_out(group: str, outside: Outside, tmp_path: Path) -> None:
    harmless = ("read a file outside by its path", "reach the host's loopback", "make a file outside",
                "see processes of the host", "leave a pipe", "send a datagram by a pair of sockets",
                "make a file among everybody's")  # fmt: skip
    bare = {name: attack for name, attack in GROUPS[group].items() if name in harmless}
    done = subprocess.run(
        [sys.executable, "-c", attacks.program(bare, outside.facts())], capture_output=True, check=False, cwd=tmp_path
    )
    assert json.loads(done.stdout)["out"] == list(bare)
    assert bare


def test_documentation_names_what_reduced_does_not_hold() -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    assert [name for name in attacks.NOT_IN_REDUCED if f'"{name}"' not in text] == []


def test_there_are_many_attacks() -> None:
    assert len(attacks.ALL) >= 80
    assert len(attacks.ALL) == sum(map(len, GROUPS.values()))


HOLDER = """
import asyncio, json, sys
from pathlib import Path
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.reduced import ReducedSandbox
from sale_tui.types import MEGABYTE, SandboxLimits
base = Path(sys.argv[1])
box = {"full": BubblewrapSandbox, "reduced": ReducedSandbox}[sys.argv[2]](base, SandboxLimits(disk_bytes=30 * MEGABYTE))
workspace = base / "attack"
workspace.mkdir(mode=0o700)
result = asyncio.run(box.run_python(sys.stdin.read(), workspace, 20))
print(json.dumps([result.reason, result.stdout, result.stderr]))
"""
HELD = """
import os, select
held = []
for number in range(4):
    held.append(open(f"held{number}", "wb"))
    os.unlink(f"held{number}")
    for _ in range(30):
        held[-1].write(bytes(1 << 20))
    held[-1].flush()
    select.select([], [], [], 0.2)
select.select([], [], [], 8)
print("kept")
"""
UNDUMPABLE = "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n" + HELD
UNREADABLE = f"""
import os, sys
with open(sys.executable, "rb") as whole, open(os.open("own", os.O_CREAT | os.O_WRONLY, 0o111), "wb") as own:
    own.write(whole.read())
os.execv("own", ["own", "-c", {HELD!r}])
"""


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("tier", ["full", "reduced"])
@pytest.mark.parametrize("program", [HELD, UNDUMPABLE, UNREADABLE], ids=["plain", "undumpable", "unreadable"])
def test_files_without_a_name_cannot_be_held_unseen(user: str, tier: str, program: str, base: Path) -> None:
    other = user == "ordinary" and os.geteuid() == 0
    base.chmod(0o711)
    if other:
        os.chown(base, ORDINARY, ORDINARY)
    done = subprocess.run(
        [PYTHON if other else sys.executable, "-c", HOLDER, str(base), tier],
        input=program, capture_output=True, text=True, timeout=60, check=False, cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PATHS, "PYTHONDONTWRITEBYTECODE": "1"},
        user=ORDINARY if other else None, group=ORDINARY if other else None, extra_groups=[] if other else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reason, stdout, stderr = json.loads(done.stdout)
    assert (reason, stdout) == ("disk", ""), stderr
