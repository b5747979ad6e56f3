"""The user's word, once a machine, that a sandbox weaker than ``full`` will do.

It is a file of theirs that no other user can have written and that holds for this machine alone. No setting, no
variable and no file of a project stands for it: what a project could bring along is not private, and knows no machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
from pathlib import Path

import msgspec

from sale_tui.errors import ConfigurationFault
from sale_tui.paths import make_private

_MACHINE_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_MOST_BYTES = 4096


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written down."""

    tier: str
    machine: str
    """Hash of what tells this machine, and its user, from others."""


def accept(record: Path) -> None:
    """Write down that ``reduced`` is accepted here. Raises ConfigurationFault."""
    make_private(record.parent)
    written = record.with_name(f"{record.name}.new")
    try:
        written.unlink(missing_ok=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(_Record("reduced", _machine())))
        written.replace(record)
    except OSError as error:
        raise ConfigurationFault(
            f"{record} cannot be written: {error.strerror}", "make room, or mend the folder's rights"
        ) from error


def forget(record: Path) -> bool:
    """Take it back; whether there was anything. Raises ConfigurationFault."""
    try:
        record.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationFault(f"{record} cannot be removed: {error.strerror}", "remove it yourself") from error
    return True


def accepted(record: Path) -> bool:
    """Whether our user has accepted ``reduced`` on this machine. What is anything but their own private file is not."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        descriptor = os.open(record, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not _is_private(os.fstat(descriptor)):
                return False
            found = msgspec.json.decode(file.read(_MOST_BYTES), type=_Record)
            return (found.tier, found.machine) == ("reduced", _machine())
    return False


def _is_private(facts: os.stat_result) -> bool:
    ours = facts.st_uid == os.geteuid() and facts.st_nlink == 1
    return ours and stat.S_ISREG(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o600


def _machine() -> str:
    name = platform.node()
    for path in _MACHINE_FILES:
        with contextlib.suppress(OSError):
            name = Path(path).read_text("ascii", "replace").strip() or name
            break
    return hashlib.sha256(f"sale-tui reduced {os.geteuid()} {name}".encode()).hexdigest()
