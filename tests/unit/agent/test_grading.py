"""Answers' code and tests, in the sandbox."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.grading import (
    PASS_STATUSES,
    Grade,
    code_in,
    grade,
    grade_of,
    grading_program,
    read_tests,
    solution_of,
)
from sale_tui.errors import ConfigurationFault
from sale_tui.ports import ExecResult
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox

OWN_TASKS = Path(__file__).with_name("tasks")
TASKS = Path(os.environ.get("SALE_TUI_TASKS") or OWN_TASKS)
AT_ONCE = 4
SOLUTION = "def double(x):\n    return 2 * x\n"


class Row(NamedTuple):
    """A task of a public set."""

    name: str
    solution: str
    tests: str


def opened(file: Path) -> Iterator[dict[str, str]]:
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text("utf-8")
    return (json.loads(line) for line in text.splitlines() if line.strip())


def rows(pattern: str) -> list[Row]:
    """Every row of the files with that word in their names."""
    files = sorted(
        path for path in TASKS.iterdir() if re.search(pattern + r".*\.jsonl(\.gz)?$", path.name, re.IGNORECASE)
    )
    return [row_of(row) for file in files for row in opened(file)]


def row_of(row: dict[str, str]) -> Row:
    if "canonical_solution" in row:
        tests = f"{row['test']}\nENTRY_POINT = {row['entry_point']!r}\n"
        return Row(row["task_id"], row["prompt"] + row["canonical_solution"], tests)
    return Row(f"MBPP/{row['task_id']}", row["code"], "\n".join([row["test_setup_code"], *row["test_list"]]))


BREAKER = """
import types as _types
def _broken(f):
    same = _types.FunctionType(f.__code__, dict(globals()), f.__name__, f.__defaults__, f.__closure__)
    same.__kwdefaults__ = f.__kwdefaults__
    def wrong(*given, **named):
        value = same(*given, **named)
        if isinstance(value, bool):
            return not value
        if isinstance(value, (int, float, complex)):
            return value + 1 if value + 1 != value else 0
        return 0 if value is None else None
    return wrong
"""


def broken(row: Row) -> str:
    """The solution, but each function that the tests use answers wrongly."""
    used = [name for name in re.findall(r"^def (\w+)", row.solution, re.MULTILINE) if name in row.tests]
    assert used, row.name
    return row.solution + "\n" + BREAKER + "".join(f"\n{name} = _broken({name})" for name in dict.fromkeys(used))


async def grades(sandbox: BubblewrapSandbox, workspace: Path, work: list[tuple[str, str]]) -> list[Grade]:
    """Of pairs of solution and tests, some at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(solution: str, tests: str) -> Grade:
        async with gate:
            return await grade(sandbox, workspace, solution, tests)

    return await asyncio.gather(*(one(*pair) for pair in work))


@pytest.mark.sandbox
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sort", ["mbpp", "humaneval"])
async def test_reference_solutions_pass_and_broken_ones_fail(
    sandbox: BubblewrapSandbox, workspace: Path, sort: str
) -> None:
    found = rows(sort)
    assert found
    right = await grades(sandbox, workspace, [(row.solution, row.tests) for row in found])
    assert {row.name: each.reason for row, each in zip(found, right, strict=True) if each.outcome != "passed"} == {}
    wrong = await grades(sandbox, workspace, [(broken(row), row.tests) for row in found])
    assert [row.name for row, each in zip(found, wrong, strict=True) if each.outcome != "failed"] == []


