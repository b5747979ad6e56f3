"""Old workspaces are removed; nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.ids import moment_of, new_auction_id
from sale_tui.session.housekeeping import AT_ONCE, DAY, clear_workspaces

NOW = 1_790_000_000.0


class Past:
    """A clock that stands at some days before now."""

    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> float:
        return NOW - self.days * DAY

    def monotonic(self) -> float:
        return self.now()


def make(base: Path, days: float) -> Path:
    folder = base / new_auction_id(Past(days))
    folder.mkdir(parents=True)
    (folder / "file").write_text("1")
    folder.with_name(f"{folder.name}.diff").write_text("diff")
    return folder


@given(st.floats(0, 1e9))
def test_an_id_says_when_it_was_made(seconds: float) -> None:
    moment = moment_of(new_auction_id(Past((NOW - seconds) / DAY)))
    assert moment == pytest.approx(seconds, abs=0.01)
    assert moment_of("lent") is moment_of("../../../../etc") is moment_of("") is None


def test_the_old_and_the_surplus_go(tmp_path: Path) -> None:
    young, older, oldest, ancient = (make(tmp_path, days) for days in (0.5, 2, 3, 31))
    (tmp_path / "lent").mkdir()
    (tmp_path / "notes.diff").touch()
    assert clear_workspaces(tmp_path, 2, NOW) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["lent", "notes.diff", *(f"{folder.name}{end}" for folder in (young, older) for end in ("", ".diff"))]
    )
    assert not oldest.exists()
    assert not ancient.exists()
    assert clear_workspaces(tmp_path, 0, NOW) == 1
    assert young.exists()


def test_a_few_at_a_time_and_the_oldest_first(tmp_path: Path) -> None:
    folders = [make(tmp_path, 40 + days) for days in range(AT_ONCE + 3)]
    assert clear_workspaces(tmp_path, 50, NOW) == AT_ONCE
    assert [folder for folder in folders if folder.exists()] == folders[:3]


def test_a_folder_that_is_not_there_is_fine(tmp_path: Path) -> None:
    assert clear_workspaces(tmp_path / "none", 1, NOW) == 0


def test_a_link_of_that_name_leads_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").touch()
    base = tmp_path / "base"
    base.mkdir()
    (base / new_auction_id(Past(99))).symlink_to(outside)
    clear_workspaces(base, 0, NOW)
    assert (outside / "f").exists()
