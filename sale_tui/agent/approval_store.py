"""What was allowed for always: one small file of the user's, never in a project or a workspace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sale_tui.agent.approval import Policy
from sale_tui.errors import ConfigurationFault
from sale_tui.types import ApprovalRule


class ApprovalStore:
    """A JSON list of rules. Read anew each time, so that what another process has forgotten is forgotten here, too;
    written whole at every change, so that a half-written one is never there.
    """

    def __init__(self, file: Path) -> None:
        """Raises ConfigurationFault where the file is there and cannot be read."""
        self._file = file
        self._read()

    @property
    def rules(self) -> tuple[ApprovalRule, ...]:
        """The rules, the oldest first. Raises ConfigurationFault."""
        return self._read()

    def add(self, rule: ApprovalRule) -> None:
        """Keep a rule. Raises ConfigurationFault where it cannot be written."""
        rules = self._read()
        if rule not in rules:
            self._write((*rules, rule))

    def forget(self, rules: Sequence[ApprovalRule]) -> None:
        """Keep these rules no longer. Raises ConfigurationFault where that cannot be written."""
        before = self._read()
        kept = tuple(rule for rule in before if rule not in rules)
        if kept != before:
            self._write(kept)

    def _read(self) -> tuple[ApprovalRule, ...]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=tuple[ApprovalRule, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationFault(f"{self._file} cannot be read: {error}", "mend or remove the file") from error

    def _write(self, rules: tuple[ApprovalRule, ...]) -> None:
        fresh = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(rules), indent=2) + b"\n")
            fresh.chmod(0o600)
            fresh.replace(self._file)
        except OSError as error:
            raise ConfigurationFault(
                f"{self._file} cannot be written: {error.strerror}", "free space, or mend its permissions"
            ) from error


class ApprovalBook:
    """All rules of one launch, those of every later answer included."""

    def __init__(
        self,
        flags: Sequence[ApprovalRule] = (),
        settings: Sequence[ApprovalRule] = (),
        store: ApprovalStore | None = None,
    ) -> None:
        """Without a ``store`` an answer for always is forgotten with the launch."""
        self._flags = tuple(flags)
        self._settings = tuple(settings)
        self._store = store
        self._kept: tuple[ApprovalRule, ...] = ()

    @property
    def policy(self) -> Policy:
        """The policy as it is now."""
        always = self._kept if self._store is None else self._store.rules
        return Policy(flags=self._flags, settings=self._settings, always=always)

    def keep(self, rule: ApprovalRule) -> None:
        """Keep a rule for always. Raises ConfigurationFault where it cannot be written."""
        if self._store is None:
            self._kept = (*self._kept, rule)
        else:
            self._store.add(rule)
