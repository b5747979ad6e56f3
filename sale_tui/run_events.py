"""What happens while the winner executes its plan; ``events`` holds these, too, and all else of the vocabulary."""

from __future__ import annotations

from typing import Any, Literal

from sale_tui.event_base import Event
from sale_tui.types import ApprovalAnswer, Limits, SandboxTier, Source, Usage, Value


class RunStarted(Event, tag="run_started"):
    """The winner begins to execute its plan."""

    agent: str
    plan: str
    tools: tuple[str, ...]
    withheld: tuple[str, ...]
    """Tools that are not offered, each with its reason."""
    limits: Limits
    sandbox: SandboxTier
    workspace: str


class StepStarted(Event, tag="step_started"):
    """One turn of the winner."""

    step: int


class StepDelta(Event, tag="step_delta"):
    """A piece of a turn."""

    step: int
    channel: Literal["text", "thinking"]
    text: str
    tokens: int


class StepFinished(Event, tag="step_finished"):
    """A turn is complete."""

    step: int
    text: str
    thinking: str
    usage: Usage


class ToolCalled(Event, tag="tool_called"):
    """The winner calls a tool."""

    step: int
    call: str
    """Id of the call within the run."""
    tool: str
    arguments: dict[str, Any]


class ApprovalAsked(Event, tag="approval_asked"):
    """A call waits for leave: it leaves the sandbox, or a rule says that it is asked for."""

    question: str
    """Id of the question: the call's."""
    call: str
    """The call as text, as the rules' globs see it."""
    leaves: str
    """What would leave the sandbox and where to; empty where nothing does."""
    why: tuple[str, ...] = ()
    """What else speaks for asking."""
    covers: str = ""
    """Glob of the calls that an answer for this run, or for always, allows; empty where only this one can be."""
    detail: str = ""
    """What has to be seen before it is decided, such as a diff."""


class ApprovalAnswered(Event, tag="approval_answered"):
    """A call that was asked for, or that a rule decided, may be made or not."""

    question: str
    call: str
    allowed: bool
    by: Literal["user", "flag", "run", "settings", "always", "default"]
    """``run``, ``always``: an earlier answer of the user's. ``default``: nobody could be asked."""
    answer: ApprovalAnswer | None = None
    """None where a rule decided."""
    rule: str = ""
    """Glob that decided, or that the answer has made."""
    reason: str = ""
    """Why not."""


class CallRejected(Event, tag="call_rejected"):
    """A malformed or unknown call; the reason goes back to the model."""

    step: int
    text: str
    reason: str


class ToolFinished(Event, tag="tool_finished"):
    """A tool has answered."""

    step: int
    call: str
    tool: str
    ok: bool
    summary: str
    """One line."""
    output: str
    """The text that the model sees."""
    truncated: int
    """Characters that were cut."""
    seconds: float
    sources: tuple[Source, ...] = ()


class RunFinished(Event, tag="run_finished"):
    """The run is over."""

    status: Literal["answered", "failed", "limit", "interrupted"]
    answer: str
    reason: str
    """Empty where answered."""
    steps: int
    sources: tuple[Source, ...]
    workspace: str
    usage: Usage


class FileChange(Value):
    """One file that a run has changed in its copy of the user's folder."""

    path: str
    """Made literal."""
    kind: Literal["added", "changed", "deleted"]
    added: int
    """Lines."""
    removed: int
    refused: str = ""
    """Why it cannot be accepted; empty where it can."""


class ChangesFound(Event, tag="changes_found"):
    """What a run has changed in its copy of the user's folder; the folder itself is as it was."""

    folder: str
    files: tuple[FileChange, ...]
    diff: str
    """Of all that can be accepted, in git's format."""
    truncated: int = 0
    """Characters that were cut from ``diff``."""
    saved: str = ""
    """File that holds the whole diff."""


class ChangesApplied(Event, tag="changes_applied"):
    """The user has accepted the changes, and they were carried into the folder."""

    folder: str
    files: tuple[str, ...]
    left: tuple[str, ...] = ()
    """Files that were not carried over, each with its reason."""
