"""Whether an answer's code passes tests: the tests run in the sandbox, and only its exit status counts.

The solution is ``solution.py`` of the workspace, else the last code block of the answer, else the answer itself where
it reads like code. Tests are a Python file: plain asserts (as MBPP has them); a ``check(candidate)`` (as HumanEval has
it), which is called with what ``ENTRY_POINT`` names, or else with the last function of the solution, unless the file
calls it itself; functions ``test_...``; or unittest's cases. The solution's names are there, also as ``solution``.
Solution and tests share one namespace and one process: tests judge code that tries to be right, not code that tries to
deceive them. What ends the process early, whatever its status, has not passed.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

import msgspec

from sale_tui.agent.broker import Broker, Refused
from sale_tui.errors import ConfigurationFault
from sale_tui.ports import ExecRequest, ExecResult, Sandbox
from sale_tui.types import Outcome

SOLUTION_FILE = "solution.py"
MAX_TEST_BYTES = 1024 * 1024
SECONDS = 60.0
"""Wall time of solution and tests together."""
PASS_STATUSES = range(64, 124)
"""The status that means passed is drawn from these for every run, so that no early exit hits it by chance."""
REASON_CHARACTERS = 300

_BLOCK = re.compile(
    r"^[ \t]*(?:```|~~~)[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)|\Z)", re.DOTALL | re.MULTILINE
)
_PYTHON = ("", "py", "python", "python3")
_CODE_LINE = re.compile(r"^(?:def |async def |class |import |from \w+ import |@|\w+ *= *)", re.MULTILINE)

_PROGRAM = """\
import inspect, json, os, sys, traceback, types, unittest
given = json.loads({given})
module = sys.modules["solution"] = types.ModuleType("solution")
names = module.__dict__
def functions():
    return [name for name, value in names.items() if getattr(value, "__module__", "") == "solution"
            and callable(value) and not name.startswith("_")]
def run_tests():
    exec(compile(given["solution"], "solution.py", "exec"), names)
    candidates, done = functions(), given["asserts"]
    exec(compile(given["tests"], "tests.py", "exec"), names)
    added = [name for name in functions() if name not in candidates]
    if "check" in added and not given["checks"]:
        entry = names.get("ENTRY_POINT") or (candidates[-1] if candidates else "")
        if not entry:
            raise NameError("the solution defines no function to check")
        names["check"](eval(entry, names))
        done = True
    for name in added:
        value = names[name]
        if inspect.isfunction(value) and name.startswith("test") and not inspect.signature(value).parameters:
            value()
            done = True
        elif inspect.isclass(value) and issubclass(value, unittest.TestCase):
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(value)
            if not unittest.TextTestRunner(stream=sys.stderr).run(suite).wasSuccessful():
                raise AssertionError(name + " failed")
            done = True
    if not done:
        raise AssertionError("the tests check nothing")
try:
    run_tests()
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
sys.stdout.flush()
os._exit({status})
"""
_CHECKS = re.compile(r"^check\(", re.MULTILINE)
"""Tests that call their ``check`` themselves."""
_ASSERTS = re.compile(r"\bassert\b")


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the tests."""

    outcome: Outcome
    reason: str
    """One line: what failed, or why it could not be told. Empty where passed."""
    seconds: float = 0.0


def read_tests(file: Path) -> str:
    """The text of a test file that the user names. Raises ConfigurationFault."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_TEST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationFault(f"tests: {file} cannot be read: {error}", "give a Python file") from error
    if len(data) > MAX_TEST_BYTES:
        raise ConfigurationFault(f"tests: {file} has more than {MAX_TEST_BYTES} bytes", "give a smaller file")
    if not text.strip():
        raise ConfigurationFault(f"tests: {file} is empty", "give a file with asserts, or with a check(candidate)")
    return text


def code_in(answer: str) -> str:
    """The code of an answer: its last block of Python, or all of it where it reads like code; else nothing."""
    blocks = [code for language, code in _BLOCK.findall(answer) if language.lower() in _PYTHON]
    if blocks:
        return str(blocks[-1])
    return answer if _CODE_LINE.search(answer) else ""


def solution_of(answer: str, workspace: Path) -> str:
    """The code that is tested; empty where the answer has none."""
    try:
        return Broker(workspace).read(SOLUTION_FILE, MAX_TEST_BYTES).decode("utf-8", "replace")
    except Refused:
        return code_in(answer)


def grading_program(solution: str, tests: str, status: int) -> str:
    """A program that runs both and exits with ``status`` where every test has passed."""
    asserts, checks = bool(_ASSERTS.search(tests)), bool(_CHECKS.search(tests))
    given = {"solution": solution, "tests": tests, "asserts": asserts or checks, "checks": checks}
    return _PROGRAM.format(given=repr(json.dumps(given)), status=status)


def grade_of(result: ExecResult, status: int) -> Grade:
    """What a run of the grading program says; ``status`` is what stands for passed."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    said = lines[-1][:REASON_CHARACTERS] if lines else ""
    if result.reason == "crash" and result.exit is None:
        return Grade(outcome="unknown", reason="the sandbox broke down", seconds=result.wall_s)
    if result.reason is not None:
        stopped = "the time limit was met" if result.reason == "timeout" else f"stopped: {result.reason}"
        return Grade(outcome="failed", reason=stopped, seconds=result.wall_s)
    if result.exit == status:
        return Grade(outcome="passed", reason="", seconds=result.wall_s)
    if result.exit == 1:
        return Grade(outcome="failed", reason=said or "a test failed", seconds=result.wall_s)
    return Grade(outcome="failed", reason=f"it ended before the tests did: exit {result.exit}", seconds=result.wall_s)


async def grade(sandbox: Sandbox, workspace: Path, solution: str, tests: str, seconds: float = SECONDS) -> Grade:
    """Run the tests in the workspace. Raises NoSandbox."""
    status = secrets.choice(PASS_STATUSES)
    program = grading_program(solution, tests, status)
    request = ExecRequest(
        argv=("python3", "-B", "/run/grade.py"),
        workspace=workspace,
        timeout_seconds=seconds,
        files={"grade.py": program.encode("utf-8", "replace")},
    )
    return grade_of(await sandbox.run(request), status)
