"""Folders of the user's own as workspaces: which may be, and that they stay the user's."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.loan import lent, recover
from sale_tui.sandbox.place import REGISTER, check_named
from sale_tui.trees import remove_tree, walk

pytestmark = pytest.mark.sandbox
BOXED = 64217


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder where only its owner can pass."""
    folder = tmp_path / "shut" / "project"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    (folder / "mine").write_text("mine")
    (folder / "mine").chmod(0o600)
    (folder / "mode").mkdir(mode=0o750)
    return folder


@pytest.fixture
def register(base: Path) -> Path:
    return base / REGISTER


def named(base: Path, project: Path) -> BubblewrapSandbox:
    return BubblewrapSandbox(base, named=(check_named(project, ()),))


def owners(folder: Path) -> set[tuple[int, int]]:
    top = os.open(folder, os.O_RDONLY)
    try:
        return {(facts.st_uid, facts.st_gid) for facts in (os.fstat(top), *(entry[2] for entry in walk(top)))}
    finally:
        os.close(top)


async def test_users_files_can_be_worked_on_and_stay_theirs(base: Path, project: Path) -> None:
    mode = project.stat().st_mode
    sandbox = named(base, project)
    command = "cat mine; echo more >> mine; mkdir -p a/b; echo new > a/b/new; ln -s mine link; chmod 0 /workspace"
    result = await sandbox.run(ExecRequest(argv=("sh", "-c", command), workspace=project))
    assert (result.stdout, result.exit) == ("mine", 0), result
    assert (project / "mine").read_text() == "minemore\n"
    assert (project / "a" / "b" / "new").read_text() == "new\n"
    assert owners(project) == {(os.geteuid(), os.getegid())}
    assert project.stat().st_mode == mode
    assert list(base.glob("stage-*")) == []


async def test_runs_at_once_share_a_folder(base: Path, project: Path) -> None:
    sandbox = named(base, project)
    requests = [ExecRequest(argv=("sh", "-c", f"cat mine > {n}; sleep 0.{n}"), workspace=project) for n in range(4)]
    results = await asyncio.gather(*map(sandbox.run, requests))
    assert {result.exit for result in results} == {0}
    assert {(project / str(n)).read_text() for n in range(4)} == {"mine"}
    assert owners(project) == {(os.geteuid(), os.getegid())}


async def test_other_folders_are_not_given(base: Path, project: Path) -> None:
    sandbox = named(base, project)
    for folder in (project.parent, project / "mode", project / ".." / "project" / "mode"):
        with pytest.raises(NoSandbox):
            await sandbox.run(ExecRequest(argv=("true",), workspace=folder))


@pytest.mark.parametrize(
    "folder", ["/", "/etc", "/usr/lib", "/proc/self", "/tmp", "/var/tmp", "/home", "/dev/shm", "~", "~/..", "missing"]
)
def test_some_folders_are_never_workspaces(folder: str) -> None:
    with pytest.raises(NoSandbox):
        check_named(Path(folder).expanduser(), ())


def test_own_files_are_never_in_a_workspace(tmp_path: Path) -> None:
    config = tmp_path / "app" / "config"
    (config / "pools").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "app", config, config / "pools"):
        with pytest.raises(NoSandbox):
            check_named(folder, [config])
    (tmp_path / "apple").mkdir()
    (tmp_path / "link").symlink_to(config)
    assert check_named(tmp_path / "apple", [config]) == tmp_path / "apple"
    with pytest.raises(NoSandbox):
        check_named(tmp_path / "link", [config])


if os.geteuid() == 0:  # what only root does

    def test_only_the_owners_own_files_are_lent(project: Path, register: Path, tmp_path: Path) -> None:
        (project / "other").touch()
        os.chown(project / "other", 12345, 12345)
        (tmp_path / "elsewhere").touch()
        (project / "twice").hardlink_to(tmp_path / "elsewhere")
        (project / "rights").touch()
        (project / "rights").chmod(0o4755)
        (project / "away").symlink_to(tmp_path / "elsewhere")
        os.mkfifo(project / "pipe")
        with lent(project, BOXED, register):
            given = {path.name for path in project.rglob("*") if path.lstat().st_uid == BOXED}
            assert given == {"mine", "mode", "away"}
            assert (tmp_path / "elsewhere").stat().st_uid == 0
        assert (project / "other").stat().st_uid == 12345
        assert (project / "rights").stat().st_mode & 0o7777 == 0o4755
        (project / "other").unlink()
        assert owners(project) == {(0, 0)}

    def test_folder_of_another_user_stays_theirs(project: Path, register: Path) -> None:
        for path in (project, *project.rglob("*")):
            os.chown(path, 12345, 12346)
        with lent(project, BOXED, register):
            (project / "made").touch()
            os.chown(project / "made", BOXED, BOXED)
        assert owners(project) == {(12345, 12346)}

    def test_last_one_gives_back(project: Path, register: Path) -> None:
        with lent(project, BOXED, register):
            with lent(project, BOXED, register):
                assert project.stat().st_uid == BOXED
            assert (project / "mine").stat().st_uid == BOXED
        assert owners(project) == {(0, 0)}

    def test_what_a_killed_run_had_lent_is_given_back(project: Path, register: Path) -> None:
        child = os.fork()
        if child == 0:
            with lent(project, BOXED, register):
                os._exit(0)
        os.waitpid(child, 0)
        assert project.stat().st_uid == BOXED
        recover(BOXED, register)
        assert owners(project) == {(0, 0)}
        assert not list(register.iterdir())

    def test_what_is_in_use_is_not_given_back(project: Path, register: Path) -> None:
        with lent(project, BOXED, register):
            recover(BOXED, register)
            assert project.stat().st_uid == BOXED


def deep(folder: Path, depth: int) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 40, dir_fd=here)
        lower = os.open("d" * 40, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = lower
    os.close(here)


@pytest.fixture
def heap() -> Iterator[Path]:
    # In memory: how long a disk takes for it is not ours.
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    remove_tree(folder)


def test_any_tree_can_be_removed(heap: Path) -> None:
    outside = heap / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    tree = heap / "tree"
    tree.mkdir()
    deep(tree, 3000)
    for number in range(10_000):
        (tree / f"{number}\n\udcff").touch()
    (tree / "away").symlink_to(outside)
    os.mkfifo(tree / "pipe")
    (tree / "shut" / "inner").mkdir(parents=True)
    (tree / "shut").chmod(0)
    tree.chmod(0)
    began = time.monotonic()
    remove_tree(tree)
    assert time.monotonic() - began < 5
    assert not tree.exists()
    assert (outside / "kept").exists()


async def test_deep_tree_is_given_back(base: Path, project: Path) -> None:
    code = "import os\nfor _ in range(1500):\n    os.mkdir('d' * 40); os.chdir('d' * 40)\nopen('end', 'w')"
    sandbox = named(base, project)
    result = await sandbox.run(ExecRequest(argv=("python3", "-c", code), workspace=project))
    assert result.exit == 0
    assert owners(project) == {(os.geteuid(), os.getegid())}
    remove_tree(project)
    assert not project.exists()
