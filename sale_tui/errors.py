"""Errors that a user sees: each names its cause and its cure, and knows its exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (docs/contracts)."""

    ANSWERED = 0
    USAGE = 2
    CONFIGURATION = 3
    NO_BID = 4
    RUN_FAILED = 5
    NO_SANDBOX = 6
    INTERRUPTED = 130


class SaleError(Exception):
    """Base of all errors that reach a user.

    ``kind`` is a stable word for machines, the message names the cause, ``hint`` the cure.
    """

    kind = "error"
    exit_code = Exit.RUN_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, dict[str, str]]:
        """The object that ``--json`` prints as stdout's last line."""
        return {"error": {"kind": self.kind, "message": self.message, "hint": self.hint}}


class Defect(SaleError):
    """Something that sale-tui itself does wrong."""

    kind = "defect"
    exit_code = Exit.RUN_FAILED


class UsageFault(SaleError):
    """The command line does not make sense."""

    kind = "usage"
    exit_code = Exit.USAGE


class ConfigurationFault(SaleError):
    """A pool, a settings file or an input file is wrong; the field is named."""

    kind = "configuration"
    exit_code = Exit.CONFIGURATION


class NoAgentLoads(SaleError):
    """Not one model of the pool could be loaded."""

    kind = "no_agent_loads"
    exit_code = Exit.CONFIGURATION


class NoValidBid(SaleError):
    """Agents loaded, but none placed a bid that can be scored."""

    kind = "no_valid_bid"
    exit_code = Exit.NO_BID


class RunFailed(SaleError):
    """The winner did not reach an answer."""

    kind = "run_failed"
    exit_code = Exit.RUN_FAILED


class Interrupted(SaleError):
    """Someone stopped it."""

    kind = "interrupted"
    exit_code = Exit.INTERRUPTED


class NoSandbox(SaleError):
    """What was asked needs a sandbox and there is none."""

    kind = "no_sandbox"
    exit_code = Exit.NO_SANDBOX


class ModelFault(SaleError):
    """A model's worker crashed, hung, refused its file, or ended."""

    kind = "model"
    exit_code = Exit.CONFIGURATION


class PromptTooLong(ModelFault):
    """The prompt does not fit the model's context; says by how much."""

    kind = "prompt_too_long"
