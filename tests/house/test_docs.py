"""Documentation that is made from the code says what the code says, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sale_tui import events

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "AGENTS.md", "CHANGELOG.md", "models/qwen3/README.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, "scripts/docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_every_event_and_field_is_documented() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")
    for event in events.Event.__subclasses__():
        _, _, section = page.partition(f"## `{event.__struct_config__.tag}`\n")
        section = section.partition("\n## ")[0]
        assert section, f"{event.__name__} is missing"
        for field in event.__struct_fields__[: -len(events.Event.__struct_fields__)]:
            assert f"| `{field}` |" in section, f"{event.__name__}.{field} is missing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert broken == []
