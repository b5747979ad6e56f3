"""What no file of the project may say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SELF = Path(__file__).relative_to(ROOT)
TEXTS = {".py", ".md", ".toml", ".sh", ".cmake", ".jinja", ".tcss", ".txt", ".yaml", ".yml", ".lock", ""}
MACHINE = re.compile(r"(?<![\w.}])/(?:work\b|root\b|Users\b|home/(?!you\b))/?[\w./-]*|/tmp/w\b")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|\b(?:index|extra-index)-url\b(?! \"\$TORCH_CPU_INDEX\")")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|type:\s*ignore|raise NotImplementedError")
MOCKS = re.compile(r"unittest\.mock|\bmocker\b|MagicMock|time\.sleep\(")


def tracked_texts() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if path.suffix in TEXTS and path != SELF and (ROOT / path).is_file()]


def find(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path}:{number}: {match.group()}"
        for path in paths
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if (match := pattern.search(line))
    ]


@pytest.fixture(scope="module")
def texts() -> list[Path]:
    found = tracked_texts()
    assert Path("pyproject.toml") in found
    return found


def test_no_path_of_one_machine(texts: list[Path]) -> None:
    assert find(MACHINE, [path for path in texts if "snapshots" not in path.parts]) == []


def test_no_registry_but_the_public_cpu_builds(texts: list[Path]) -> None:
    assert find(REGISTRY, texts) == []


def test_nothing_unfinished(texts: list[Path]) -> None:
    assert find(UNFINISHED, [path for path in texts if path.suffix == ".py"]) == []


def test_no_mocks_and_no_sleeping_in_tests(texts: list[Path]) -> None:
    assert find(MOCKS, [path for path in texts if path.parts[0] == "tests"]) == []


def test_shell_scripts_parse() -> None:
    for script in sorted((ROOT / "scripts").glob("*.sh")):
        done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
