"""A recorded auction and run, as every state test folds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.events import AnyEvent
from sale_tui.session.replay import read_log


@pytest.fixture(scope="session")
def log() -> list[AnyEvent]:
    return read_log(Path(__file__).parent / "logs" / "coding.jsonl")
