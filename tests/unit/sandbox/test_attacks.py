"""Programs that try to get out. Each prints ``escaped`` if it could; a new way out is added here first."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sale_tui.sandbox.bubblewrap import BubblewrapSandbox

pytestmark = pytest.mark.sandbox

TRY = """
import ctypes, glob, os, socket, stat, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        if action() not in (None, -1, False):
            print("escaped")
    except (OSError, ValueError, subprocess.SubprocessError):
        pass
"""

ATTACKS = {
    "descriptors of the init": "attempt(lambda: [os.open(p, os.O_RDWR) for p in glob.glob('/proc/1/fd/*')] or None)",
    "root of the init": "attempt(lambda: os.path.exists('/proc/1/root/etc/shadow'))",
    "signals to all": f"import signal; attempt(lambda: os.kill(-1, {signal.SIGUSR1}) or True)",
    "magic keys": "attempt(lambda: open('/proc/sysrq-trigger', 'w').write('h'))",
    "kernel log": "attempt(lambda: open('/dev/kmsg').read(1))",
    "kernel memory": "attempt(lambda: open('/proc/kcore', 'rb').read(1))",
    "disks": "attempt(lambda: [p for p in glob.glob('/dev/*') if stat.S_ISBLK(os.stat(p).st_mode)] or None)",
    "devices of its own": "attempt(lambda: os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(8, 0)) or True)",
    "pipes in the workspace": "attempt(lambda: os.mkfifo('pipe') or True)",
    "the terminal": "attempt(lambda: os.open('/dev/tty', os.O_RDWR))",
    "cgroups": "attempt(lambda: os.listdir('/sys/fs/cgroup'))",
    "another root": "attempt(lambda: os.chroot('/tmp') or True)",
    "remounting": "attempt(lambda: libc.mount(b'none', b'/usr', None, 0x1021, None))",
    "unmounting": "attempt(lambda: libc.umount2(b'/workspace', 2))",
    "links over the border": "attempt(lambda: os.link('/usr/bin/python3', 'stolen') or True)",
    "moving the workspace": "attempt(lambda: os.rename('/workspace', '/tmp/moved') or True)",
    "programs that give rights": "attempt(lambda: subprocess.run(['su', '-c', 'id'], timeout=5, check=True) and True)",
    "more open files": "import resource as r; attempt(lambda: r.setrlimit(r.RLIMIT_NOFILE, (9999, 9999)) or True)",
    "more memory": "import resource; attempt(lambda: resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)) or True)",
    "abstract sockets": "attempt(lambda: socket.socket(socket.AF_UNIX).bind('\\0x') or True)",
    "raw sockets": "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
    "virtual machine sockets": "attempt(lambda: socket.socket(40, socket.SOCK_STREAM))",
    "names": "attempt(lambda: socket.gethostbyname('localhost.invalid'))",
    "setting the clock": "import time; attempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0) or True)",
    "a name for the host": "attempt(lambda: socket.sethostname('x') or True)",
    "scheduling before all": "attempt(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or True)",
    "running before all": "attempt(lambda: os.nice(-5) and True)",
    "changing the user": "attempt(lambda: os.setuid(0) or True)",
    "changing the group": "attempt(lambda: os.setgroups([0]) or True)",
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_no_way_out(sandbox: BubblewrapSandbox, workspace: Path, name: str) -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    try:
        result = await sandbox.run_python(f"{TRY}\n{ATTACKS[name]}\nprint('tried')", workspace, 10)
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
    assert result.stdout == "tried\n", result
    assert result.exit == 0
    assert not heard.is_set()
    assert workspace.is_dir()


async def test_workspace_may_be_spoilt_but_stays_ours(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = "import os; os.mkdir('shut'); os.chmod('shut', 0); os.chmod('/workspace', 0)"
    result = await sandbox.run_python(code, workspace, 10)
    assert result.exit == 0
    assert workspace.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in workspace.iterdir()] == ["shut"]
    (workspace / "shut").chmod(0o700)


async def test_no_file_gives_rights(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    code = "import shutil, os; shutil.copy('/usr/bin/id', 'id'); os.umask(0); os.chmod('id', 0o4755)"
    assert (await sandbox.run_python(code, workspace, 10)).exit == 1
    assert (workspace / "id").stat().st_mode & 0o6000 == 0
