"""Folders and pools are found by name, folder or file, and a wrong name says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.paths import Folders, find_pools, is_file, is_folder, make_private, resolve_pool, user_folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(config=tmp_path / "config", data=tmp_path / "data", cache=tmp_path / "cache")


def test_one_variable_moves_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SALE_TUI_HOME", str(tmp_path))
    folders = user_folders()
    assert folders.database == tmp_path / "data" / "memory.db"
    assert folders.settings_file == tmp_path / "config" / "settings.toml"


def test_users_pools_are_found_and_win_over_shipped_ones(folders: Folders) -> None:
    own = folders.config / "pools"
    (own / "micro").mkdir(parents=True)
    (own / "micro" / "pool.toml").write_text("")
    (own / "mine.toml").write_text("")
    pools = find_pools(folders)
    assert pools["micro"] == own / "micro" / "pool.toml"
    assert pools["mine"] == own / "mine.toml"
    assert resolve_pool("mine", folders) == own / "mine.toml"


def test_a_pool_is_also_a_folder_or_a_file(folders: Folders, tmp_path: Path) -> None:
    file = tmp_path / "there" / "pool.toml"
    file.parent.mkdir()
    file.write_text("")
    assert resolve_pool(str(file.parent), folders) == file
    assert resolve_pool(str(file), folders) == file


@pytest.mark.parametrize("name", ["nonesuch", "/nowhere/pool.toml", "nowhere.toml"])
def test_an_unknown_pool_is_named_in_the_error(folders: Folders, name: str) -> None:
    with pytest.raises(ConfigurationFault, match="no pool") as caught:
        resolve_pool(name, folders)
    assert name in caught.value.message
    assert caught.value.hint


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationFault, match="cannot create"):
        make_private(tmp_path / "file" / "folder")


LONG = '{"format": 1, "plan": "' + "x" * 5000 + '"}'


def test_a_name_that_no_file_can_have_is_one_short_error(folders: Folders) -> None:
    for name in (LONG, "a\0b.toml", "~nobody-of-that-name/pool.toml"):
        with pytest.raises(ConfigurationFault, match="pool") as fault:
            resolve_pool(name, folders)
        assert len(fault.value.message) < 200
    with pytest.raises(ConfigurationFault, match="workspace"):
        is_folder(Path(LONG), "workspace")


def test_what_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert is_file(tmp_path / "file", "it")
    assert not is_file(tmp_path, "it")
    assert is_folder(tmp_path, "it")
    assert not is_folder(tmp_path / "file" / "below", "it")
