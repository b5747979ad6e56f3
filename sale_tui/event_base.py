"""What all events have in common."""

from __future__ import annotations

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=False):
    """Base of all events; the session stamps ``auction``, ``seq`` and ``at``."""

    auction: str = ""
    """Id of the auction that it belongs to."""
    seq: int = 0
    """Position in the auction's log, from 0, without gaps."""
    at: float = 0.0
    """Unix seconds."""
