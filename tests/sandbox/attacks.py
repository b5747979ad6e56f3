"""Attacks on the sandbox, each named after what it tries. A new way out is first a new line here.

Each is Python; ``F`` holds facts about the machine outside (``canary``: a file open to everybody, ``folder``: where it
lies, ``secret``: what it holds, ``port``: a listener on the host's loopback, ``abstract`` and ``socket``: unix sockets
on the host, ``letters``: one for datagrams, ``pid``: a host process, ``shared``: a file of /dev/shm, ``token``: in the
host's environment, ``neighbour``: a process, and ``own`` a program, of the very user that runs the attacks). An attack
that gives something true has got out; an error is a refusal. What one does is also seen from outside.
"""

from __future__ import annotations

PRELUDE = r"""
import array, ctypes, errno, fcntl, glob, json, mmap, os, platform, resource, select, signal, socket, stat, struct
import subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"
def call(x86, arm, *arguments):
    "A system call by number; 0 or more where it worked."
    values = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    return libc.syscall(ctypes.c_long(arm if ARM else x86), *values) >= 0
def holds(path, what=None):
    "Whether a file can be read and holds a text."
    with open(path, "rb") as file:
        return (what or F["secret"]).encode() in file.read(1 << 20)
def writes(path, how="r+b"):
    with open(path, how, buffering=0) as file:
        return file.write(b"x") == 1
def connects(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        return True
def linked(target, name="link"):
    os.symlink(target, name)
    try:
        return holds(name)
    finally:
        os.unlink(name)
def signals_by_file(pid):
    read, write = os.pipe()
    fcntl.fcntl(read, 10, 9)
    fcntl.fcntl(read, fcntl.F_SETOWN, pid)
    fcntl.fcntl(read, fcntl.F_SETFL, fcntl.fcntl(read, fcntl.F_GETFL) | os.O_ASYNC)
    return os.write(write, b"x")
def runs(*command):
    return subprocess.run(command, capture_output=True, timeout=5, stdin=subprocess.DEVNULL).returncode == 0
"""

READS = {
    "read a file outside by its path": 'holds(F["canary"])',
    "read through a symbolic link": 'linked(F["canary"])',
    "read through a chain of links": 'os.symlink(F["canary"], "l1") or linked("l1", "l2")',
    "read through a link to the folder above": 'linked("../../../../" + F["canary"])',
    "read through many dots": 'holds("../" * 40 + F["canary"])',
    "read through its init's root": 'holds("/proc/1/root" + F["canary"])',
    "read through its own root": 'holds("/proc/self/root" + F["canary"])',
    "read through its init's working folder": 'holds("/proc/1/cwd/" + F["canary"])',
    "read through descriptors of its init": 'any(holds(p) for p in glob.glob("/proc/1/fd/*") if os.path.isfile(p))',
    "list the folder outside": 'os.listdir(F["folder"])',
    "ask whether a file is there": 'os.path.lexists(F["canary"])',
    "watch a folder outside": 'libc.inotify_add_watch(libc.inotify_init(), F["folder"].encode(), 0xfff) >= 0',
    "make a hard link to a file outside": 'os.link(F["canary"], "hard") or True',
    "rename a file outside into the workspace": 'os.rename(F["canary"], "moved") or True',
    "open a file by its handle": 'call(304, 265, -100, b"x" * 16, 0)',
    "get the handle of a file": 'call(303, 264, -100, b"/usr", b"\\x80" + b"\\0" * 200, b"\\0" * 8, 0)',
    "read passwords": 'any(os.path.exists(p) for p in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers"))',
    "read keys of the user": 'glob.glob(os.path.join("/", "home", "*")) or glob.glob(os.path.join("/", "root", ".*"))',
    "read the host's name": 'os.uname().nodename == F["host"]',
    "read shared memory of the host": 'holds("/dev/shm/" + F["shared"])',
    "read disks": '[p for p in glob.glob("/dev/*") if stat.S_ISBLK(os.stat(p).st_mode)]',
    "read kernel memory": 'open("/proc/kcore", "rb").read(1) or open("/dev/mem", "rb").read(1)',
    "read the kernel's log": 'call(103, 116, 3, b"\\0" * 64, 64) or open("/dev/kmsg").read(1)',
    "read symbols of the kernel": 'int(open("/proc/kallsyms").readline().split()[0], 16)',
    "read devices of the system": 'os.listdir("/sys")',
    "read environments": '[p for p in glob.glob("/proc/*/environ") if holds(p, F["token"])]',
    "read command lines": '[p for p in glob.glob("/proc/*/cmdline") if holds(p, F["token"])]',
    "read a secret of its own environment": 'F["token"] in str(os.environ)',
    "inherit a descriptor": '[n for n in range(3, 256) if os.path.exists(f"/proc/self/fd/{n}") and n != 3]',
    "find services of the host by dbus": 'os.path.exists("/run/dbus") or os.path.exists("/var/run/docker.sock")',
}

