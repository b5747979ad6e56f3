"""``sandbox accept`` and ``sandbox forget`` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sale_tui.cli_sandbox import sandbox
from sale_tui.errors import UsageFault
from sale_tui.paths import HOME_VARIABLE, user_folders


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return user_folders().sandbox_record


def test_nothing_is_accepted_unless_it_is_said(record: Path) -> None:
    result = CliRunner().invoke(sandbox, ["accept", "reduced"])
    assert isinstance(result.exception, UsageFault)
    assert not record.exists()
    assert CliRunner().invoke(sandbox, ["accept", "full", "--yes"]).exit_code == 2


def test_accepted_by_its_flag_and_forgotten(record: Path) -> None:
    said = CliRunner().invoke(sandbox, ["accept", "reduced", "--yes"])
    assert str(record) in said.output
    assert record.stat().st_mode & 0o777 == 0o600
    assert "no longer" in CliRunner().invoke(sandbox, ["forget"]).output
    assert not record.exists()
    assert "was not" in CliRunner().invoke(sandbox, ["forget"]).output
