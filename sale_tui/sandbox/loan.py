"""A folder of the user's, lent to the sandbox of root: its user owns the files for as long as a run lasts.

Root's sandbox runs as a user who owns nothing, who could not write to the folder otherwise. Runs at once share the
loan; the last gives it back. What a killed sale-tui had lent is given back by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sale_tui.errors import NoSandbox
from sale_tui.trees import FOLDER, walk

_SETID = stat.S_ISUID | stat.S_ISGID


class _Owner(msgspec.Struct, frozen=True):
    """Whose a lent folder is."""

    folder: str
    uid: int
    gid: int
    mode: int


@contextmanager
def lent(folder: Path, uid: int, register: Path) -> Iterator[None]:
    """Within, a user owns the folder. ``register``: where loans are noted, a folder of root's alone. Raises NoSandbox.

    Only what the folder's own owner has is lent; never a file with another name elsewhere, nor one that gives rights.
    """
    register.mkdir(mode=0o700, exist_ok=True)
    try:
        top = os.open(folder, FOLDER)
    except OSError as error:
        raise NoSandbox(f"{folder} cannot be opened: {error.strerror}", "name a folder that is there") from error
    facts = os.fstat(top)
    note = os.open(register / f"{facts.st_dev}-{facts.st_ino}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if _alone(note):
            _lend(top, note, folder, uid)
        fcntl.flock(note, fcntl.LOCK_SH)
        yield
    finally:
        # The last one to ask is alone: whoever asks gives up its share first.
        if _alone(note):
            _give_back(top, note, uid)
        os.close(note)
        os.close(top)


def recover(uid: int, register: Path) -> None:
    """Give back what nobody uses any more."""
    if not register.is_dir():
        return
    for path in register.iterdir():
        with contextlib.suppress(OSError, msgspec.DecodeError), contextlib.ExitStack() as opened:
            note = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            opened.callback(os.close, note)
            if not _alone(note):
                continue
            owner = _read(note)
            if owner is not None:
                top = os.open(owner.folder, FOLDER)
                opened.callback(os.close, top)
                facts = os.fstat(top)
                if path.name == f"{facts.st_dev}-{facts.st_ino}":
                    _give_back(top, note, uid)
            path.unlink()


def _alone(note: int) -> bool:
    try:
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lend(top: int, note: int, folder: Path, uid: int) -> None:
    facts = os.fstat(top)
    if _read(note) is None:
        owner = _Owner(str(folder), facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode))
        os.pwrite(note, msgspec.json.encode(owner), 0)
        os.fsync(note)
    for inside, name, entry in walk(top):
        foreign = entry.st_uid != facts.st_uid or entry.st_dev != facts.st_dev
        if foreign or not _may_be_lent(entry):
            continue
        os.chown(name, uid, -1, dir_fd=inside, follow_symlinks=False)
    os.fchown(top, uid, -1)


def _may_be_lent(facts: os.stat_result) -> bool:
    if stat.S_ISREG(facts.st_mode):
        return facts.st_nlink == 1 and not facts.st_mode & _SETID
    return stat.S_ISDIR(facts.st_mode) or stat.S_ISLNK(facts.st_mode)


def _give_back(top: int, note: int, uid: int) -> None:
    owner = _read(note)
    if owner is None:
        return
    os.fchmod(top, 0o700)
    for inside, name, entry in walk(top):
        mine = entry.st_uid == uid, entry.st_gid == uid
        if any(mine):
            to = owner.uid if mine[0] else -1, owner.gid if mine[1] else -1
            os.chown(name, *to, dir_fd=inside, follow_symlinks=False)
    os.fchown(top, owner.uid, owner.gid)
    os.fchmod(top, owner.mode)
    os.ftruncate(note, 0)


def _read(note: int) -> _Owner | None:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(os.pread(note, 65536, 0), type=_Owner)
    return None
