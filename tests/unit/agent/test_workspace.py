from __future__ import annotations

import os
from pathlib import Path

import pytest

from sale_tui.agent import workspace
from sale_tui.agent.workspace import create_workspace, list_workspace, save_copy
from sale_tui.errors import ConfigurationFault, UsageFault
from sale_tui.trees import remove_tree


@pytest.fixture
def original(tmp_path: Path) -> Path:
    folder = tmp_path / "original"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "run.sh").write_text("echo")
    (folder / "deep" / "run.sh").chmod(0o755)
    (tmp_path / "secret").write_text("secret")
    return folder


def tree(folder: Path) -> dict[str, object]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


def test_fresh_workspace_is_empty_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    assert create_workspace(folder).files == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list_workspace(folder) == ()


def test_used_workspace_is_not_fresh(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="cannot create"):
        create_workspace(tmp_path)


def test_copy_holds_all_and_the_original_stays(tmp_path: Path, original: Path) -> None:
    before = tree(original)
    folder = tmp_path / "run"
    copied = create_workspace(folder, original)
    assert (copied.files, copied.size, copied.skipped) == (2, 5, ())
    assert (folder / "deep" / "run.sh").read_text() == "echo"
    assert (folder / "deep" / "run.sh").stat().st_mode & 0o777 == 0o700
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o600
    (folder / "a.txt").write_text("changed")
    assert tree(original) == before


def test_links_stay_where_they_lead_inside(tmp_path: Path, original: Path) -> None:
    (original / "in").symlink_to("deep/run.sh")
    (original / "deep" / "up").symlink_to("../a.txt")
    (original / "out").symlink_to("../secret")
    (original / "deep" / "far").symlink_to("../../secret")
    (original / "absolute").symlink_to(tmp_path / "secret")
    folder = tmp_path / "run"
    assert sorted(create_workspace(folder, original).skipped) == ["absolute", "deep/far", "out"]
    assert (folder / "in").readlink() == Path("deep/run.sh")
    assert (folder / "deep" / "up").read_text() == "a"
    assert b"secret" not in tree(folder).values()


def test_special_files_are_left_out(tmp_path: Path, original: Path) -> None:
    os.mkfifo(original / "pipe")
    assert create_workspace(tmp_path / "run", original).skipped == ("pipe",)


def test_too_large_an_original_is_refused(tmp_path: Path, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if create_workspace(tmp_path / "shared", original).shared:
        return
    monkeypatch.setattr(workspace, "MAX_BYTES", 4)
    with pytest.raises(ConfigurationFault, match=f"workspace {original} holds more than") as refused:
        create_workspace(tmp_path / "one", original)
    assert "shares blocks" in refused.value.hint
    monkeypatch.setattr(workspace, "MAX_BYTES", 5)
    assert create_workspace(tmp_path / "two", original).size == 5


def test_a_copy_has_bytes_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    content = os.urandom(300_000)
    (tmp_path / "mine" / "a").write_bytes(content)
    copied = create_workspace(tmp_path / "run", tmp_path / "mine")
    assert copied.size == len(content)
    assert copied.shared in {0, len(content)}
    with (tmp_path / "run" / "a").open("r+b") as file:
        file.write(b"changed")
    assert (tmp_path / "mine" / "a").read_bytes() == content
    assert (tmp_path / "run" / "a").read_bytes() == b"changed" + content[7:]


def test_too_many_files_are_refused(tmp_path: Path, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "MAX_FILES", 1)
    with pytest.raises(ConfigurationFault, match="more than 1 files"):
        create_workspace(tmp_path / "run", original)


def test_missing_original_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="cannot be copied"):
        create_workspace(tmp_path / "run", tmp_path / "missing")


def test_names_are_listed_literally(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    create_workspace(folder)
    (folder / "b\x1b[31m\nred").write_text("12")
    (folder / "a").write_text("1")
    Path(os.fsdecode(os.fsencode(folder) + b"/c\xff")).write_text("123")
    (folder / "link").symlink_to("/etc/passwd")
    assert [(file.name, file.size) for file in list_workspace(folder)] == [("a", 1), ("b red", 2), ("c\ufffd", 3)]


def test_saved_copy_holds_files_alone(tmp_path: Path, original: Path) -> None:
    (original / "in").symlink_to("a.txt")
    os.mkfifo(original / "pipe")
    to = tmp_path / "new" / "saved"
    saved = save_copy(original, to)
    assert saved.files == 2
    assert sorted(saved.skipped) == ["in", "pipe"]
    assert sorted(tree(to)) == ["a.txt", "deep", "deep/run.sh"]
    with pytest.raises(UsageFault, match="exists already"):
        save_copy(original, to)


def test_bottomless_tree_is_cut(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    create_workspace(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(3 * workspace.MAX_DEPTH):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    saved = save_copy(folder, tmp_path / "saved")
    assert saved.skipped == ("/".join("d" * (workspace.MAX_DEPTH + 1)),)
    # Python's own removal of deep trees does not reach the bottom.
    remove_tree(folder)
    assert not folder.exists()
