"""Which sandbox this machine gets: bubblewrap where it has shown that it holds, else none; never anything between."""

from __future__ import annotations

import sys
from pathlib import Path

from sale_tui.errors import NoSandbox
from sale_tui.sandbox.advice import advice_for, other_system
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.check import self_test
from sale_tui.sandbox.none import NoneSandbox

UNKNOWN_OPTION = "Unknown option"
"""How an old bubblewrap answers to what it does not know."""


async def choose_sandbox(workspaces: Path) -> BubblewrapSandbox | NoneSandbox:
    """The sandbox for runs whose workspaces lie below a folder (``owner.workspace_base``). Raises nothing."""
    if sys.platform != "linux":
        return NoneSandbox("this system has no bubblewrap", other_system())
    try:
        sandbox = BubblewrapSandbox(workspaces)
        verdict = await self_test(sandbox)
        if UNKNOWN_OPTION in verdict.trouble:
            sandbox = BubblewrapSandbox(workspaces, old=True)
            verdict = await self_test(sandbox)
    except NoSandbox as fault:
        return NoneSandbox(fault.message, advice_for(fault.message))
    except OSError as fault:
        return NoneSandbox(str(fault), advice_for(str(fault)))
    if verdict.passed:
        return sandbox
    reason = verdict.trouble or f"its self-test failed: {', '.join(verdict.broken)}"
    return NoneSandbox(reason, advice_for(reason))
