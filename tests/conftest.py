"""What many tests need: a sandbox and folders that it may be given, a folder of the user's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.owner import workspace_base


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = workspace_base(tmp_path)
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


@pytest.fixture
def workspace(base: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=base))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shown(base: Path) -> Iterator[Path]:
    """A folder that every user may read."""
    folder = Path(tempfile.mkdtemp(prefix="shown-", dir=base))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sandbox(base: Path) -> BubblewrapSandbox:
    return BubblewrapSandbox(base)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of the user's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    return folder
