"""The commands of ``sale-tui sandbox`` as functions: quick to start, because every attack on it goes through here."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sale_tui.bootstrap import accept_reduced, forget_reduced, open_sandbox
from sale_tui.errors import NoSandbox
from sale_tui.headless.sandbox import Checked, refuse, run_command, show_accepted, show_checked, show_forgotten
from sale_tui.paths import user_folders
from sale_tui.ports import ExecRequest
from sale_tui.settings import load_settings
from sale_tui.trees import remove_tree

if TYPE_CHECKING:
    from sale_tui.sandbox.detect import Wanted


async def run_boxed(
    command: tuple[str, ...],
    workspace: Path | None,
    limits: Mapping[str, Any],
    *,
    net: bool,
    as_json: bool,
    tier: Wanted | None = None,
) -> int:
    """A program in the sandbox; without a workspace, in a fresh one that is removed afterwards.

    ``tier``: this one or none.
    """
    settings = load_settings(user_folders().settings_file, limits)
    base, sandbox, _ = await open_sandbox(settings, workspace, wanted=tier)
    fresh = None
    try:
        if workspace is None and sandbox.tier != "none":
            fresh = Path(tempfile.mkdtemp(prefix="box-", dir=base))
        request = ExecRequest(
            argv=command, workspace=fresh or workspace or base, timeout_seconds=settings.sandbox_seconds, net=net
        )
        return await run_command(sandbox, request, sys.stdout, sys.stderr, as_json=as_json)
    except OSError as error:
        fault = NoSandbox(f"no workspace can be made in {base}: {error.strerror}", "free space there")
        return refuse(fault, sandbox, sys.stdout, sys.stderr, as_json=as_json)
    finally:
        if fresh is not None:
            remove_tree(fresh)


async def check_box(*, as_json: bool, tier: Wanted | None = None) -> int:
    """The self-test."""
    settings = load_settings(user_folders().settings_file, {})
    _, sandbox, verdict = await open_sandbox(settings, None, wanted=tier)
    checked = Checked(
        tier=sandbox.tier,
        held=verdict.held,
        broken=verdict.broken,
        trouble=verdict.trouble,
        seconds=verdict.seconds,
        advice=sandbox.advice,
    )
    return show_checked(checked, sys.stdout, as_json=as_json)


def accept_box() -> int:
    """Write down that the user accepts the reduced sandbox on this machine."""
    return show_accepted(accept_reduced(), sys.stdout)


def forget_box() -> int:
    """Take it back."""
    return show_forgotten(forget_reduced(), sys.stdout)
