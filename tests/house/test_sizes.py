"""Modules and functions stay small enough to read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES = 400
TEST_MODULE_LINES = 500
FUNCTION_LINES = 60
FOLDERS = ("sale_tui", "scripts", "models/train", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name_of)
def test_a_module_is_short(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    limit = TEST_MODULE_LINES if path in TESTS else MODULE_LINES
    assert lines < limit, f"{name_of(path)} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_its_functions_are_short(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = {node.name: length for node in functions if (length := lines_of(node)) >= FUNCTION_LINES}
    assert not long, f"{name_of(path)}: {long}"


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first decorator to the end, without the docstring."""
    assert node.end_lineno is not None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    document = node.body[0] if ast.get_docstring(node) else None
    described = document.end_lineno - document.lineno + 1 if document and document.end_lineno else 0
    return node.end_lineno - first + 1 - described


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "sale_tui").rglob("*.py")}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
