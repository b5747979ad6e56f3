from __future__ import annotations

import os
from pathlib import Path

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.sandbox import owner
from sale_tui.sandbox.owner import adopt, spare_uid, workspace_base


def test_users_workspaces_lie_in_their_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert workspace_base(tmp_path) == tmp_path / "workspaces"


def test_spare_user_is_not_root() -> None:
    assert spare_uid() in owner.SPARE_UIDS


if os.geteuid() == 0:  # what only root can do

    def test_roots_workspaces_lie_where_others_can_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, "ROOTS_BASE", tmp_path)
        base = workspace_base(Path.home())
        assert base == tmp_path / "sale-tui-0"
        assert base.stat().st_mode & 0o777 == 0o711
        assert workspace_base(Path.home()) == base

    @pytest.mark.parametrize("squat", ["folder", "link", "file", "open"])
    def test_name_that_someone_took_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squat: str) -> None:
        monkeypatch.setattr(owner, "ROOTS_BASE", tmp_path)
        taken, elsewhere = tmp_path / "sale-tui-0", tmp_path / "elsewhere"
        elsewhere.mkdir()
        if squat == "link":
            taken.symlink_to(elsewhere)
        elif squat == "file":
            taken.touch()
        else:
            taken.mkdir()
            taken.chmod(0o777 if squat == "open" else 0o755)
            os.chown(taken, 0 if squat == "open" else 12345, 0)
        base = workspace_base(Path.home())
        assert base != taken
        assert base.is_dir()
        assert not base.is_symlink()
        assert base.stat().st_uid == 0

    def test_fresh_workspace_is_given_away_whole(tmp_path: Path) -> None:
        workspace = tmp_path / "workspace"
        (workspace / "deep").mkdir(parents=True)
        (workspace / "deep" / "file").touch()
        (tmp_path / "outside").touch()
        (workspace / "link").symlink_to(tmp_path / "outside")
        adopt(workspace, 64217)
        assert {path.lstat().st_uid for path in (workspace, *workspace.rglob("*"))} == {64217}
        assert (tmp_path / "outside").stat().st_uid == 0
        assert workspace.stat().st_mode & 0o777 == 0o700
        adopt(workspace, 64217)

    def test_folder_of_another_user_is_not_touched(tmp_path: Path) -> None:
        os.chown(tmp_path, 12345, 12345)
        with pytest.raises(NoSandbox):
            adopt(tmp_path, 64217)
        assert tmp_path.stat().st_uid == 12345
        os.chown(tmp_path, 0, 0)