WRITES = {
    "write a file outside": 'writes(F["canary"])',
    "write through a link": 'os.symlink(F["canary"], "w") or writes("w")',
    "make a file outside": 'writes(F["folder"] + "/new", "wb")',
    "remove a file outside": 'os.unlink(F["canary"]) or True',
    "change rights of a file outside": 'os.chmod(F["canary"], 0o777) or True',
    "write where the kernel calls programs": 'writes("/proc/sys/kernel/core_pattern")',
    "open where the kernel calls programs": 'os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)) or True',
    "write settings of the kernel": 'writes("/proc/sys/vm/overcommit_memory")',
    "write where modules are loaded from": 'writes("/proc/sys/kernel/modprobe")',
    "press magic keys": 'writes("/proc/sysrq-trigger", "wb")',
    "write its own user map": 'writes("/proc/self/uid_map", "wb")',
    "write to a program of the system": 'writes("/usr/bin/env")',
    "write to a library": 'writes(glob.glob("/usr/lib/*/libc.so.6")[0])',
    "make a file in the root": 'writes("/new", "wb")',
    "make a file in /etc": 'writes("/etc/new", "wb")',
    "make a file among devices": 'writes("/dev/new", "wb")',
    "write to its own program": 'writes("/run/main.py")',
    "write to the init's memory and so gain a right": 'writes("/proc/1/mem") and os.getuid() == 0',
    "make the root writable": 'libc.mount(None, b"/", None, 0x1020, None) == 0',
    "make /usr writable": 'libc.mount(None, b"/usr", None, 0x1020, None) == 0',
    "unmount /proc/sys": 'libc.umount2(b"/proc/sys", 2) == 0',
    "move the workspace away": 'os.rename("/workspace", "/tmp/moved") or True',
    "put a folder in the workspace's place": 'os.rmdir("/workspace") or True',
    "raise its oom score above others": 'open("/proc/self/oom_score_adj", "w").write("-1000") and '
    'int(open("/proc/self/oom_score_adj").read()) < 0',
    "load a module": 'call(313, 273, 0, b"", 0) or call(175, 105, 0, 0, b"")',
    "start another kernel": 'call(246, 104, 0, 0, 0, 0)',
    "turn on swap": 'call(167, 224, b"/workspace/x", 0)',
    "account for processes": 'call(163, 89, b"/workspace/x")',
}  # fmt: skip

