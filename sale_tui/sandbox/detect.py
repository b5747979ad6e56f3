"""Which sandbox this machine gets: bubblewrap where it has shown that it holds, else none; never anything between."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.advice import advice_for, other_system
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.check import Verdict, self_test
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.types import SandboxLimits

UNKNOWN_OPTION = "Unknown option"
"""How an old bubblewrap answers to what it does not know."""


async def choose_sandbox(
    workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = ()
) -> BubblewrapSandbox | NoneSandbox:
    """The sandbox for runs whose workspaces lie below a folder (``owner.workspace_base``). Raises nothing.

    ``named``: folders that the user has named, as checked by ``place.check_named``.
    """
    return (await try_sandbox(workspaces, limits, named))[0]


async def try_sandbox(
    workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = ()
) -> tuple[BubblewrapSandbox | NoneSandbox, Verdict]:
    """The same, with what the self-test found."""
    if sys.platform != "linux":
        return _none("this system has no bubblewrap", other_system())
    try:
        sandbox = BubblewrapSandbox(workspaces, limits, named=named)
        verdict = await self_test(sandbox)
        if UNKNOWN_OPTION in verdict.trouble:
            sandbox = BubblewrapSandbox(workspaces, limits, named=named, old=True)
            verdict = await self_test(sandbox)
    except (NoSandbox, OSError) as fault:
        reason = fault.message if isinstance(fault, NoSandbox) else str(fault)
        return _none(reason, advice_for(reason))
    if verdict.passed:
        return sandbox, verdict
    reason = verdict.trouble or f"its self-test failed: {', '.join(verdict.broken)}"
    return NoneSandbox(reason, advice_for(reason)), verdict


def _none(reason: str, advice: str) -> tuple[NoneSandbox, Verdict]:
    return NoneSandbox(reason, advice), Verdict(held=(), broken=(), trouble=reason)
