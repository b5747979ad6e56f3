from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.tools.base import BadArguments, Tool, ToolContext, cap
from sale_tui.agent.tools.open import OpenTool
from sale_tui.agent.tools.python import PythonTool, format_python
from sale_tui.agent.tools.search import SearchTool
from sale_tui.agent.tools.shelf import Shelf
from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, ExecResult, SandboxedProcess
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.types import SandboxLimits, SandboxTier, Source


class OneResult:
    """A sandbox that answers each program with the same result, and keeps what it was asked."""

    tier: SandboxTier = "full"
    advice = ""

    def __init__(self, result: ExecResult) -> None:
        self.result = result
        self.asked: tuple[str, Path, float] | None = None

    limits = SandboxLimits()

    async def run(self, request: ExecRequest) -> ExecResult:
        self.asked = (" ".join(request.argv), request.workspace, request.timeout_seconds)
        return self.result

    async def start(self, request: ExecRequest) -> SandboxedProcess:
        raise NoSandbox("this sandbox answers whole programs alone", "ask `run`")

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        self.asked = (code, workspace, timeout_seconds)
        return self.result


def ended(stdout: str = "", stderr: str = "", status: int | None = 0, **more: Any) -> ExecResult:
    return ExecResult(stdout=stdout, stderr=stderr, exit=status, **more)


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=tmp_path, sandbox=NoneSandbox("a test", "none"), output_characters=200)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "Velmar.md").write_text("Velmar lies on the Osta.")
    (folder / "Long.md").write_text("\n\n".join(f"Paragraph {number} " + "word " * 80 for number in range(30)))
    return Shelf(folder)


TRACEBACK = """Traceback (most recent call last):
  File "/run/main.py", line 9, in <module>
    f()
  File "/run/main.py", line 2, in f
    1/0
    ~^~
ZeroDivisionError: division by zero
"""


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (ended("42\n"), "42"),
        (ended("a\n\nb\n\n\n"), "a\n\nb"),
        (ended(""), "(no output)"),
        (ended("\n"), "(no output)"),
        (ended("fine\n", "a warning\n"), "fine"),
        (
            ended("so far\n", TRACEBACK, 1),
            'so far\n  File "/run/main.py", line 2, in f\n    1/0\n    ~^~\nZeroDivisionError: division by zero',
        ),
        (ended("", "", 3, wall_s=0.1), "(exit 3 in 0.1 s)"),
        (ended("begun\n", "", None, reason="timeout"), "begun\n(stopped after 30 s)"),
        (ended("", "", None, reason="memory"), "(stopped: too much memory)"),
        (ended("", "", 139, signal=11), "(ended by signal 11)"),
        (ended("x", "", 0, truncated=5), "x\n(5 bytes of output were not kept)"),
    ],
)
def test_what_a_model_sees_of_a_program(result: ExecResult, shown: str) -> None:
    assert format_python(result) == shown


async def test_python_runs_in_the_sandbox(context: ToolContext, tmp_path: Path) -> None:
    sandbox = OneResult(ended("x" * 500))
    tool = PythonTool()
    assert tool.needs_sandbox
    result = await tool.call(
        {"code": "print()"}, ToolContext(workspace=tmp_path, sandbox=sandbox, output_characters=200)
    )
    assert sandbox.asked == ("print()", tmp_path, 30.0)
    assert result.ok
    assert result.truncated == 300
    assert "[... 300 characters cut ...]" in result.output


async def test_failed_program_is_not_ok(tmp_path: Path) -> None:
    context = ToolContext(workspace=tmp_path, sandbox=OneResult(ended("", TRACEBACK, 1, wall_s=0.2)))
    result = await PythonTool().call({"code": "f()"}, context)
    assert (result.ok, result.summary) == (False, "exit 1 in 0.2 s")


async def test_search_shows_a_line_of_each(context: ToolContext, shelf: Shelf) -> None:
    result = await SearchTool(shelf).call({"query": "osta"}, context)
    assert (result.output, result.summary) == ("[Velmar.md] Velmar lies on the Osta.", "1 found")
    assert (await SearchTool(shelf).call({"query": "nowhere"}, context)).output == "no results"


async def test_open_shows_a_page_and_names_its_source(context: ToolContext, shelf: Shelf) -> None:
    result = await OpenTool(shelf).call({"document": "velmar"}, context)
    assert result.output == "[Velmar.md]\nVelmar lies on the Osta."
    assert result.sources == (Source(document="Velmar.md", title="Velmar"),)
    long = await OpenTool(shelf).call({"document": "Long", "page": "2"}, context)
    assert long.output.startswith("[Long.md] page 2 of 5\nParagraph")
    assert long.truncated > 0
    assert f"[... {long.truncated} characters cut ...]" in long.output


async def test_unknown_document_is_told(context: ToolContext, shelf: Shelf) -> None:
    result = await OpenTool(shelf).call({"document": "../secret"}, context)
    assert (result.ok, result.output) == (False, "no document of that name; use search")


async def test_corpus_that_comes_later_is_found(context: ToolContext, tmp_path: Path) -> None:
    tool = SearchTool(Shelf(tmp_path / "later"))
    with pytest.raises(OSError, match="later"):
        await tool.call({"query": "x"}, context)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "x.md").write_text("x is here")
    assert (await tool.call({"query": "x"}, context)).output == "[x.md] x is here"


async def test_unreadable_files_are_told_of_once(context: ToolContext, shelf: Shelf) -> None:
    (shelf.folder / os.fsdecode(b"caf\xe9.md")).write_text("x")
    tool = SearchTool(shelf)
    assert (await tool.call({"query": "velmar"}, context)).summary == "1 found; unreadable files of the corpus: 1"
    assert (await tool.call({"query": "velmar"}, context)).summary == "1 found"


def tools() -> list[Tool]:
    shelf = Shelf(Path("/nowhere"))
    return [PythonTool(), SearchTool(shelf), OpenTool(shelf)]


@pytest.mark.parametrize("tool", tools(), ids=lambda tool: tool.name)
def test_specs_are_json_schemas_of_the_arguments(tool: Tool) -> None:
    parameters = tool.spec.parameters
    assert parameters["type"] == "object"
    assert parameters["required"] == [{"python": "code", "search": "query", "open": "document"}[tool.name]]
    assert tool.spec.description
    assert tool.spec.name == tool.name


@pytest.mark.parametrize("tool", tools(), ids=lambda tool: tool.name)
@given(
    arguments=st.dictionaries(st.sampled_from(["code", "query", "document", "page", "x"]), st.none() | st.integers())
)
def test_wrong_arguments_are_told_with_the_right_ones(tool: Tool, arguments: dict[str, object]) -> None:
    with pytest.raises(BadArguments, match="takes"):
        tool.check(arguments)


@given(st.text(max_size=300), st.integers(0, 100))
def test_cap_says_how_much_it_cut(text: str, limit: int) -> None:
    shown, cut = cap(text, limit)
    assert cut == max(len(text) - limit, 0)
    assert (f"{cut} characters cut" in shown) == (cut > 0) or "characters cut" in text
    assert len(shown) <= limit + 60
