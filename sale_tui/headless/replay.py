"""A recorded event log as text."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from sale_tui.errors import Exit
from sale_tui.headless.narration import Narrator
from sale_tui.session.replay import read_log, replay


async def replay_text(log: Path, out: TextIO, *, speed: float = 1.0) -> int:
    """Tell a log, ``speed`` times as fast as it happened; returns the exit code.

    Raises ConfigurationFault naming the line that is wrong.
    """
    narrator = Narrator(out)
    async for event in replay(read_log(log), speed):
        narrator.tell(event)
    return int(Exit.ANSWERED)
