"""Every tool in one run of the installed command: a scripted pool, the real sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Finished, Sale

SOLUTION = "def double(x):\n    return x + x\n"
POOL = """
name = "played"
[[agent]]
name = "player"
model = "scripted:script.toml"
price = 0.1
"""


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def script(turns: list[str]) -> str:
    """A script in which the only agent bids, marks itself, and then takes these turns."""
    bid: list[dict[str, Any]] = [{"part": "bid", "text": "1. Write it. 2. Submit it."}]
    steps: list[dict[str, Any]] = [
        {"part": "execute", "step": number, "text": text} for number, text in enumerate(turns, start=1)
    ]
    lines = []
    for turn in [*bid, *steps]:
        lines += ["[[turn]]", *(f"{key} = {json.dumps(value)}" for key, value in turn.items())]
    return "\n".join([*lines, "[[mark]]", "mark = 4.0"])


@pytest.fixture
def play(sale: Sale, tmp_path: Path) -> Any:
    """Run a task whose winner takes the given turns."""

    def run(turns: list[str], *arguments: str) -> Finished:
        (tmp_path / "script.toml").write_text(script(turns))
        (tmp_path / "pool.toml").write_text(POOL)
        return sale("run", "Write double(x).", "--pool", str(tmp_path / "pool.toml"), "--jsonl", *arguments)

    return run


def outputs(finished: Finished) -> list[str]:
    return [event["output"] for event in finished.lines if event.get("event") == "tool_finished"]


def test_a_coding_task_uses_every_tool_and_is_graded(play: Any, sale: Sale, tmp_path: Path) -> None:
    tests = tmp_path / "tests.py"
    tests.write_text("def check(candidate):\n    assert candidate(21) == 42\n")
    turns = [
        call("write", path="solution.py", content=SOLUTION.replace("x + x", "x * x")),
        call("python", code="from solution import double\nprint(double(5))"),
        call("shell", command="ls; wc -l < solution.py"),
        call("edit", path="solution.py", old="x * x", new="x + x"),
        call("read", path="solution.py"),
        call("grep", pattern="def "),
        call("list"),
        call("submit", answer="It is in solution.py."),
    ]
    finished = play(turns, "--kind", "coding", "--tests", str(tests))
    assert finished.code == 0, finished.stderr
    said = outputs(finished)
    assert said[0] == "wrote solution.py: 2 lines"
    assert said[1] == "25"
    assert said[2] == "solution.py\n2"
    assert "+    return x + x" in said[3]
    assert said[4] == SOLUTION.rstrip("\n")
    assert said[5] == "solution.py:1: def double(x):"
    assert said[6] == "solution.py (32 bytes)"
    graded = next(event for event in finished.lines if event.get("event") == "outcome_set")
    assert (graded["outcome"], graded["by"]) == ("passed", "checker")
    shown = json.loads(sale("memory", "list", "--limit", "1", "--json").stdout)[0]
    assert shown["outcome"] == "passed"


def test_code_in_the_answer_is_graded_too(play: Any, tmp_path: Path) -> None:
    tests = tmp_path / "tests.py"
    tests.write_text("assert double(2) == 5\n")
    finished = play([f"Answer:\n```python\n{SOLUTION}```"], "--tests", str(tests), "--tools", "python,read")
    assert finished.code == 0
    started = next(event for event in finished.lines if event.get("event") == "run_started")
    assert started["tools"] == ["python", "read"]
    graded = next(event for event in finished.lines if event.get("event") == "outcome_set")
    assert (graded["outcome"], graded["reason"]) == ("failed", "AssertionError")


def test_tests_of_a_search_task_are_refused(play: Any, tmp_path: Path) -> None:
    (tmp_path / "tests.py").write_text("assert 1")
    refused = play([], "--kind", "search", "--tests", str(tmp_path / "tests.py"))
    assert (refused.code, refused.last["error"]["kind"]) == (2, "usage")
    missing = play([], "--tests", str(tmp_path / "nothing.py"))
    assert (missing.code, missing.last["error"]["kind"]) == (3, "configuration")


def test_tools_that_do_not_exist_are_refused(play: Any) -> None:
    wrong = play([], "--tools", "pyhton")
    assert (wrong.code, wrong.last["error"]["hint"]) == (3, "did you mean python?")


EDITS = [
    call("edit", path="a.txt", old="one", new="two"),
    call("write", path="b.txt", content="new\n"),
    "Answer: done",
]


def test_a_folder_is_only_changed_by_an_accepted_diff(play: Any, mine: Path) -> None:
    finished = play(EDITS, "--kind", "coding", "--workspace", str(mine))
    assert finished.code == 0
    found = next(event for event in finished.lines if event.get("event") == "changes_found")
    assert [(file["kind"], file["path"]) for file in found["files"]] == [("changed", "a.txt"), ("added", "b.txt")]
    assert "-one\n+two\n" in found["diff"]
    assert Path(found["saved"]).read_text() == found["diff"]
    answered = next(event for event in finished.lines if event.get("event") == "approval_answered")
    assert not answered["allowed"]
    assert sorted(path.name for path in mine.iterdir()) == ["a.txt"]
    assert (mine / "a.txt").read_text() == "one\n"
    assert "+two" in finished.stderr

    finished = play(EDITS, "--kind", "coding", "--workspace", str(mine), "--accept-changes")
    applied = next(event for event in finished.lines if event.get("event") == "changes_applied")
    assert (applied["files"], applied["left"]) == (["a.txt", "b.txt"], [])
    assert (mine / "a.txt").read_text() == "two\n"
    assert (mine / "b.txt").read_text() == "new\n"
