"""Whose the sandbox and its workspaces are: the user's own, or, where root starts it, a user who owns nothing else."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.trees import walk

SPARE_UIDS = (64217, 64218, 64219, 65534)
"""Tried in this order; the last is ``nobody``."""
ROOTS_BASE = Path("/var/tmp")  # noqa: S108 - what lies there is checked
"""Where workspaces of root lie: its home is closed to everyone else."""


def workspace_base(data: Path) -> Path:
    """The folder for all workspaces: in the user's data folder, or where root's unprivileged stand-in can reach it.

    Raises NoSandbox where root's cannot be made safely.
    """
    if os.geteuid() != 0:
        return data / "workspaces"
    base = ROOTS_BASE / "sale-tui-0"
    try:
        base.mkdir(mode=0o711)
        base.chmod(0o711)
    except FileExistsError:
        facts = base.lstat()
        # Anyone may write to /var/tmp: a folder of this name that someone else has made is not ours.
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != 0 or facts.st_mode & 0o022:
            base = Path(tempfile.mkdtemp(prefix="sale-tui-0-", dir=ROOTS_BASE))
        base.chmod(0o711)
    except OSError as error:
        cause = f"no workspace can be made in {ROOTS_BASE}: {error.strerror}"
        raise NoSandbox(cause, "run sale-tui as an ordinary user") from error
    return base


def spare_uid() -> int:
    """A user id that root can become and nobody has; ``nobody`` where there is none. Raises NoSandbox."""
    for uid in SPARE_UIDS:
        if _is_mapped(uid) and (uid == SPARE_UIDS[-1] or not _is_known(uid)):
            return uid
    raise NoSandbox("root cannot become an unprivileged user here", "run sale-tui as an ordinary user")


def adopt(workspace: Path, uid: int) -> None:
    """Give a fresh workspace of root's, with all in it, to the sandbox's user; one that is given already stays.

    The folder itself goes last: until then nobody but root gets in, so nothing in it can be swapped meanwhile.
    Raises NoSandbox where the folder is someone else's.
    """
    folder = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        owner = os.fstat(folder).st_uid
        if owner == uid:
            return
        if owner != os.geteuid():
            raise NoSandbox(f"{workspace} belongs to another user", "start the run again, in a fresh workspace")
        os.fchmod(folder, 0o700)
        for inside, name, _ in walk(folder):
            os.chown(name, uid, uid, dir_fd=inside, follow_symlinks=False)
        os.fchown(folder, uid, uid)
    finally:
        os.close(folder)


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _is_mapped(uid: int) -> bool:
    """Whether this id exists in our user namespace."""
    try:
        lines = Path("/proc/self/uid_map").read_text("ascii").splitlines()
    except OSError:
        return False
    return any(int(start) <= uid < int(start) + int(count) for start, _, count in map(str.split, lines))
