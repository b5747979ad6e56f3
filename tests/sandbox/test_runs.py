"""A sample of ``benchmarks/sandbox_runs.py``, whose long form makes a thousand runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.sandbox_runs import in_a_row
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox

pytestmark = pytest.mark.sandbox


async def test_runs_in_a_row_leave_nothing(base: Path, workspace: Path) -> None:
    assert await in_a_row(BubblewrapSandbox(base), workspace, 40) == []
