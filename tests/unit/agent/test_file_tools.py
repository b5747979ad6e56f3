"""read, write, edit, list, grep, submit: what a model gets for its calls."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.broker import MAX_ENTRIES
from sale_tui.agent.tools.base import BadArguments, Tool, ToolContext, ToolResult
from sale_tui.agent.tools.edit import EditTool
from sale_tui.agent.tools.files import changed_lines, diff
from sale_tui.agent.tools.grep import MATCHES, GrepTool
from sale_tui.agent.tools.list import ENTRIES, ListTool
from sale_tui.agent.tools.read import ReadTool
from sale_tui.agent.tools.submit import SubmitTool
from sale_tui.agent.tools.write import WriteTool
from sale_tui.sandbox.none import NoneSandbox

TEXT = "def area(r):\n    return 3 * r * r\n\n\nprint(area(2))\n"
TOOLS: list[Tool] = [ReadTool(), WriteTool(), EditTool(), ListTool(), GrepTool(), SubmitTool()]


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "area.py").write_text(TEXT)
    return ToolContext(workspace=tmp_path, sandbox=NoneSandbox("a test", "none"))


def test_none_of_them_needs_a_sandbox() -> None:
    assert [tool.name for tool in TOOLS if tool.needs_sandbox] == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_wrong_arguments_are_told(tool: Tool) -> None:
    with pytest.raises(BadArguments, match=f"{tool.name} has no argument 'colour'"):
        tool.check({"colour": "red"})


async def test_read_shows_lines(context: ToolContext) -> None:
    whole = await ReadTool().call({"path": "area.py"}, context)
    assert (whole.ok, whole.output, whole.summary, whole.truncated) == (True, TEXT.rstrip("\n"), "5 lines", 0)
    part = await ReadTool().call({"path": "area.py", "line": 2, "lines": 1}, context)
    assert part.output == "    return 3 * r * r\n(lines 2-2 of 5; go on with line 3)"
    assert part.truncated == len(TEXT) - len("    return 3 * r * r\n")
    assert (await ReadTool().call({"path": "area.py", "line": 9}, context)).output == (
        "error: area.py has only 5 lines"
    )


async def test_read_fits_the_context_and_says_where_to_go_on(context: ToolContext) -> None:
    (context.workspace / "long").write_text("".join(f"line {number}\n" for number in range(1, 5001)))
    seen, line = "", 1
    while True:
        result = await ReadTool().call({"path": "long", "line": line, "lines": 5000}, context)
        assert len(result.output) <= context.output_characters
        body, _, word = result.output.rpartition("\n(lines ")
        seen += body + "\n"
        if "go on" not in word:
            break
        line = int(word.rpartition(" ")[2].rstrip(")"))
    assert seen == (context.workspace / "long").read_text()


async def test_read_of_what_is_no_text(context: ToolContext) -> None:
    (context.workspace / "image").write_bytes(b"\x89PNG\0\0")
    (context.workspace / "latin").write_bytes("caf\u00e9".encode("latin-1"))
    (context.workspace / "empty").touch()
    assert (await ReadTool().call({"path": "image"}, context)).output == "error: image is no text (6 bytes)"
    assert "no UTF-8 text: byte 3" in (await ReadTool().call({"path": "latin"}, context)).output
    assert (await ReadTool().call({"path": "empty"}, context)).output == "(empty)"
    missing = await ReadTool().call({"path": "src/aera.py"}, context)
    assert (missing.ok, missing.output) == (False, "error: there is no src/aera.py; did you mean area.py?")


async def test_write_says_what_it_did(context: ToolContext) -> None:
    made = await WriteTool().call({"path": "a/b.txt", "content": "x\ny"}, context)
    assert (made.ok, made.output) == (True, "wrote a/b.txt: 2 lines")
    assert (context.workspace / "a" / "b.txt").read_text() == "x\ny"
    again = await WriteTool().call({"path": "a/b.txt", "content": ""}, context)
    assert again.output == "replaced a/b.txt: 0 lines"
    assert (await WriteTool().call({"path": "../x", "content": ""}, context)).output == (
        "error: ../x leads out of the working folder: give a path within it"
    )


async def test_edit_replaces_exactly_and_shows_the_diff(context: ToolContext) -> None:
    result = await EditTool().call({"path": "area.py", "old": "3 * r", "new": "3.14 * r"}, context)
    assert result.summary == "edited area.py: +1 -1 lines"
    assert result.output == (
        "--- area.py\n+++ area.py\n@@ -1,5 +1,5 @@\n def area(r):\n-    return 3 * r * r\n+    return 3.14 * r * r\n"
        " \n \n print(area(2))"
    )
    assert "3.14 * r" in (context.workspace / "area.py").read_text()


async def test_edit_of_what_is_not_there_proposes_what_is(context: ToolContext) -> None:
    result = await EditTool().call({"path": "area.py", "old": "return 3*r*r", "new": "x"}, context)
    assert not result.ok
    assert result.output == (
        "error: that text is not in area.py; did you mean this, from line 2?\n    return 3 * r * r"
    )
    other = await EditTool().call({"path": "area.py", "old": "~~~~~~~~~~", "new": "x"}, context)
    assert other.output == "error: that text is not in area.py, nor anything like it; read it first"
    assert (context.workspace / "area.py").read_text() == TEXT


async def test_edit_of_several_places_needs_a_word(context: ToolContext) -> None:
    result = await EditTool().call({"path": "area.py", "old": "area", "new": "size"}, context)
    assert "2 times" in result.output
    result = await EditTool().call({"path": "area.py", "old": "area", "new": "size", "all": True}, context)
    assert result.summary == "edited area.py at 2 places: +2 -2 lines"
    same = await EditTool().call({"path": "area.py", "old": "size", "new": "size", "all": True}, context)
    assert same.output == "error: old and new are the same"


async def test_edit_keeps_the_files_line_ends(context: ToolContext) -> None:
    (context.workspace / "dos.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    assert (await EditTool().call({"path": "dos.txt", "old": "one\ntwo\n", "new": "1\n2\n"}, context)).ok
    assert (context.workspace / "dos.txt").read_bytes() == b"1\r\n2\r\nthree\r\n"
    assert (await EditTool().call({"path": "dos.txt", "old": "three", "new": "3\n4"}, context)).ok
    assert (context.workspace / "dos.txt").read_bytes() == b"1\r\n2\r\n3\r\n4\r\n"
    wrong = await EditTool().call({"path": "dos.txt", "old": "2\n3\n5", "new": ""}, context)
    assert wrong.output.endswith("did you mean this, from line 2?\n2\n3\n4")


async def test_did_you_mean_is_quick_on_large_files(context: ToolContext) -> None:
    (context.workspace / "big").write_text("the quick brown fox\n" * 100_000)
    began = time.perf_counter()
    assert not (await EditTool().call({"path": "big", "old": "lazy dog, " * 2000, "new": ""}, context)).ok
    assert time.perf_counter() - began < 10


async def test_list_tells_sizes_and_kinds(context: ToolContext) -> None:
    (context.workspace / "d").mkdir()
    (context.workspace / "d" / "x").write_text("1")
    (context.workspace / "l\x1b[31m").symlink_to("/etc")
    result = await ListTool().call({}, context)
    assert result.output == "area.py (51 bytes)\nd/\nl (link)"
    assert result.summary == "3 entries"
    assert "d/x (1 byte)" in (await ListTool().call({"depth": 2}, context)).output
    assert (await ListTool().call({"path": "/workspace/d"}, context)).output == "x (1 byte)"
    assert "link" in (await ListTool().call({"path": "l\x1b[31m"}, context)).output


async def test_a_long_list_says_that_it_is_cut(context: ToolContext) -> None:
    for number in range(ENTRIES + 1):
        (context.workspace / f"{number:04}").touch()
    result = await ListTool().call({}, context)
    assert result.summary == f"more than {ENTRIES} entries"
    assert f"only the first {ENTRIES}" in result.output or result.truncated


async def test_grep_names_file_and_line(context: ToolContext) -> None:
    (context.workspace / "d").mkdir()
    (context.workspace / "d" / "x.txt").write_text("Area 51\n")
    result = await GrepTool().call({"pattern": r"\barea\b"}, context)
    assert result.output == "area.py:1: def area(r):\narea.py:5: print(area(2))"
    assert result.summary == "2 matches in 1 file"
    assert (await GrepTool().call({"pattern": "AREA 5", "ignore_case": True, "path": "d"}, context)).output == (
        "d/x.txt:1: Area 51"
    )
    assert (await GrepTool().call({"pattern": "51", "path": "d/x.txt"}, context)).output == "d/x.txt:1: Area 51"
    assert (await GrepTool().call({"pattern": "nowhere"}, context)).output == "no matches"
    assert "error: the pattern is wrong" in (await GrepTool().call({"pattern": "("}, context)).output
    assert "there is no" in (await GrepTool().call({"pattern": "x", "path": "gone"}, context)).output


async def test_grep_tells_what_it_left_out(context: ToolContext) -> None:
    (context.workspace / "image").write_bytes(b"area\0")
    result = await GrepTool().call({"pattern": "area"}, context)
    assert result.output.endswith("(1 file not looked into: no text, too large, or not to be read)")
    (context.workspace / "many").write_text("area\n" * (MATCHES + 5))
    result = await GrepTool().call({"pattern": "area", "path": "many"}, context)
    assert result.summary == f"more than {MATCHES} matches in 1 file"


async def test_grep_says_that_it_did_not_look_at_everything(context: ToolContext) -> None:
    (context.workspace / "a").write_text("area")
    assert "looked at" not in (await GrepTool().call({"pattern": "area"}, context)).output
    for number in range(MAX_ENTRIES):
        (context.workspace / f"b{number}").touch()
    result = await GrepTool().call({"pattern": "area"}, context)
    assert result.output.endswith(f"(only the first {MAX_ENTRIES:,} files and folders were looked at; name a folder)")


async def test_no_pattern_takes_long(context: ToolContext) -> None:
    (context.workspace / "a").write_text("a" * 100_000 + "!")
    began = time.perf_counter()
    assert (await GrepTool().call({"pattern": "(a+)+$"}, context)).output == "no matches"
    assert time.perf_counter() - began < 5
    assert not (await GrepTool().call({"pattern": "((a{1000}){1000}){1000}"}, context)).ok


async def test_submit_brings_the_answer(context: ToolContext) -> None:
    result = await SubmitTool().call({"answer": " 42 \n"}, context)
    assert result == ToolResult(ok=True, summary="submitted", output="submitted", answer="42")
    with pytest.raises(BadArguments, match="empty"):
        SubmitTool().check({"answer": " "})


lines = st.lists(st.text("ab\r\x0b\u2028", max_size=3), max_size=8).map("\n".join)


@given(lines, lines)
def test_a_diff_counts_what_changed(before: str, after: str) -> None:
    text = diff(before, after, "x", "x")
    added, removed = changed_lines(text)
    assert bool(text) == (before != after)
    assert added - removed == len(re.findall(r"[^\n]*\n|[^\n]+$", after)) - len(re.findall(r"[^\n]*\n|[^\n]+$", before))
