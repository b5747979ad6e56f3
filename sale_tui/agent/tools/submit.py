"""Ends the run with an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from sale_tui.agent.tools.base import BadArguments, ToolContext, ToolResult, make_spec, read_arguments


class SubmitArguments(msgspec.Struct, frozen=True):
    """What ``submit`` takes."""

    answer: Annotated[str, msgspec.Meta(description="The whole answer; for code, all of it.", min_length=1)]


class SubmitTool:
    """``submit(answer)``: the same as a last turn with ``Answer:``."""

    name = "submit"
    needs_sandbox = False

    def __init__(self) -> None:
        self.spec = make_spec(self.name, "End the task with its answer.", SubmitArguments)

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        if not read_arguments(self.spec, SubmitArguments, arguments).answer.strip():
            raise BadArguments("the answer is empty")

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """Nothing."""
        return ""

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:  # noqa: ARG002
        """End it. Raises BadArguments."""
        self.check(arguments)
        answer = read_arguments(self.spec, SubmitArguments, arguments).answer.strip()
        return ToolResult(ok=True, summary="submitted", output="submitted", answer=answer)
