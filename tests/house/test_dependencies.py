"""What the code imports is what the project declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = {"sale_tui", "models", "scripts", "tests", "benchmarks"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [
        *project["dependencies"],
        *(line for name in extras for line in project["optional-dependencies"][name]),
    ]
    return {normalised(match.group()) for line in requirements if (match := re.match(r"[\w.-]+", line))}


def imported(paths: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found.update({name.split(".")[0]: path for name in names})
    local = {path.stem for path in paths} | {path.parent.name for path in paths}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | OWN | local}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("sale_tui",), ("mcp", "web")),
        (("models/train",), ("train",)),
        (("tests", "scripts", "benchmarks"), ("mcp", "train", "dev")),
    ],
    ids=["package", "training", "tests"],
)
def test_every_import_is_declared(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    known = packages_distributions()
    allowed = declared(*extras)
    undeclared = {
        name: str(path.relative_to(ROOT))
        for name, path in imported(paths).items()
        if not allowed & {normalised(owner) for owner in known.get(name, [name])}
    }
    assert undeclared == {}


def test_every_library_is_locked() -> None:
    """But those that the set-up builds or chooses itself."""
    locked = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()[1:]}
    assert declared("mcp", "train", "dev", "web") - {normalised(name) for name in locked} == {
        *("torch", "llama-cpp-python", "sale-tui")
    }