CASES = {
    "asserts": ("assert double(2) == 4", "passed", ""),
    "a wrong one": ("assert double(2) == 5", "failed", "AssertionError"),
    "a check": ("def check(candidate):\n    assert candidate(2) == 4", "passed", ""),
    "a check that calls itself": ("def check(f):\n    assert f(2) == 4\ncheck(double)", "passed", ""),
    "a wrong check": ("def check(candidate):\n    assert candidate(2) == 5", "failed", "AssertionError"),
    "an entry point": ("ENTRY_POINT = 'double'\ndef check(f):\n    assert f(2) == 4", "passed", ""),
    "a missing entry point": ("ENTRY_POINT = 'treble'\ndef check(f):\n    assert f", "failed", "NameError: "),
    "functions": ("from solution import double\ndef test_it():\n    assert double(2) == 4", "passed", ""),
    "a wrong function": ("def test_it():\n    assert double(2) == 5", "failed", "AssertionError"),
    "cases": (
        (
            "import unittest, solution\nclass T(unittest.TestCase):\n    def test(self):\n"
            "        self.assertEqual(solution.double(2), 4)"
        ),
        "passed",
        "",
    ),
    "wrong cases": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(2), 5)",
        "failed",
        "AssertionError: T failed",
    ),
    "nothing": ("print('fine')", "failed", "AssertionError: the tests check nothing"),
    "no Python": ("assert (", "failed", "SyntaxError"),
}


@pytest.mark.sandbox
@pytest.mark.parametrize(("tests", "outcome", "reason"), CASES.values(), ids=CASES.keys())
async def test_ways_to_write_tests(
    sandbox: BubblewrapSandbox, workspace: Path, tests: str, outcome: str, reason: str
) -> None:
    result = await grade(sandbox, workspace, SOLUTION, tests)
    assert result.outcome == outcome
    assert result.reason.startswith(reason)
    assert bool(result.reason) == bool(reason)


EARLY = {
    "exit 0": "raise SystemExit(0)",
    "os._exit 0": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "forged words": "print('OK'); print('exit 0'); raise SystemExit",
    "broken": "def double(",
    "deep": "def double(x):\n    return double(x)",
    "exit within": "import os\ndef double(x):\n    os._exit(0)",
}


@pytest.mark.sandbox
@pytest.mark.parametrize("solution", EARLY.values(), ids=EARLY.keys())
async def test_an_early_end_has_not_passed(sandbox: BubblewrapSandbox, workspace: Path, solution: str) -> None:
    assert (await grade(sandbox, workspace, solution, "assert double(2) == 4")).outcome == "failed"


@pytest.mark.sandbox
async def test_endless_code_has_not_passed(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    result = await grade(sandbox, workspace, "while True: pass", "assert 1", seconds=0.5)
    assert (result.outcome, result.reason) == ("failed", "the time limit was met")


def test_a_broken_sandbox_says_nothing_of_the_answer() -> None:
    broken_down = ExecResult(stdout="", stderr="", exit=None, reason="crash")
    assert grade_of(broken_down, 70).outcome == "unknown"


def test_only_the_drawn_status_means_passed() -> None:
    outcomes = {status: grade_of(ExecResult(stdout="", stderr="", exit=status), 70).outcome for status in range(256)}
    assert [status for status, outcome in outcomes.items() if outcome == "passed"] == [70]
    assert 0 not in PASS_STATUSES
    assert 1 not in PASS_STATUSES


@given(st.text(), st.text())
def test_any_text_makes_a_program(solution: str, tests: str) -> None:
    compile(grading_program(solution, tests, 70), "grade.py", "exec")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Here it is:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```py\nx = 1\n```\nthen\n```python\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\nRun it:\n```bash\nls\n```", "x = 1\n"),
        ("```\nx = 1", "x = 1"),
        ("def f():\n    return 1", "def f():\n    return 1"),
        ("The answer is 42.", ""),
        ("", ""),
    ],
)
def test_the_code_of_an_answer(answer: str, code: str) -> None:
    assert code_in(answer) == code


def test_a_file_goes_before_the_answer(tmp_path: Path) -> None:
    assert solution_of("```python\nx = 1\n```", tmp_path) == "x = 1\n"
    (tmp_path / "solution.py").write_text("x = 2")
    assert solution_of("```python\nx = 1\n```", tmp_path) == "x = 2"
    (tmp_path / "solution.py").unlink()
    (tmp_path / "solution.py").symlink_to("/etc/passwd")
    assert solution_of("no code", tmp_path) == ""


def test_test_files_are_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "tests.py"
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        read_tests(file)
    file.write_text(" \n")
    with pytest.raises(ConfigurationFault, match="is empty"):
        read_tests(file)
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        read_tests(file)
    file.write_text("assert 1")
    assert read_tests(file) == "assert 1"
