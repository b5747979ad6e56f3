"""A copy of the user's folder, what a run did in it, and what reaches the folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sale_tui.agent.broker import MAX_FILE_BYTES
from sale_tui.agent.changes import CHANGED_MEANWHILE, NOT_COMPARED, Change, apply_changes, find_changes, whole_diff
from sale_tui.agent.workspace import Origin, Stamp, create_workspace


class Work:
    """A user's folder and the copy that a run works in."""

    def __init__(self, base: Path, hashed: bool = True) -> None:
        """``hashed``: not where the copy shares blocks with the folder, so that nobody has read the files."""
        self.folder, self.copy = base / "mine", base / "runs" / "one"
        self.hashed = hashed
        self.folder.mkdir()

    def begin(self) -> None:
        self.origins: dict[str, Origin] = {}
        for path, origin in create_workspace(self.copy, self.folder).origins.items():
            # As if it had been some time ago: a clock of a file system may tick slower than a test.
            os.utime(self.copy / path, (1, 1))
            stamp = Stamp.of((self.copy / path).stat())
            sha256 = origin.sha256 if self.hashed else ""
            self.origins[path] = msgspec.structs.replace(origin, sha256=sha256, copy=stamp)

    def changes(self) -> tuple[Change, ...]:
        return find_changes(self.copy, self.folder, self.origins)

    def accept(self) -> dict[str, str]:
        return {change.path: why for change, why in apply_changes(self.copy, self.folder, self.changes())}


@pytest.fixture(params=[True, False], ids=["copied", "cloned"])
def work(tmp_path: Path, request: pytest.FixtureRequest) -> Work:
    made = Work(tmp_path, request.param)
    (made.folder / "src").mkdir()
    (made.folder / "src" / "a.py").write_text("x = 1\ny = 2\n")
    (made.folder / "old.txt").write_text("old\n")
    (made.folder / "same.txt").write_text("same\n")
    (made.folder / "src" / "run.sh").write_text("echo\n")
    (made.folder / "src" / "run.sh").chmod(0o755)
    made.begin()
    return made


def tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_nothing_changed_is_nothing(work: Work) -> None:
    assert work.changes() == ()


