"""Runs a command line in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from sale_tui.agent.tools.base import ToolContext, ToolResult, cap, make_spec, read_arguments
from sale_tui.agent.tools.python import NO_OUTPUT, summarise
from sale_tui.ports import ExecRequest, ExecResult

TIMEOUT_SECONDS = 30.0
MOST_SECONDS = 600.0
# bash where there is one: that is what models write.
_SHELL = ("sh", "-c", 'if command -v bash >/dev/null; then exec bash -c "$1"; else exec sh -c "$1"; fi', "sh")


class ShellArguments(msgspec.Struct, frozen=True):
    """What ``shell`` takes."""

    command: Annotated[str, msgspec.Meta(description="A command line.", min_length=1)]
    seconds: Annotated[float, msgspec.Meta(gt=0, le=MOST_SECONDS, description="Time limit.")] = TIMEOUT_SECONDS


class ShellTool:
    """``shell(command, seconds=30)``: one command line in the working folder, without a network."""

    name = "shell"
    needs_sandbox = True

    def __init__(self) -> None:
        self.spec = make_spec(self.name, "Run a command line in the working folder, without a network.", ShellArguments)

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        read_arguments(self.spec, ShellArguments, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Run it. Raises BadArguments, NoSandbox."""
        wanted = read_arguments(self.spec, ShellArguments, arguments)
        command = wanted.command.encode("utf-8", "replace").decode().replace("\0", "")
        request = ExecRequest(argv=(*_SHELL, command), workspace=context.workspace, timeout_seconds=wanted.seconds)
        result = await context.sandbox.run(request)
        output, cut = cap(format_shell(result, wanted.seconds), context.output_characters)
        return ToolResult(
            ok=result.exit == 0 and result.reason is None,
            summary=summarise(result, wanted.seconds),
            output=output,
            truncated=cut + result.truncated,
        )


def format_shell(result: ExecResult, seconds: float = TIMEOUT_SECONDS) -> str:
    """What the model sees: both streams, and the exit status where it is not 0."""
    parts = [result.stdout.rstrip("\n"), result.stderr.rstrip("\n")]
    if result.reason is not None or result.exit != 0:
        ended = f"exit {result.exit}" if result.reason is None and result.signal is None else summarise(result, seconds)
        parts.append(f"({ended})")
    if result.truncated:
        parts.append(f"({result.truncated} bytes of output were not kept)")
    return "\n".join(part for part in parts if part) or NO_OUTPUT
