"""Who may import whom, and what a start must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sale_tui"
HEAVY = ("torch", "transformers", "sentence_transformers", "llama_cpp", "scipy", "numpy", "sqlite_utils")
SCREEN = ("textual", "rich")


def imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def modules_outside_tui() -> list[str]:
    paths = [path for path in PACKAGE.rglob("*.py") if "tui" not in path.relative_to(PACKAGE).parts]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in sorted(paths)]
    return [name for name in names if not name.endswith("__main__")]


def test_only_tui_imports_textual_or_rich() -> None:
    offenders = {
        str(path.relative_to(ROOT)): sorted(screens)
        for path in PACKAGE.rglob("*.py")
        if "tui" not in path.relative_to(PACKAGE).parts
        and (screens := {name for name in imported_by(path) if name.split(".")[0] in SCREEN})
    }
    assert offenders == {}


def test_everything_but_the_app_works_without_textual() -> None:
    run_python(
        "import importlib, sys\n"
        f"for name in {SCREEN!r}: sys.modules[name] = None\n"
        f"for name in {modules_outside_tui()!r}: importlib.import_module(name)\n"
    )


def loaded_by(module: str, names: tuple[str, ...]) -> str:
    return run_python(f"import sys, {module}; print([name for name in {names!r} if name in sys.modules])")


def test_the_command_line_starts_light() -> None:
    assert loaded_by("sale_tui.cli", (*HEAVY, *SCREEN)) == "[]"


def test_the_first_frame_loads_nothing_heavy() -> None:
    assert loaded_by("sale_tui.tui.app", HEAVY) == "[]"


def test_imports_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-logo", "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
