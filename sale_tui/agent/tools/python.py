"""Runs Python in the sandbox and prints back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from sale_tui.agent.tools.base import ToolContext, ToolResult, cap, make_spec, read_arguments
from sale_tui.agent.tools.python_session import PythonSession
from sale_tui.ports import ExecResult

TIMEOUT_SECONDS = 30.0
ERROR_LINES = 4
"""Last lines of stderr that a model is shown: Python's own place, code and message of an error."""
NO_OUTPUT = "(no output)"
STARTED_AFRESH = "(Python starts afresh: the variables of earlier calls are gone)"


class PythonArguments(msgspec.Struct, frozen=True):
    """What ``python`` takes."""

    code: Annotated[str, msgspec.Meta(description="A whole program. Print what you want to see.", min_length=1)]

    restart: Annotated[bool, msgspec.Meta(description="Forget the variables of earlier calls first.")] = False


class PythonTool:
    """``python(code)``: a program in the run's workspace, without a network; variables stay from call to call."""

    name = "python"
    needs_sandbox = True

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """``timeout_seconds``: wall time of one program."""
        self.timeout_seconds = timeout_seconds
        self.spec = make_spec(
            self.name,
            "Run a Python program and see what it prints. Variables and files stay from call to call.",
            PythonArguments,
        )

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        read_arguments(self.spec, PythonArguments, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Run it. Raises BadArguments, NoSandbox."""
        wanted = read_arguments(self.spec, PythonArguments, arguments)
        result, lost = await self._run(wanted, context)
        shown = format_python(result, self.timeout_seconds)
        output, cut = cap(f"{shown}\n{STARTED_AFRESH}" if lost else shown, context.output_characters)
        return ToolResult(
            ok=result.exit == 0 and result.reason is None,
            summary=summarise(result, self.timeout_seconds),
            output=output,
            truncated=cut + result.truncated,
        )

    async def _run(self, wanted: PythonArguments, context: ToolContext) -> tuple[ExecResult, bool]:
        """The result, and whether variables of earlier calls went with the process that held them."""
        sandbox, workspace = context.sandbox, context.workspace
        if context.kept is None:
            return await sandbox.run_python(wanted.code, workspace, self.timeout_seconds), False
        session = context.kept.get(PythonSession, lambda: PythonSession(sandbox, workspace))
        if wanted.restart:
            await session.restart()
        before = session.calls
        result = await session.run(wanted.code, self.timeout_seconds)
        return result, session.calls < before


def format_python(result: ExecResult, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
    """What the model sees of a program: what it printed, and the last lines of its error where it failed."""
    parts = [result.stdout.rstrip("\n")]
    if result.exit != 0 or result.reason is not None:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        parts.append("\n".join(lines[-ERROR_LINES:]))
        if result.reason is not None or not lines:
            parts.append(f"({summarise(result, timeout_seconds)})")
    if result.truncated:
        parts.append(f"({result.truncated} bytes of output were not kept)")
    return "\n".join(part for part in parts if part) or NO_OUTPUT


def summarise(result: ExecResult, timeout_seconds: float) -> str:
    """How it ended, on one line."""
    if result.reason == "timeout":
        return f"stopped after {timeout_seconds:g} s"
    if result.reason == "crash" and result.exit is None:
        return "stopped: the sandbox broke down"
    if result.reason == "policy":
        return "stopped: it tried what is not permitted here"
    if result.reason in {"tasks", "files"}:
        return f"stopped: too many {result.reason}"
    if result.reason is not None:
        return f"stopped: too much {result.reason}"
    if result.signal is not None:
        return f"ended by signal {result.signal}"
    return f"exit {result.exit} in {result.wall_s:.1f} s"
