"""The shell tool: what a model sees of a command, in the real sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.agent.tools.base import BadArguments, ToolContext
from sale_tui.agent.tools.shell import ShellTool
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def context(workspace: Path, sandbox: BubblewrapSandbox) -> ToolContext:
    return ToolContext(workspace=workspace, sandbox=sandbox)


@pytest.mark.parametrize(
    ("command", "output", "ok"),
    [
        ("echo one; echo two >&2", "one\ntwo", True),
        ("true", "(no output)", True),
        ("echo so far; exit 3", "so far\n(exit 3)", False),
        ("false", "(exit 1)", False),
        ("echo [[ a == a ]] {1..3}", "[[ a == a ]] 1 2 3", True),
        ("nonesuch 2>/dev/null", "(exit 127)", False),
        ("kill -SEGV $$", "(ended by signal 11)", False),
        ("printf 'a b' > x && cat x && pwd", "a b/workspace", True),
        ("echo $HOME; env | grep -c SALE", "/tmp\n0\n(exit 1)", False),
    ],
)
async def test_what_a_model_sees(context: ToolContext, command: str, output: str, ok: bool) -> None:
    result = await ShellTool().call({"command": command}, context)
    assert (result.output, result.ok) == (output, ok)


async def test_a_time_limit_is_kept_and_told(context: ToolContext) -> None:
    result = await ShellTool().call({"command": "echo begun; sleep 60", "seconds": 0.5}, context)
    assert result.output == "begun\n(stopped after 0.5 s)"
    assert not result.ok


def test_arguments_are_checked() -> None:
    for wrong in ({}, {"command": ""}, {"command": "ls", "seconds": 0}, {"command": "ls", "seconds": 9999}):
        with pytest.raises(BadArguments):
            ShellTool().check(wrong)
    assert ShellTool().leaves({"command": "curl example.org"}) == ""
