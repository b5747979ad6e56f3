"""The one way of every file tool into a folder whose content is not to be trusted.

Names are relative and literal; links are never followed, special files and hard links are refused, sizes are looked at
before anything is read, and a file is written beside its name and then put in its place. Synchronous: callers on an
event loop use a thread.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from sale_tui.agent.openat import held, open_beneath
from sale_tui.literal import literal_line

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Of a file that is read or written whole."""
MAX_ENTRIES = 10_000
"""That one walk looks at."""
MAX_DEPTH = 64
"""Of folders that are looked into."""
INNER = "/workspace/"
"""How code in the sandbox calls the folder; a name may begin so."""
_CHUNK = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_REFUSALS = {
    errno.ELOOP: "it is a link, or lies behind one",
    errno.ENOTDIR: "it, or a part of its path, is a link or no folder",
    errno.EXDEV: "it lies on another file system",
    errno.EINVAL: "the system refuses that name",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENXIO: "it is a special file",
    errno.EACCES: "its mode forbids it",
    errno.EPERM: "the system forbids it",
    errno.EISDIR: "it is a folder",
    errno.ENOSPC: "the disk is full",
}


class Refused(Exception):
    """The broker does not do that; the message says why, in words for the model."""


class Missing(Refused):
    """There is nothing of that name."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in a folder."""

    name: str
    """Path from where the walk began, raw: not for showing."""
    kind: str
    """``file``, ``folder``, ``link`` or ``special``."""
    size: int
    """Bytes, of a file."""
    mode: int
    """Permission bits."""
    depth: int
    """1 for what lies in the folder itself."""


class Broker:
    """Files below one root. The root's own path is trusted: it lies where no tool code can rename anything."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """A regular file's bytes. Raises Refused, where it is larger than ``limit`` before any byte is read."""
        path = _checked(name)
        with self._opened() as root, held(self._open(root, path, os.O_RDONLY)) as file:
            facts = os.fstat(file)
            _check_regular(facts, path)
            if facts.st_size > limit:
                raise Refused(f"{shown(path)} has {facts.st_size} bytes; more than {limit} are not read")
            return _read_all(file, limit, path)

    def write(self, name: str, data: bytes, executable: bool | None = None) -> bool:
        """Write a file whole, with the folders on the way to it; whether it is new. Raises Refused.

        ``executable``: None keeps what it was.
        """
        path = _checked(name)
        if len(data) > MAX_FILE_BYTES:
            raise Refused(f"{len(data)} bytes are too many; a file has at most {MAX_FILE_BYTES}")
        with self._opened() as root, self._parent(root, path, make=True) as (folder, base):
            old = self._present(folder, base, path)
            mode = 0o600 if old is None else stat.S_IMODE(old.st_mode) & 0o777 | 0o600
            if executable is not None:
                mode = mode | 0o100 if executable else mode & ~0o111
            with _naming(path):
                _put(folder, base, data, mode, owner_of(root))
        return old is None

    def remove(self, name: str) -> None:
        """Remove a regular file. Raises Refused."""
        path = _checked(name)
        with self._opened() as root, self._parent(root, path, make=False) as (folder, base):
            if self._present(folder, base, path) is None:
                raise Missing(f"there is no file {shown(path)}")
            with _naming(path):
                os.unlink(base, dir_fd=folder)

    def facts(self, name: str) -> os.stat_result:
        """What the system says of a regular file. Raises Refused."""
        path = _checked(name)
        with self._opened() as root, held(self._open(root, path, os.O_RDONLY)) as file:
            facts = os.fstat(file)
            _check_regular(facts, path)
            return facts

    def walk(self, name: str = ".", depth: int = MAX_DEPTH, most: int = MAX_ENTRIES) -> Iterator[Entry]:
        """What lies below a folder, in order of names, folders before what they hold. Raises Refused.

        Ends after ``most`` entries; folders that cannot be opened are not looked into.
        """
        path = _checked(name, folder=True)
        left = most
        with self._opened() as root, held(self._open(root, path, _FOLDER)) as top:
            for entry in _walk(top, "", 1, min(depth, MAX_DEPTH)):
                yield entry
                left -= 1
                if left == 0:
                    return

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            root = os.open(self.root, _FOLDER | os.O_CLOEXEC)
        except OSError as error:
            raise Refused(f"the working folder cannot be opened: {error.strerror}") from error
        with held(root):
            yield root

    def _open(self, root: int, path: str, flags: int) -> int:
        with _naming(path):
            return open_beneath(root, path, flags)

    @contextmanager
    def _parent(self, root: int, path: str, make: bool) -> Iterator[tuple[int, str]]:
        """The folder that holds, or is to hold, a file; and the file's name in it."""
        *way, base = path.split("/")
        here = os.dup(root)
        try:
            for name in way:
                with _naming(path):
                    inner = _enter(here, name, make, owner_of(root))
                os.close(here)
                here = inner
            yield here, base
        finally:
            os.close(here)

    @staticmethod
    def _present(folder: int, base: str, path: str) -> os.stat_result | None:
        """Facts of the regular file that has the name already, None where nothing has. Raises Refused."""
        try:
            facts = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Refused(f"{shown(path)}: {error}") from error
        _check_regular(facts, path)
        return facts


