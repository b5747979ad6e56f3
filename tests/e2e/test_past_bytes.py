"""What was kept of models, tools and users steers no terminal either when it is looked up again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.e2e.payloads import smuggled
from tests.e2e.test_terminal_bytes import LOG, written


def test_no_screen_of_the_past_lets_anything_through(environment: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "seen.json"
    command = [sys.executable, "-m", "tests.e2e.hostile_past", str(LOG), str(report)]
    output, code = written(command, environment, (30, 200), 110)
    assert report.exists(), output[-2000:]
    assert code == 0
    assert smuggled(output) == []
    seen = {name: set(marks) for name, marks in json.loads(report.read_text()).items()}
    assert len(seen["PastScreen/PlainText#auction"]) >= 200
    for name in ("MemoryScreen/PastList#", "ForgetScreen/PlainText#task", "LedgerScreen/PlainText#books"):
        assert seen[name], name
