"""The folder that a run works in: fresh, or a copy of the user's, which is only ever read.

Where the file system can, the copy shares its blocks with the user's files until one of both is written to; it then
costs neither space nor reading. What code has left there is not to be trusted: links are never followed, and only
regular files are read.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sale_tui.agent.cloning import new_file
from sale_tui.agent.openat import held
from sale_tui.errors import ConfigurationFault, UsageFault
from sale_tui.literal import literal_line

MAX_BYTES = 100 * 1024 * 1024
"""That are copied; what shares its blocks does not count."""
MAX_FILES = 10_000
MAX_DEPTH = 64
YOUNG_SECONDS = 1.0
"""A file that was changed so short ago may change again within one tick of the file system's clock."""
_CHUNK = 1024 * 1024
_MEGABYTE = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Not to wait for whoever holds the other end of a pipe that stands where a file stood a moment ago.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class WorkspaceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run has left."""

    name: str
    """Path in the workspace, made literal."""
    size: int
    """Bytes."""


class Stamp(NamedTuple):
    """What tells that a file is still the same without reading it."""

    device: int
    inode: int
    size: int
    written: int
    """When its content was, in nanoseconds."""
    changed: int
    """When anything of it was, which no program can set."""

    @classmethod
    def of(cls, facts: os.stat_result) -> Stamp:
        """Of what the system says."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    def same_content(self, other: Stamp) -> bool:
        """Whether the content is the same by all but ``changed``, which moves when a file gets another owner.

        A program may set ``written`` back; what it does so is never offered to the user.
        """
        return self._replace(changed=0) == other._replace(changed=0)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was when it was copied."""

    sha256: str
    """Of its content; empty where nobody has read it, because it shares its blocks."""
    mine: Stamp
    """Of the user's file."""
    copy: Stamp
    """Of the run's."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy holds."""

    files: int
    size: int
    """Bytes of all files."""
    shared: int = 0
    """Bytes of those that share their blocks with the originals."""
    origins: dict[str, Origin] = {}
    """Of each file, by its raw path."""
    skipped: tuple[str, ...]
    """Names, made literal, of links that were not kept, special files, and what may not be read or lies too deep."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """Path from the root of the walk."""
    facts: os.stat_result
    folder: int
    """Descriptor of the folder that holds it; valid until the walk goes on."""
    closed: bool = False
    """A folder that may not be read; it comes a second time then."""

    @property
    def base(self) -> str:
        return self.name.rpartition(os.sep)[2]


def create_workspace(folder: Path, original: Path | None = None) -> Copied:
    """Make a fresh private folder, with a copy of ``original`` in it where one is given.

    Raises ConfigurationFault where it cannot be made, or where the original is too large.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigurationFault(
            f"cannot create {folder}: {error.strerror}", "free space, or remove that folder"
        ) from error
    if original is None:
        return Copied(files=0, size=0, skipped=())
    return _copy(original, folder, f"workspace {original}", links=True)


def list_workspace(folder: Path, most: int = 200) -> tuple[WorkspaceFile, ...]:
    """The files that a run has left, in order of their names. Raises OSError where the folder is gone."""
    found = []
    for entry in _walk(folder):
        if stat.S_ISREG(entry.facts.st_mode):
            found.append(WorkspaceFile(name=literal_line(entry.name), size=entry.facts.st_size))
            if len(found) == most:
                break
    return tuple(sorted(found, key=lambda file: file.name))


def save_copy(folder: Path, to: Path) -> Copied:
    """Copy a workspace to a new folder of the user's. Raises UsageFault where that exists, ConfigurationFault."""
    try:
        to.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageFault(f"{to} exists already", "give a new folder") from error
    except OSError as error:
        raise ConfigurationFault(f"cannot create {to}: {error.strerror}", "give another folder") from error
    # No links: what code has left there must not lead anywhere from a folder of the user's.
    return _copy(folder, to, f"workspace {folder}", links=False)


def _copy(source: Path, target: Path, what: str, links: bool) -> Copied:
    try:
        return _Copying(target, what, links).all_of(source)
    except OSError as error:
        raise ConfigurationFault(f"{what} cannot be copied: {error}", "check that you may read all of it") from error


