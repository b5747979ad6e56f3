"""Which tools a task is offered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sale_tui.agent.tools.grep import GrepTool
from sale_tui.agent.tools.list import ListTool
from sale_tui.agent.tools.python import PythonTool
from sale_tui.agent.tools.read import ReadTool
from sale_tui.agent.tools.submit import SubmitTool
from sale_tui.agent.tools.write import WriteTool
from sale_tui.errors import ConfigurationFault
from sale_tui.events import Event, RunFinished, RunStarted
from sale_tui.inference.scripted import Script, ScriptMark, ScriptTurn
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.session.offering import OWN, chosen_tools, offer
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest, Wiring
from sale_tui.types import Kind, SandboxTier


class ServerTool(SubmitTool):
    """A tool of some server that the user has listed."""

    name = "weather"


class FullSandbox(NoneSandbox):
    """Only its tier is asked for."""

    @property
    def tier(self) -> SandboxTier:
        return "full"


TOOLS = (PythonTool(), ReadTool(), WriteTool(), ListTool(), GrepTool(), ServerTool(), SubmitTool())
FULL = FullSandbox("", "")


def names(kind: Kind, *, chosen: tuple[str, ...] = (), folder: bool = False) -> list[str]:
    return [tool.name for tool in offer(TOOLS, FULL, kind, chosen=chosen, folder=folder)[0]]


@pytest.mark.parametrize(
    ("kind", "folder", "expected"),
    [
        ("coding", False, ["python", "read", "write", "list", "grep", "weather", "submit"]),
        ("search", False, ["python", "weather", "submit"]),
        ("search", True, ["python", "read", "list", "grep", "weather", "submit"]),
    ],
)
def test_each_kind_is_offered_what_it_needs(kind: Kind, folder: bool, expected: list[str]) -> None:
    assert names(kind, folder=folder) == expected


def test_what_is_chosen_goes_before_the_kind() -> None:
    assert names("coding", chosen=("weather", "read")) == ["read", "weather"]


def test_code_is_withheld_without_a_sandbox() -> None:
    offered, withheld = offer(TOOLS, NoneSandbox("there is none", "install bubblewrap"), "coding")
    assert "python" not in [tool.name for tool in offered]
    assert withheld == ("python: install bubblewrap",)


def test_names_are_checked() -> None:
    assert chosen_tools("python, read write", ("open",), TOOLS) == ("python", "read", "write")
    assert chosen_tools("", ("search", "weather"), TOOLS) == ("search", "weather")
    assert chosen_tools("", (), TOOLS) == ()
    assert set(OWN) >= {"python", "search", "open", "shell", "read", "write", "edit", "list", "grep", "submit"}
    with pytest.raises(ConfigurationFault, match="tools: there is no tool 'pyhton'") as wrong:
        chosen_tools("pyhton", (), TOOLS)
    assert wrong.value.hint == "did you mean python?"
    with pytest.raises(ConfigurationFault, match="the pool's tools: there is no tool 'telephone'"):
        chosen_tools("", ("telephone",), TOOLS)


async def test_the_winner_gets_what_its_kind_needs(wire: Callable[..., Wiring]) -> None:
    submit = '<tool_call>{"name": "submit", "arguments": {"answer": "42"}}</tool_call>'
    turns = (ScriptTurn(part="bid", text="1. submit it."), ScriptTurn(part="execute", text=submit))
    script = Script(turn=turns, mark=(ScriptMark(mark=3),))
    session = Session(wire(script, tools=TOOLS))
    events: list[Event] = [event async for event in session.run(TaskRequest(text="In which town?", kind="search"))]
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.tools == ("weather", "submit")
    assert started.withheld == ("python: install bubblewrap",)
    assert [event.answer for event in events if isinstance(event, RunFinished)] == ["42"]
