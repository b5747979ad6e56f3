"""Which sandbox this machine gets: bubblewrap where it has shown that it holds, else none."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.ports import Sandbox
from sale_tui.sandbox.advice import advice_for, other_system
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.check import Verdict, self_test
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.sandbox.unsafe import UnsafeSandbox
from sale_tui.types import SandboxLimits

UNKNOWN_OPTION = "Unknown option"
"""How an old bubblewrap answers to what it does not know."""


async def choose_sandbox(workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = ()) -> Sandbox:
    """The sandbox for runs whose workspaces lie below a folder (``owner.workspace_base``). Raises nothing.

    ``named``: folders that the user has named, as checked by ``place.check_named``.
    """
    return (await try_sandbox(workspaces, limits, named))[0]


async def try_sandbox(
    workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = (), *, unsafe: bool = False
) -> tuple[Sandbox, Verdict]:
    """The same, with what the self-test found.

    ``unsafe``: no isolation, by the user's own flag of this launch; nothing else may ever set it.
    """
    if unsafe:
        return _unsafe(workspaces, limits, named)
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


def _unsafe(workspaces: Path, limits: SandboxLimits | None, named: Sequence[Path]) -> tuple[Sandbox, Verdict]:
    try:
        return UnsafeSandbox(workspaces, limits, named), Verdict(held=(), broken=(), trouble="nothing was tested")
    except NoSandbox as fault:
        return _none(fault.message, fault.hint)


def _none(reason: str, advice: str) -> tuple[NoneSandbox, Verdict]:
    return NoneSandbox(reason, advice), Verdict(held=(), broken=(), trouble=reason)