REACHES = {
    "reach the host's loopback": 'connects(socket.AF_INET, ("127.0.0.1", F["port"]))',
    "reach the host's loopback by version 6": 'connects(socket.AF_INET6, ("::ffff:127.0.0.1", F["port"]))',
    "reach the host by another loopback address": 'connects(socket.AF_INET, ("127.1.2.3", F["port"]))',
    "reach the host by the empty address": 'connects(socket.AF_INET, ("0.0.0.0", F["port"]))',
    "reach a unix socket of the host": 'connects(socket.AF_UNIX, F["socket"])',
    "reach a unix socket in the workspace": 'connects(socket.AF_UNIX, "/workspace/socket")',
    "reach an abstract socket of the host": 'connects(socket.AF_UNIX, "\\0" + F["abstract"])',
    "make an abstract socket": 'socket.socket(socket.AF_UNIX).bind("\\0mine") or True',
    "send a datagram to a unix socket": 'socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    "send raw packets": 'socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)',
    "listen to packets": 'socket.socket(17, socket.SOCK_RAW, 3)',
    "reach the machine above by vsock": 'socket.socket(40, socket.SOCK_STREAM)',
    "ask the kernel's auditor": 'socket.socket(16, socket.SOCK_RAW, 9)',
    "listen to events of devices": 'socket.socket(16, socket.SOCK_RAW, 15)',
    "reach bluetooth": 'socket.socket(31, socket.SOCK_RAW, 1)',
    "use the kernel's ciphers": 'socket.socket(38, socket.SOCK_SEQPACKET)',
    "use tipc": 'socket.socket(30, socket.SOCK_SEQPACKET)',
    "use express data paths": 'socket.socket(44, socket.SOCK_RAW)',
    "use the message queue of the bus": 'call(240, 180, b"mine", 0o102, 0o600, 0)',
    "see another interface": '[n for _, n in socket.if_nameindex() if n != "lo"]',
    "have an address besides the loopback": 'len(open("/proc/net/fib_trie").read().split("LOCAL")) > 9',
    "resolve a name": 'socket.gethostbyname("localhost.invalid")',
    "set up a tunnel": 'os.open("/dev/net/tun", os.O_RDWR)',
    "open a pair of sockets that is not local": 'socket.socketpair(socket.AF_INET)',
    "make a socket by io_uring": 'call(425, 425, 4, b"\\0" * 120)',
}  # fmt: skip