def test_changes_are_told_and_the_folder_stays(work: Work) -> None:
    before = tree(work.folder)
    (work.copy / "src" / "a.py").write_text("x = 1\ny = 3\n")
    (work.copy / "new").mkdir()
    (work.copy / "new" / "b.py").write_text("z\n")
    (work.copy / "new" / "b.py").chmod(0o700)
    (work.copy / "old.txt").unlink()
    assert [(change.kind, change.path, change.lines) for change in work.changes()] == [
        ("added", "new/b.py", (1, 0)),
        ("deleted", "old.txt", (0, 1)),
        ("changed", "src/a.py", (1, 1)),
    ]
    assert whole_diff(work.changes()) == (
        "diff --git a/new/b.py b/new/b.py\nnew file mode 100755\n--- /dev/null\n+++ b/new/b.py\n@@ -0,0 +1 @@\n+z\n"
        "diff --git a/old.txt b/old.txt\ndeleted file mode 100644\n--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n"
        "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n"
    )
    assert tree(work.folder) == before
    assert set(work.accept().values()) == {""}
    assert tree(work.folder) == tree(work.copy)
    assert (work.folder / "new" / "b.py").stat().st_mode & 0o100
    assert (work.folder / "src" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert work.folder.joinpath("src", "a.py").stat().st_uid == work.folder.stat().st_uid


def test_what_the_user_has_changed_meanwhile_stays(work: Work) -> None:
    (work.copy / "src" / "a.py").write_text("theirs")
    (work.copy / "old.txt").unlink()
    (work.copy / "fresh").write_text("theirs")
    (work.folder / "src" / "a.py").write_text("mine")
    (work.folder / "old.txt").write_text("mine")
    (work.folder / "fresh").write_text("mine")
    assert work.accept() == dict.fromkeys(["fresh", "old.txt", "src/a.py"], CHANGED_MEANWHILE)
    assert tree(work.folder)["src/a.py"] == tree(work.folder)["old.txt"] == tree(work.folder)["fresh"] == "mine"
    assert whole_diff(work.changes()) == ""


def test_only_what_was_shown_is_carried_over(work: Work) -> None:
    (work.copy / "src" / "a.py").write_text("shown")
    (work.copy / "b").write_text("shown")
    shown = work.changes()
    (work.copy / "src" / "a.py").write_text("another")
    (work.copy / "b").unlink()
    done = {change.path: why for change, why in apply_changes(work.copy, work.folder, shown)}
    assert done == {"b": "there is no b", "src/a.py": "it is not what was shown any more"}
    assert tree(work.folder)["src/a.py"] == "x = 1\ny = 2\n"


def test_links_and_special_files_stay_behind(work: Work, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (work.copy / "old.txt").unlink()
    (work.copy / "old.txt").symlink_to(tmp_path / "secret")
    (work.copy / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(work.copy / "pipe")
    shutil.rmtree(work.copy / "src")
    (work.copy / "src").symlink_to(tmp_path)
    told = {change.path: change.refused for change in work.changes()}
    assert set(told) == {"old.txt", "src/a.py", "src/run.sh"}
    assert all(told.values())
    before = tree(work.folder)
    assert all(work.accept().values())
    assert tree(work.folder) == before


def test_a_link_in_the_users_folder_is_not_written_through(work: Work, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (work.copy / "deep").mkdir()
    (work.copy / "deep" / "x").write_text("x")
    (work.folder / "deep").symlink_to(tmp_path / "elsewhere")
    assert work.accept() != {"deep/x": ""}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_git_runs_is_never_changed(tmp_path: Path) -> None:
    work = Work(tmp_path)
    (work.folder / ".git" / "hooks").mkdir(parents=True)
    (work.folder / ".git" / "config").write_text("mine")
    work.begin()
    (work.copy / ".git" / "config").write_text("[core] fsmonitor = evil")
    (work.copy / ".git" / "hooks" / "pre-commit").write_text("evil")
    (work.copy / "sub" / ".git").mkdir(parents=True)
    (work.copy / "sub" / ".git" / "config").write_text("evil")
    assert work.changes() == ()


def test_bytes_are_compared_by_size(work: Work) -> None:
    (work.copy / "image").write_bytes(b"\0\1\2")
    assert "Binary files /dev/null (0 bytes) and b/image (3 bytes) differ" in whole_diff(work.changes())
    assert work.accept() == {"image": ""}
    assert (work.folder / "image").read_bytes() == b"\0\1\2"


def test_a_file_put_back_as_it_was_is_no_change(work: Work) -> None:
    (work.copy / "old.txt").unlink()
    (work.copy / "old.txt").write_text("old\n")
    os.utime(work.copy / "src" / "a.py", (2, 2))
    assert work.changes() == ()


def test_an_unread_file_that_somebody_else_touched_stays(work: Work) -> None:
    (work.copy / "old.txt").write_text("theirs")
    (work.copy / "same.txt").unlink()
    os.utime(work.folder / "old.txt", (1, 1))
    (work.folder / "same.txt").unlink()
    refused = {change.path: change.refused for change in work.changes()}
    # Where the content was read, it decides; else a touch cannot be told from a change.
    assert refused == {"old.txt": "" if work.hashed else CHANGED_MEANWHILE, "same.txt": CHANGED_MEANWHILE}


def test_large_files_are_left_alone(work: Work) -> None:
    shutil.rmtree(work.copy)
    for name in ("kept", "written", "removed"):
        (work.folder / name).write_bytes(b"\0" * (MAX_FILE_BYTES + 1))
    work.begin()
    with (work.copy / "written").open("ab") as file:
        file.write(b"x")
    (work.copy / "removed").unlink()
    refused = {change.path: change.refused for change in work.changes()}
    assert list(refused) == ["removed", "written"]
    assert refused["removed"] == NOT_COMPARED
    assert "more than 8388608 are not read" in refused["written"]


names = st.sampled_from(["a", "b", "d/c", "d/e/f"])
contents = st.dictionaries(names, st.binary(max_size=20), max_size=4)


@settings(max_examples=30)
@given(contents, contents, st.booleans())
def test_accepted_changes_make_the_folder_what_the_copy_is(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes], hashed: bool
) -> None:
    work = Work(tmp_path_factory.mktemp("work"), hashed)
    for root, content in ((work.folder, before), (work.copy, after)):
        if root is work.copy:
            work.begin()
            for path in before.keys() - after.keys():
                (root / path).unlink()
        for path, data in content.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
    assert set(work.accept().values()) <= {""}
    left = {path: (work.folder / path).read_bytes() for path in after}
    assert left == after
    assert not [path for path in before.keys() - after.keys() if (work.folder / path).exists()]