def shown(name: str) -> str:
    """A file's name as it may be printed."""
    return literal_line(os.fsencode(name).decode("utf-8", "replace"), 200)


def kind_of(mode: int) -> str:
    """``file``, ``folder``, ``link`` or ``special``."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


def owner_of(root: int) -> tuple[int, int] | None:
    """Whose files are to be, where we are root and the folder is another user's."""
    facts = os.fstat(root)
    return (facts.st_uid, facts.st_gid) if os.geteuid() == 0 and facts.st_uid != 0 else None


def _checked(name: str, folder: bool = False) -> str:
    """The name as a relative path without ``.`` and ``..``. Raises Refused."""
    if "\0" in name:
        raise Refused("a name holds no zero bytes")
    with suppress(UnicodeEncodeError):
        os.fsencode(name)
        whole = f"{name}/" if folder else name
        inner = whole.removeprefix(INNER) if whole.startswith(INNER) else whole
        parts = [part for part in inner.split("/") if part not in {"", "."}]
        if inner.startswith("/") or ".." in parts:
            raise Refused(f"{shown(name)} leads out of the working folder: give a path within it")
        if not parts and not folder:
            raise Refused(f"{shown(name) or 'nothing'} is no file's name")
        return "/".join(parts) or "."
    raise Refused("the name holds characters that no file can have")


def _check_regular(facts: os.stat_result, path: str) -> None:
    kind = kind_of(facts.st_mode)
    if kind != "file":
        raise Refused(f"{shown(path)} is a {'special file' if kind == 'special' else kind}, not a regular file")
    if facts.st_nlink > 1:
        raise Refused(f"{shown(path)} is a hard link: the same file has other names, which may lie elsewhere")


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Whatever the system says becomes a refusal that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise Missing(f"there is no {shown(path)}") from error
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = _REFUSALS.get(number or 0) or (error.strerror if isinstance(error, OSError) else str(error))
        raise Refused(f"{shown(path)}: {reason}") from error


def _read_all(file: int, limit: int, path: str) -> bytes:
    data = bytearray()
    with _naming(path):
        while chunk := os.read(file, min(_CHUNK, limit + 1 - len(data))):
            data += chunk
            if len(data) > limit:
                raise Refused(f"{shown(path)} grew beyond {limit} bytes while it was read")
    return bytes(data)


def _enter(here: int, name: str, make: bool, owner: tuple[int, int] | None) -> int:
    """A folder's descriptor; the folder is made where it is missing."""
    try:
        return open_beneath(here, name, _FOLDER)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=here)
    inner = open_beneath(here, name, _FOLDER)
    if owner is not None:
        os.fchown(inner, *owner)
    return inner


def _put(folder: int, base: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    """Write beside the name, then take the name: whoever holds the old file keeps the old file."""
    beside = f".{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(beside, flags, 0o600, dir_fd=folder)
    try:
        with held(file):
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            if owner is not None:
                os.fchown(file, *owner)
            os.fchmod(file, mode)
        os.rename(beside, base, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def _walk(folder: int, prefix: str, depth: int, deepest: int) -> Iterator[Entry]:
    with os.scandir(folder) as scan:
        names = sorted(item.name for item, _ in zip(scan, range(MAX_ENTRIES), strict=False))
    for name in names:
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        kind = kind_of(facts.st_mode)
        yield Entry(name=prefix + name, kind=kind, size=facts.st_size, mode=stat.S_IMODE(facts.st_mode), depth=depth)
        if kind == "folder" and depth < deepest:
            with suppress(OSError), held(open_beneath(folder, name, _FOLDER)) as inner:
                yield from _walk(inner, f"{prefix}{name}/", depth + 1, deepest)