PROCESSES = {
    "see processes of the host": 'os.path.exists(f"/proc/{F[\'pid\']}") and F["pid"] > 100',
    "send a signal to a host process": 'os.kill(F["pid"], 0) or F["pid"] > 100',
    "send a signal to all": 'signal.signal(signal.SIGUSR1, signal.SIG_IGN) and os.kill(-1, signal.SIGUSR1)',
    "end its init": 'os.kill(1, signal.SIGKILL) and False',
    "trace its init": 'call(101, 117, 16, 1, 0, 0)',
    "let itself be traced": 'call(101, 117, 0, 0, 0, 0)',
    "read memory of its init": 'call(310, 270, 1, 0, 0, 0, 0, 0)',
    "take a descriptor of its init": 'call(438, 438, call(434, 434, 1, 0), 0, 0)',
    "compare itself with its init": 'call(312, 272, os.getpid(), 1, 2, 0, 0)',
    "make a user namespace": 'libc.unshare(0x10000000) == 0',
    "make a mount namespace": 'libc.unshare(0x00020000) == 0',
    "make a network namespace": 'libc.unshare(0x40000000) == 0',
    "make a namespace by clone": 'call(56, 220, 0x10000011, 0, 0, 0, 0)',
    "make a namespace by clone3": 'call(435, 435, struct.pack("11Q", 0x10000000, *[0] * 10), 88)',
    "enter the namespace of its init": 'libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0) == 0',
    "change its root": 'os.chroot("/tmp") or True',
    "turn its root around": 'call(155, 41, b"/tmp", b"/tmp")',
    "open a detached tree": 'call(428, 428, -100, b"/workspace", 1)',
    "make a file system": 'call(430, 430, b"tmpfs", 0)',
    "become root": 'os.setuid(0) or True',
    "become root by a program": 'runs("su", "-c", "true") or runs("sudo", "-n", "true") or runs("pkexec", "true")',
    "join groups": 'os.setgroups([0]) or True',
    "gain capabilities": 'any(int(l.split()[1], 16) for l in open("/proc/self/status") if l.startswith("Cap"))',
    "drop the wish for no new rights": 'libc.prctl(38, 0, 0, 0, 0) == 0',
    "loosen its filter": '"Seccomp:\\t2" not in open("/proc/self/status").read()',
    "mark a file set-user-id": 'open("s", "w") and (os.chmod("s", 0o4755) or os.stat("s").st_mode & 0o6000)',
    "make a file set-group-id": 'os.open("g", os.O_CREAT, 0o2755) and os.stat("g").st_mode & 0o6000',
    "give a file capabilities": 'os.setxattr("/workspace", "security.capability", b"\\1" * 20) or True',
    "keep keys": 'call(248, 217, b"user", b"k", b"v", 1, -3)',
    "read keys": 'call(250, 219, 0, -3, 0)',
    "watch the kernel by bpf": 'call(321, 280, 0, b"\\0" * 64, 64)',
    "handle faults": 'call(323, 282, 0)',
    "count events": 'call(298, 241, b"\\0" * 120, 0, -1, -1, 0)',
    "submit work by io_uring": 'call(425, 425, 8, b"\\0" * 120)',
    "hold memory without a file": 'call(319, 279, b"m", 0)',
    "hold secret memory": 'call(447, 447, 0)',
    "share memory by number": 'call(29, 194, 0, 4096, 0o1600)',
    "share semaphores": 'call(64, 190, 0, 1, 0o1600)',
    "send messages by number": 'call(68, 186, 0, 0o1600)',
    "make a device": 'os.mknod("d", 0o600 | stat.S_IFBLK, os.makedev(8, 0)) or True',
    "make a character device": 'os.mknod("c", 0o600 | stat.S_IFCHR, os.makedev(1, 1)) or True',
    "leave a pipe": 'os.mkfifo("pipe") or True',
    "type into the terminal": 'fcntl.ioctl(0, 0x5412, b"x") or True',
    "type with bits above": 'call(16, 29, 0, 0x100005412, b"x")',
    "reach the terminal": 'os.open("/dev/tty", os.O_RDWR)',
    "paste into the console": 'call(16, 29, 0, 0x541C, b"\\2")',
    "set the clock": 'call(227, 112, 0, b"\\0" * 16)',
    "name the host": 'call(170, 161, b"x", 1)',
    "run before all others": 'os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or True',
    "be nicer to itself": 'os.nice(-5) or True',
    "raise its limits": 'resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999)) or True',
    "raise its memory": 'resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)) or True',
    "lock memory": 'libc.mlockall(3) == 0',
    "dump its core": 'resource.getrlimit(resource.RLIMIT_CORE)[1] != 0',
    "turn off randomness": 'call(135, 92, 0x0040000)',
    "call as another kind of machine": 'not ARM and libc.syscall(ctypes.c_long(0x40000000 | 39)) >= 0',
    "use calls that are not known yet": 'any(libc.syscall(ctypes.c_long(n)) >= 0 for n in range(470, 520))',
    "change tables of its segments": 'not ARM and call(154, 0, 1, b"\\0" * 16, 16)',
    "use ports of the machine": 'not ARM and (call(172, 0, 3) or call(173, 0, 0, 8, 1))',
    "reboot": 'call(169, 142, 0xfee1dead, 672274793, 0, 0)',
    "see cgroups": 'os.listdir("/sys/fs/cgroup")',
}  # fmt: skip

