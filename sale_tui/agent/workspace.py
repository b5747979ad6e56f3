"""The folder that a run works in: fresh, or a copy of the user's, which is only ever read.

What code has left there is not to be trusted: links are never followed, and only regular files are read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sale_tui.errors import ConfigurationFault, UsageFault
from sale_tui.literal import literal_line

MAX_BYTES = 100 * 1024 * 1024
MAX_FILES = 10_000
MAX_DEPTH = 64
_CHUNK = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Not to wait for whoever holds the other end of a pipe that stands where a file stood a moment ago.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class WorkspaceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run has left."""

    name: str
    """Path in the workspace, made literal."""
    size: int
    """Bytes."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy holds."""

    files: int
    size: int
    """Bytes."""
    hashes: dict[str, str] = {}
    """SHA-256 of each file, by its raw path."""
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
    files, size = 0, 0
    skipped: list[str] = []
    hashes: dict[str, str] = {}
    try:
        for entry in _walk(source):
            place, mode = target / entry.name, entry.facts.st_mode
            if entry.closed:
                skipped.append(literal_line(entry.name))
            elif stat.S_ISDIR(mode):
                _make_folder(place, entry, skipped)
            elif stat.S_ISLNK(mode) and links:
                _copy_link(entry, place, skipped)
            elif stat.S_ISREG(mode):
                done = _copy_file(entry, place, MAX_BYTES - size, what)
                if done is None:
                    skipped.append(literal_line(entry.name))
                else:
                    files, size = files + 1, size + done[0]
                    hashes[entry.name] = done[1]
            else:
                skipped.append(literal_line(entry.name))
            if files > MAX_FILES:
                raise ConfigurationFault(f"{what} holds more than {MAX_FILES} files", "give a smaller folder")
    except OSError as error:
        raise ConfigurationFault(f"{what} cannot be copied: {error}", "check that you may read all of it") from error
    return Copied(files=files, size=size, hashes=hashes, skipped=tuple(skipped))


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


def _copy_file(entry: _Entry, place: Path, most: int, what: str) -> tuple[int, str] | None:
    """Copy at most so many bytes; returns how many, with their SHA-256; None where it may not be read.

    Raises ConfigurationFault where there are more.
    """
    try:
        source = os.open(entry.base, _FILE, dir_fd=entry.folder)
    except PermissionError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            return None
        mode = 0o700 if entry.facts.st_mode & stat.S_IXUSR else 0o600
        target = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(target, "wb") as file:
            done, digest = 0, hashlib.sha256()
            while chunk := os.read(source, _CHUNK):
                done += len(chunk)
                if done > most:
                    limit = MAX_BYTES // (1024 * 1024)
                    raise ConfigurationFault(f"{what} holds more than {limit} MB", "give a smaller folder")
                digest.update(chunk)
                file.write(chunk)
        return done, digest.hexdigest()
    finally:
        os.close(source)


def _walk(root: Path) -> Iterator[_Entry]:
    """All below a folder, folders before what they hold; never through a link, never deeper than MAX_DEPTH."""
    with _opened(os.open(root, _FOLDER & ~os.O_NOFOLLOW)) as top:
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
        with _opened(descriptor) as inner:
            yield from _walk_in(inner, f"{path}{os.sep}", depth + 1)


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
