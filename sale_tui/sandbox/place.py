"""Which folders the sandbox may be given, and how they get there where root starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.loan import lent, recover
from sale_tui.sandbox.owner import adopt
from sale_tui.trees import remove_tree

REGISTER = "lent"
_SYSTEM = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr"}
)
"""First parts of paths that belong to the system."""
_SHARED = frozenset(map(Path, ("/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var", "/var/tmp")))  # noqa: S108
"""Folders of everybody: what lies in them may be shown, they themselves not."""
_TOOLS = ("unshare", "mount", "setpriv")
_STAGE = """
set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
uid=$1; shift
while [ "$1" != -- ]; do
    mount --no-canonicalize --bind -- "$1" "$2"
    [ "$(stat -c %d:%i -- "$2")" = "$3" ]
    shift 3
done
shift
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --bounding-set -all --inh-caps -all -- "$@"
"""
"""Mounts folders, in a mount namespace of its own, where an unprivileged user can reach them; then becomes it."""


def check_named(folder: Path, private: Iterable[Path]) -> Path:
    """The real path of a folder that the user has named as a workspace. Raises NoSandbox where it may not be one.

    ``private``: folders of sale-tui's own, which a program must never reach: it could change what it is bound by.
    """
    real = Path(os.path.realpath(folder))
    if not real.is_dir():
        raise NoSandbox(f"{folder} is not a folder", "name an existing folder")
    home = Path(os.path.realpath(Path.home()))
    if len(real.parts) < 2 or real.parts[1] in _SYSTEM or real in _SHARED or home.is_relative_to(real):
        raise NoSandbox(f"{folder} holds more than a program may write", "name the folder of one project")
    for own in map(os.path.realpath, private):
        if real.is_relative_to(own) or Path(own).is_relative_to(real):
            raise NoSandbox(f"{folder} holds sale-tui's own files", "name the folder of one project")
    return real


class Place:
    """A run's workspace, ready; ``leave`` when the run is over."""

    def __init__(self, folder: Path) -> None:
        """``folder``: its real path."""
        self.folder = folder
        self.prefix: tuple[str, ...] = ()
        """What must start bubblewrap so that it finds its folders."""
        self.sources: dict[Path, Path] = {}
        """Where folders are found that are not found at their own paths."""
        self.scratch = folder
        """Of a sandbox without a file system of its own: the folder of the run's other files."""
        self.held = contextlib.ExitStack()

    def source(self, folder: Path) -> str:
        """Where bubblewrap finds a folder."""
        return str(self.sources.get(folder, folder))

    async def leave(self) -> None:
        """Give back what was lent."""
        await asyncio.to_thread(self.held.close)


class Places:
    """The folders that one sandbox may be given."""

    def __init__(self, base: Path, named: Sequence[Path], uid: int | None) -> None:
        """``base``: of fresh workspaces; ``named``: checked by ``check_named``; ``uid``: who root becomes."""
        self.base = base
        self._named = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in named}
        self._uid = uid
        self._adopting = asyncio.Lock()
        if uid is not None:
            recover(uid, base / REGISTER)

    async def enter(self, workspace: Path, readable: Sequence[Path]) -> Place:
        """Raises NoSandbox where a folder may not be given, or cannot."""
        place = Place(Path(os.path.realpath(workspace)))
        if place.folder in self._named:
            self._hold_mode(place, self._named[place.folder])
            foreign = [place.folder]
        else:
            self._check(workspace, place.folder)
            foreign = []
            # Its name is in a folder of ours, so it is still the same folder afterwards.
            self._hold_mode(place, 0o700)
        if self._uid is None:
            return place
        async with self._adopting:
            try:
                await asyncio.to_thread(self._for_root, place, foreign, readable, self._uid)
            except BaseException:
                await place.leave()
                raise
        return place

    def _check(self, workspace: Path, folder: Path) -> None:
        if not folder.is_relative_to(os.path.realpath(self.base)) or not folder.is_dir():
            raise NoSandbox(f"{workspace} is no workspace", f"workspaces are folders below {self.base}")

    def _hold_mode(self, place: Place, mode: int) -> None:
        """A program may shut its workspace: open it again."""

        def open_again() -> None:
            with contextlib.suppress(OSError):
                place.folder.chmod(mode)

        place.held.callback(open_again)

    def _for_root(self, place: Place, foreign: Sequence[Path], readable: Sequence[Path], uid: int) -> None:
        if not foreign:
            adopt(place.folder, uid)
        for folder in foreign:
            place.held.enter_context(lent(folder, uid, self.base / REGISTER))
        if foreign or readable:
            self._stage(place, [*foreign, *readable], uid)

    def _stage(self, place: Place, folders: Sequence[Path], uid: int) -> None:
        """Folders of others may lie where the unprivileged user cannot pass: root mounts them where it can."""
        missing = [name for name in _TOOLS if shutil.which(name) is None]
        if missing:
            raise NoSandbox(f"{', '.join(missing)} (of util-linux) is not installed", "install util-linux and mount")
        stage = Path(tempfile.mkdtemp(prefix="stage-", dir=self.base))
        place.held.callback(remove_tree, stage)
        stage.chmod(0o711)
        mounts: list[str] = []
        for number, folder in enumerate(folders):
            target = stage / str(number)
            target.mkdir(mode=0o711)
            facts = folder.stat()
            mounts += [os.path.realpath(folder), str(target), f"{facts.st_dev}:{facts.st_ino}"]
            place.sources[folder] = target
        unshare = shutil.which("unshare") or ""
        own = (unshare, "--mount", "--propagation", "private", "--", "/bin/sh", "-c", _STAGE, "stage", str(uid))
        place.prefix = (*own, *mounts, "--")