NEIGHBOURS = {
    "send a signal to a process of its user": 'os.kill(F["neighbour"], 0) or True',
    "end a process of its user": 'os.kill(F["neighbour"], 9) or True',
    "end it by a descriptor": 'signal.pidfd_send_signal(os.pidfd_open(F["neighbour"]), 9) or True',
    "end it by its thread": 'call(234, 131, F["neighbour"], F["neighbour"], 9)',
    "queue a signal for it": 'call(129, 138, F["neighbour"], 9, struct.pack("iii", 9, 0, -1) + b"\0" * 116)',
    "have a file send it signals": 'signals_by_file(F["neighbour"]) and False',
    "end the session of sale-tui": 'os.killpg(F["neighbour"], 9) or True',
    "give it less time": 'os.setpriority(os.PRIO_PROCESS, F["neighbour"], 19) or True',
    "give all its user's processes less time": 'os.setpriority(os.PRIO_USER, 0, 19) and False',
    "keep it to one core": 'os.sched_setaffinity(F["neighbour"], {0}) or True',
    "let it wait for disks": 'call(251, 30, 1, F["neighbour"], 3 << 13)',
    "take its turns": 'os.sched_setscheduler(F["neighbour"], os.SCHED_IDLE, os.sched_param(0)) or True',
    "take its limits": 'resource.prlimit(F["neighbour"], resource.RLIMIT_NOFILE, (1, 1)) or True',
    "read its limits": 'resource.prlimit(F["neighbour"], resource.RLIMIT_NOFILE)',
    "trace it": 'call(101, 117, 16, F["neighbour"], 0, 0)',
    "seize it": 'call(101, 117, 0x4206, F["neighbour"], 0, 0)',
    "read its memory": 'open(f"/proc/{F[\'neighbour\']}/mem", "rb")',
    "read its environment": 'open(f"/proc/{F[\'neighbour\']}/environ", "rb")',
    "read its working folder": 'os.readlink(f"/proc/{F[\'neighbour\']}/cwd")',
    "read its memory by a call": 'call(310, 270, F["neighbour"], 0, 0, 0, 0, 0)',
    "change rights of a file of its user": 'os.chmod(F["own"], 0o777) or True',
    "change them by a descriptor": 'os.fchmod(os.open(F["own"], os.O_PATH), 0o777) or True',
    "change them by a descriptor's name": 'call(452, 452, os.open(F["own"], os.O_PATH), b"", 0o777, 0x1000)',
    "change times of a file of its user": 'os.utime(F["own"], (1, 1)) or os.stat(F["own"]).st_mtime == 1',
    "change its owner": 'os.chown(F["own"], os.getuid(), os.getgid()) or True',
    "cut a file of its user": 'os.truncate(F["own"], 0) or True',
    "lock a file of its user": 'fcntl.flock(os.open(F["own"], os.O_RDONLY), fcntl.LOCK_EX) or True',
    "give it attributes": 'os.setxattr(F["own"], "user.x", b"x") or True',
    "read its attributes": 'os.getxattr(F["own"], "user.canary")',
    "mark it by a descriptor": 'fcntl.ioctl(os.open(F["own"], os.O_RDONLY), 0x40086602, b"\x40" + b"\0" * 7) or True',
    "run a program of its user": 'runs(F["own"])',
    "change what a library is": 'os.fchmod(os.open(glob.glob("/usr/lib/*/libc.so.6")[0], os.O_RDONLY), 0o777) or True',
    "send a datagram by a pair of sockets":
        'socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", F["letters"])',
    "connect a pair of sockets anew":
        'socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].connect(F["letters"]) or True',
    "change shared memory of the host": 'writes("/dev/shm/" + F["shared"])',
    "make a file among everybody's": 'writes("/var/tmp/" + F["token"], "wb")',
    "come back by its keeper": 'os.kill(os.getppid(), 9) if os.getppid() > 100 else None',
}  # fmt: skip

ALL = READS | WRITES | REACHES | PROCESSES | NEIGHBOURS

NOT_IN_REDUCED = {
    "ask whether a file is there": "Landlock refuses to open files, not to ask about them",
    "read passwords": "the attack asks whether the file is there; opening it is refused",
    "find services of the host by dbus": "the attack asks whether their sockets are there; no socket can be made",
    "read the host's name": "there is no namespace of names",
    "see processes of the host": "there is no namespace of processes: /proc shows that one exists, not what it is",
}
"""Attacks that the tier ``reduced`` does not promise to hold, and why; each finds out that something exists."""


def program(attacks: dict[str, str], facts: dict[str, object]) -> str:
    """A program that tries them one by one and prints, as JSON, those that got out."""
    return f"""
F = {facts!r}
{PRELUDE}
out = []
for name, attack in {attacks!r}.items():
    try:
        if eval(attack):
            out.append(name)
    except Exception:
        pass
print(json.dumps({{"tried": {len(attacks)}, "out": out}}))
"""
