"""In what the tools run, and with which limits, as the app and a replay show it."""

from __future__ import annotations

import msgspec
import pytest

from sale_tui.events import LogStarted, decode, encode
from sale_tui.settings import Settings
from sale_tui.tui.format import limit_rows
from sale_tui.tui.screens.box import box_lines
from sale_tui.tui.state import AppState, apply, boxed, opening
from sale_tui.types import SandboxLimits


@pytest.fixture
def header(log) -> LogStarted:
    started = log[0]
    assert isinstance(started, LogStarted)
    return msgspec.structs.replace(started, sandbox="full", sandbox_limits=SandboxLimits(), sandbox_seconds=30.0)


def test_the_header_of_a_log_brings_the_limits_and_they_stay(header):
    state = apply(AppState(), decode(encode(header)))
    assert (state.sandbox, state.box_limits, state.box_seconds) == ("full", SandboxLimits(), 30.0)
    again = opening(state, "another task")
    assert (again.sandbox, again.box_limits, again.box_seconds) == ("full", SandboxLimits(), 30.0)


def test_a_log_that_does_not_tell_shows_none(log):
    state = apply(boxed(AppState(), "full", SandboxLimits(), 30.0), log[0])
    assert state.box_limits is None
    assert "Limits of a program" not in shown(state)


def shown(state: AppState, width: int = 70) -> str:
    return "\n".join(line.plain for line in box_lines(state, width))


def test_every_limit_that_can_be_set_is_shown(header):
    text = shown(apply(AppState(), header), width=200)
    for told in (
        "wall time   30 s; shell commands at most 10 min",
        "memory      512 MB, of all its processes together",
        "tasks       64 processes and threads",
        "disk        100 MB more in its folder, 64 MB in one file",
        "files       10,000 more in its folder",
        "output      256 KB kept of each stream; stopped after 16 MB",
        "scratch     64 MB each in /tmp and /dev/shm",
        "open files  256",
    ):
        assert told in text
    changed = Settings(
        sandbox_memory=777, sandbox_tasks=77, sandbox_disk=177, sandbox_file=97, sandbox_files=7_777, sandbox_output=7
    )
    rows = dict(limit_rows(changed.sandbox_limits, 77.0))
    for name, told in (
        ("memory", "777 MB"), ("tasks", "77 "), ("disk", "177 MB"), ("disk", "97 MB"), ("files", "7,777 "),
        ("output", "7 KB"), ("wall time", "77 s"),
    ):  # fmt: skip
        assert told in rows[name]


def test_no_line_is_wider_than_a_small_terminal(header):
    for width in (36, 44, 66):
        lines = [line for part in box_lines(apply(AppState(), header), width)[:-1] for line in part.split("\n")]
        assert all(line.cell_length <= width for line in lines), width
