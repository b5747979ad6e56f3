"""The standard streams of a process: closed, full, or read by nobody, they end no command in a trace."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from sale_tui.errors import SaleError


def prepare_streams() -> None:
    """Streams that were closed lead nowhere; what an encoding cannot write is written as an escape."""
    # In this order each takes the number that it should have, before any other file could.
    if sys.stdin is None:
        sys.stdin = _nowhere("r")
    if sys.stdout is None:
        sys.stdout = _nowhere("w")
    if sys.stderr is None:
        sys.stderr = _nowhere("w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _nowhere(mode: str) -> TextIO:
    return cast(TextIO, Path(os.devnull).open(mode, encoding="utf-8"))


def complain(error: SaleError, machine: bool) -> int:
    """Print an error where it can be read: for machines on stdout, else on stderr. Returns its exit code."""
    from sale_tui.headless.formats import print_error

    for stream in (sys.stdout, sys.stderr) if machine else (sys.stderr,):
        try:
            print_error(error, stream, machine)
            break
        except OSError:
            silence(stream)
    return int(error.exit_code)


def settle_streams() -> None:
    """Write what is left; Python must not complain again, while it flushes at exit, of what cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def silence(stream: TextIO) -> None:
    """Let a stream lead nowhere from now on."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
