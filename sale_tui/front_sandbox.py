"""The commands of ``sale-tui sandbox`` as functions: quick to start, because every attack on it goes through here."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sale_tui.bootstrap import open_sandbox
from sale_tui.errors import NoSandbox
from sale_tui.headless.sandbox import Checked, refuse, run_command, show_checked
from sale_tui.paths import user_folders
from sale_tui.ports import ExecRequest
from sale_tui.settings import load_settings
from sale_tui.trees import remove_tree


async def run_boxed(
    command: tuple[str, ...], workspace: Path | None, limits: Mapping[str, Any], *, net: bool, as_json: bool
) -> int:
    """A program in the sandbox; without a workspace, in a fresh one that is removed afterwards."""
    settings = load_settings(user_folders().settings_file, limits)
    base, sandbox, _ = await open_sandbox(settings, workspace)
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


async def check_box(*, as_json: bool) -> int:
    """The self-test."""
    settings = load_settings(user_folders().settings_file, {})
    _, sandbox, verdict = await open_sandbox(settings, None)
    checked = Checked(
        tier=sandbox.tier,
        held=verdict.held,
        broken=verdict.broken,
        trouble=verdict.trouble,
        seconds=verdict.seconds,
        advice=sandbox.advice,
    )
    return show_checked(checked, sys.stdout, as_json=as_json)