class _Copying:
    """One copy in the making."""

    def __init__(self, target: Path, what: str, links: bool) -> None:
        self._target, self._what, self._links = target, what, links
        self._free = _free_bytes(target)
        self._origins: dict[str, Origin] = {}
        self._skipped: list[str] = []
        self._copied = self._shared = 0

    def all_of(self, source: Path) -> Copied:
        """Copy everything. Raises OSError, and ConfigurationFault where it is too much."""
        for entry in _walk(source):
            place, mode = self._target / entry.name, entry.facts.st_mode
            if entry.closed:
                self._skipped.append(literal_line(entry.name))
            elif stat.S_ISDIR(mode):
                _make_folder(place, entry, self._skipped)
            elif stat.S_ISLNK(mode) and self._links:
                _copy_link(entry, place, self._skipped)
            elif not (stat.S_ISREG(mode) and self._copy_file(entry, place)):
                self._skipped.append(literal_line(entry.name))
            if len(self._origins) > MAX_FILES:
                raise ConfigurationFault(f"{self._what} holds more than {MAX_FILES} files", "give a smaller folder")
        return Copied(
            files=len(self._origins),
            size=self._copied + self._shared,
            shared=self._shared,
            origins=self._origins,
            skipped=tuple(self._skipped),
        )

    def _copy_file(self, entry: _Entry, place: Path) -> bool:
        """Whether it could be; not where it may not be read. Raises ConfigurationFault where it is too much."""
        try:
            source = os.open(entry.base, _FILE, dir_fd=entry.folder)
        except PermissionError:
            return False
        with held(source):
            facts = os.fstat(source)
            if not stat.S_ISREG(facts.st_mode):
                return False
            target, shared = new_file(source, place, 0o700 if facts.st_mode & stat.S_IXUSR else 0o600)
            with held(target):
                if shared:
                    young = time.time() - max(facts.st_ctime, facts.st_mtime) < YOUNG_SECONDS
                    digest = self._share(target, young)
                else:
                    digest = self._read(source, target)
                origin = Origin(sha256=digest, mine=Stamp.of(facts), copy=Stamp.of(os.fstat(target)))
        self._origins[entry.name] = origin
        return True

    def _share(self, target: int, young: bool) -> str:
        """Count a file that shares its blocks; its SHA-256 where its times will not tell that it has changed."""
        self._shared += os.fstat(target).st_size
        if self._shared > self._free:
            # A run could write all of it anew.
            size = f"{self._shared // _MEGABYTE} MB or more, and the disk has {self._free // _MEGABYTE} MB left"
            raise ConfigurationFault(f"{self._what} holds {size}", "free space, or give a smaller folder")
        digest = hashlib.sha256()
        while young and (chunk := os.read(target, _CHUNK)):
            digest.update(chunk)
        return digest.hexdigest() if young else ""

    def _read(self, source: int, target: int) -> str:
        """Copy the bytes; their SHA-256."""
        digest = hashlib.sha256()
        while chunk := os.read(source, _CHUNK):
            self._copied += len(chunk)
            if self._copied > MAX_BYTES:
                limit = f"more than {MAX_BYTES // _MEGABYTE} MB, which have to be copied here"
                raise ConfigurationFault(f"{self._what} holds {limit}", _WHERE_SHARED)
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(target, view) :]
        return digest.hexdigest()


_WHERE_SHARED = (
    "give a smaller folder, or keep it and the workspaces on one file system that shares blocks: "
    "btrfs, XFS, ZFS, bcachefs, APFS"
)


def _free_bytes(folder: Path) -> int:
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _make_folder(place: Path, entry: _Entry, skipped: list[str]) -> None:
    if entry.name.count(os.sep) >= MAX_DEPTH:
        skipped.append(literal_line(entry.name))
        return
    place.mkdir(mode=0o700)


def _copy_link(entry: _Entry, place: Path, skipped: list[str]) -> None:
    """Links stay where they are relative and lead to a place inside."""
    target = os.readlink(entry.base, dir_fd=entry.folder)
    inside = os.path.normpath(Path(entry.name).parent / target)
    if Path(target).is_absolute() or inside == os.pardir or inside.startswith(os.pardir + os.sep):
        skipped.append(literal_line(entry.name))
        return
    place.symlink_to(target)


def _walk(root: Path) -> Iterator[_Entry]:
    """All below a folder, folders before what they hold; never through a link, never deeper than MAX_DEPTH."""
    with held(os.open(root, _FOLDER & ~os.O_NOFOLLOW)) as top:
        yield from _walk_in(top, "", 0)


def _walk_in(folder: int, prefix: str, depth: int) -> Iterator[_Entry]:
    for name in sorted(os.listdir(folder)):
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        path = f"{prefix}{name}"
        yield _Entry(name=path, facts=facts, folder=folder)
        if not stat.S_ISDIR(facts.st_mode) or depth >= MAX_DEPTH:
            continue
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=folder)
        except PermissionError:
            yield _Entry(name=path, facts=facts, folder=folder, closed=True)
            continue
        with held(descriptor) as inner:
            yield from _walk_in(inner, f"{path}{os.sep}", depth + 1)
