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
    """A JSON list of rules. Read once; written whole at every change, so that a half-written one is never there."""

    def __init__(self, file: Path) -> None:
        """Raises ConfigurationFault where the file is there and cannot be read."""
        self._file = file
        try:
            self._rules = msgspec.json.decode(file.read_bytes(), type=tuple[ApprovalRule, ...])
        except FileNotFoundError:
            self._rules = ()
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationFault(f"{file} cannot be read: {error}", "mend or remove the file") from error

    @property
    def rules(self) -> tuple[ApprovalRule, ...]:
        """The rules, the oldest first."""
        return self._rules

    def add(self, rule: ApprovalRule) -> None:
        """Keep a rule. Raises ConfigurationFault where it cannot be written."""
        if rule not in self._rules:
            self._write((*self._rules, rule))

    def remove(self, call: str) -> bool:
        """Forget the rules of a glob; whether there were any. Raises ConfigurationFault."""
        kept = tuple(rule for rule in self._rules if rule.call != call)
        if kept == self._rules:
            return False
        self._write(kept)
        return True

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
        self._rules = rules


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
