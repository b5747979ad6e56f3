"""What every sandbox of ours keeps to: its limits, and how a result says which of them was met."""

from __future__ import annotations

from typing import Literal

import msgspec

from sale_tui.ports import ExecResult

MEGABYTE = 1024 * 1024

Reason = Literal["timeout", "memory", "disk", "files", "output", "crash"]
"""Why a run was stopped, of those that a port can tell."""


class SandboxLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one run."""

    memory_bytes: int = 512 * MEGABYTE
    """Of all its processes together."""
    tasks: int = 64
    """Processes and threads."""
    file_bytes: int = 64 * MEGABYTE
    """Of any one file."""
    disk_bytes: int = 100 * MEGABYTE
    """That its workspace may hold."""
    files: int = 10_000
    """That its workspace may hold."""
    scratch_bytes: int = 64 * MEGABYTE
    """Of /tmp and of /dev/shm."""
    open_files: int = 256
    kept_bytes: int = 256 * 1024
    """Of each output stream: head and tail."""
    drained_bytes: int = 16 * MEGABYTE
    """Of each output stream; a program that writes more is stopped."""
    seconds: float = 600.0
    """Longest wall time that a caller may ask for."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the processes of a run ended."""

    stdout: str
    stderr: str
    exit: int | None
    """Exit status by the sandbox's own word, None where it gave none."""
    reason: Reason | None
    truncated: int
    """Bytes of output that were not kept."""
    wall_s: float

    def as_result(self) -> ExecResult:
        """The same in the words of the port."""
        # A status above 128 stands for a signal, as in every shell.
        signal = self.exit - 128 if self.exit is not None and 128 < self.exit <= 192 else None
        return ExecResult(
            stdout=self.stdout,
            stderr=self.stderr,
            exit=self.exit,
            signal=signal,
            reason=self.reason if self.reason or self.exit is not None else "crash",
            tier="full",
            truncated=self.truncated,
            wall_s=self.wall_s,
        )
