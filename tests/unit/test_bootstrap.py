"""What is wired: faults of settings come before anything is started."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sale_tui.bootstrap import open_checks, open_pool
from sale_tui.errors import ConfigurationFault
from sale_tui.headless.doctor import examine
from sale_tui.paths import Folders, shipped_pools
from sale_tui.settings import Settings

HUGE = "1e200"


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(config=tmp_path / "config", data=tmp_path / "data", cache=tmp_path / "cache")


def test_thrift_of_the_settings_replaces_the_pools(folders: Folders) -> None:
    assert open_pool(Settings(thrift=3.0), folders).rules.thrift == 3.0
    assert open_pool(Settings(), folders).rules.thrift > 0


@pytest.mark.parametrize("field", ["thrift", "cost"])
def test_rules_that_cannot_be_scored_are_refused(folders: Folders, tmp_path: Path, field: str) -> None:
    lines = (shipped_pools() / "micro" / "pool.toml").read_text("utf-8").splitlines()
    changed = [f"{field} = {HUGE}" if line.split(" =")[0] == field else line for line in lines]
    assert changed != lines
    file = tmp_path / "pool.toml"
    file.write_text("\n".join(changed))
    with pytest.raises(ConfigurationFault, match=field):
        open_pool(Settings(pool=str(file)), folders)


async def test_a_data_folder_that_cannot_be_made_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    monkeypatch.setenv("SALE_TUI_HOME", str(tmp_path / "home"))
    checks, close = await open_checks()
    out = io.StringIO()
    try:
        chosen = [check for check in checks if check[0] in {"data folder", "sandbox"}]
        assert await examine(chosen, out) == 3
    finally:
        await close()
    assert "data folder: " in out.getvalue()
    assert "sandbox: " in out.getvalue()
