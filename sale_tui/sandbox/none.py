"""No sandbox: nothing runs."""

from __future__ import annotations

from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest, ExecResult, SandboxedProcess
from sale_tui.types import SandboxLimits, SandboxTier


class NoneSandbox:
    """The tier ``none``: refuses all code, and says how to get a sandbox."""

    def __init__(self, reason: str, advice: str) -> None:
        """``reason``: what is wrong; ``advice``: one line on it, with what to type."""
        self.reason = reason
        self._advice = advice

    @property
    def tier(self) -> SandboxTier:
        """Always ``none``."""
        return "none"

    @property
    def advice(self) -> str:
        """What is wrong and what to type."""
        return self._advice

    @property
    def limits(self) -> SandboxLimits:
        """Those that would be in force."""
        return SandboxLimits()

    async def run(self, request: ExecRequest) -> ExecResult:  # noqa: ARG002
        """Raises NoSandbox."""
        raise self._refusal()

    async def start(self, request: ExecRequest) -> SandboxedProcess:  # noqa: ARG002
        """Raises NoSandbox."""
        raise self._refusal()

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:  # noqa: ARG002
        """Raises NoSandbox."""
        raise self._refusal()

    def _refusal(self) -> NoSandbox:
        return NoSandbox(f"code cannot be run here: {self.reason}", self._advice)
