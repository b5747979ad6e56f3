"""Which sandbox this machine gets: the strongest that has shown that it holds and that the user has agreed to."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sale_tui.errors import NoSandbox
from sale_tui.ports import Sandbox
from sale_tui.sandbox.advice import advice_for, other_system
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.check import Verdict, self_test
from sale_tui.sandbox.gvisor import GvisorSandbox
from sale_tui.sandbox.launched import LaunchedSandbox
from sale_tui.sandbox.none import NoneSandbox
from sale_tui.sandbox.reduced import ReducedSandbox
from sale_tui.sandbox.seatbelt import SeatbeltSandbox
from sale_tui.sandbox.unsafe import UnsafeSandbox
from sale_tui.types import SandboxLimits

UNKNOWN_OPTION = "Unknown option"
"""How an old bubblewrap answers to what it does not know."""
ACCEPT = "sale-tui sandbox accept reduced"

Wanted = Literal["strong", "full", "reduced"]
"""A tier that is asked for by name; no other is given then, but for none."""

_Tried = tuple[LaunchedSandbox | None, Verdict, str]
"""A sandbox that holds, what its self-test found, and what to do where there is none."""


async def choose_sandbox(
    workspaces: Path, limits: SandboxLimits | None = None, named: Sequence[Path] = (), *, accepted: bool = False
) -> Sandbox:
    """The sandbox for runs whose workspaces lie below a folder (``owner.workspace_base``). Raises nothing.

    ``named``: folders that the user has named, as checked by ``place.check_named``. ``accepted``: the user has agreed
    to the tier ``reduced`` on this machine (``consent.accepted``).
    """
    return (await try_sandbox(workspaces, limits, named, accepted=accepted))[0]


async def try_sandbox(
    workspaces: Path,
    limits: SandboxLimits | None = None,
    named: Sequence[Path] = (),
    *,
    unsafe: bool = False,
    accepted: bool = False,
    wanted: Wanted | None = None,
) -> tuple[Sandbox, Verdict]:
    """The same, with what the self-test found.

    ``unsafe``: no isolation, by the user's own flag of this launch; nothing else may ever set it.
    """
    if unsafe:
        return _unsafe(workspaces, limits, named)
    if wanted == "strong":
        return _given(await _strong(workspaces, limits, named))
    full: _Tried = (None, _failed("only the reduced sandbox was asked for"), "")
    if wanted != "reduced":
        full = await _full(workspaces, limits, named)
        if full[0] is not None or wanted == "full":
            return _given(full)
    reduced = await _reduced(workspaces, limits, named, full[2])
    if accepted and reduced[0] is not None:
        return _given(reduced)
    if wanted == "reduced":
        return _given((None, reduced[1], f"agree to it first: {ACCEPT}" if reduced[0] is not None else reduced[2]))
    advice = full[2] if reduced[0] is None else f"{full[2]}; or, for a weaker sandbox that works here, type: {ACCEPT}"
    return _given((None, full[1], advice))


async def _full(workspaces: Path, limits: SandboxLimits | None, named: Sequence[Path]) -> _Tried:
    if sys.platform != "linux":
        return None, _failed("this system has no bubblewrap"), other_system()
    try:
        sandbox = BubblewrapSandbox(workspaces, limits, named=named)
        verdict = await self_test(sandbox)
        if UNKNOWN_OPTION in verdict.trouble:
            sandbox = BubblewrapSandbox(workspaces, limits, named=named, old=True)
            verdict = await self_test(sandbox)
    except (NoSandbox, OSError) as fault:
        return _refused(fault)
    return _judged(sandbox, verdict)


async def _strong(workspaces: Path, limits: SandboxLimits | None, named: Sequence[Path]) -> _Tried:
    try:
        sandbox = GvisorSandbox(workspaces, limits, named)
        return _judged(sandbox, await self_test(sandbox))
    except (NoSandbox, OSError) as fault:
        return _refused(fault)


async def _reduced(workspaces: Path, limits: SandboxLimits | None, named: Sequence[Path], cure: str) -> _Tried:
    try:
        sandbox: LaunchedSandbox
        if platform.system() == "Darwin":
            sandbox = SeatbeltSandbox(workspaces, limits, named)
        else:
            sandbox = ReducedSandbox(workspaces, limits, named, cure=cure)
        return _judged(sandbox, await self_test(sandbox))
    except (NoSandbox, OSError) as fault:
        return _refused(fault)


def _judged(sandbox: LaunchedSandbox, verdict: Verdict) -> _Tried:
    return (sandbox if verdict.passed else None), verdict, "" if verdict.passed else advice_for(_reason(verdict))


def _refused(fault: NoSandbox | OSError) -> _Tried:
    reason = fault.message if isinstance(fault, NoSandbox) else str(fault)
    return None, _failed(reason), advice_for(reason)


def _given(tried: _Tried) -> tuple[Sandbox, Verdict]:
    sandbox, verdict, advice = tried
    return sandbox or NoneSandbox(_reason(verdict), advice), verdict


def _reason(verdict: Verdict) -> str:
    if verdict.passed:
        return "the reduced sandbox works here but has not been accepted"
    return verdict.trouble or f"its self-test failed: {', '.join(verdict.broken)}"


def _failed(trouble: str) -> Verdict:
    return Verdict(held=(), broken=(), trouble=trouble)


def _unsafe(workspaces: Path, limits: SandboxLimits | None, named: Sequence[Path]) -> tuple[Sandbox, Verdict]:
    try:
        return UnsafeSandbox(workspaces, limits, named), _failed("nothing was tested, because nothing is isolated")
    except NoSandbox as fault:
        return NoneSandbox(fault.message, fault.hint), _failed(fault.message)
