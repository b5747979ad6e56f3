"""The only way back in: what a front end may ask of a running session."""

from __future__ import annotations

from typing import dataclass_transform

import msgspec

from sale_tui.types import ApprovalAnswer, Kind


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """Base of all commands."""


class Override(Command, tag="override"):
    """Take another agent's bid instead of the proposed award."""

    agent: str
    reason: str = ""


class Accept(Command, tag="accept"):
    """Take the proposed award now, without waiting for the countdown."""


class Pause(Command, tag="pause"):
    """Hold the countdown, or let it go on."""

    held: bool


class SetKind(Command, tag="set_kind"):
    """Change what kind of task this is; counts until bidding starts."""

    kind: Kind


class Answer(Command, tag="answer"):
    """Whether a call that waits for leave may be made."""

    question: str
    """Id of the question; an answer to another one counts for nothing."""
    answer: ApprovalAnswer
    reason: str = ""
    """Why not; the model sees it."""


class Interrupt(Command, tag="interrupt"):
    """Stop the auction or the run now."""
