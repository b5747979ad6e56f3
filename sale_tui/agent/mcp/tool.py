"""A tool of a server as the winner's loop sees it."""

from __future__ import annotations

from collections.abc import Mapping

from sale_tui.agent.mcp.servers import Server, ServerFault
from sale_tui.agent.mcp.texts import check_arguments, text_of
from sale_tui.agent.tools.base import ToolContext, ToolResult, cap
from sale_tui.literal import literal_line
from sale_tui.types import ToolSpec

SUMMARY_CHARACTERS = 80


class McpTool:
    """``server_tool(...)``: whatever the server makes of it."""

    needs_sandbox = False

    def __init__(self, server: Server, own_name: str, spec: ToolSpec) -> None:
        """``own_name``: the server's name of it."""
        self.name = spec.name
        self.spec = spec
        self._server = server
        self._own_name = own_name

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raises BadArguments."""
        check_arguments(self.spec, arguments)

    def leaves(self, arguments: Mapping[str, object]) -> str:  # noqa: ARG002 - as tools are asked
        """The arguments, to a server outside of the sandbox."""
        if self._server.inside:
            return ""
        where = self._server.config.url or "a trusted program of yours, outside of the sandbox"
        return f"the arguments, to the MCP server {self._server.name}: {where}"

    async def call(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """Call it; a server that fails is an answer, too, for its words are a stranger's."""
        try:
            answer = await self._server.call(self._own_name, arguments, context.tell)
        except ServerFault as fault:
            return ToolResult(ok=False, summary=fault.message, output=f"error: {fault.message}", untrusted=True)
        text = text_of(answer.content, answer.structured_content)
        output, cut = cap(text, context.output_characters)
        said = literal_line(text, SUMMARY_CHARACTERS) or "nothing said"
        return ToolResult(
            ok=not answer.is_error, summary=said, output=output or "(no output)", truncated=cut, untrusted=True
        )


def tools_of(servers: tuple[Server, ...]) -> list[McpTool]:
    """All tools of the servers that answer."""
    return [McpTool(server, name, spec) for server in servers for name, spec in server.specs.items()]
