"""The installed command, as a user runs it: real processes, the real micro pool, a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sys.executable).with_name("sale-tui")


@dataclass(frozen=True)
class Finished:
    """One finished call of the command."""

    code: int
    stdout: str
    stderr: str

    @property
    def last(self) -> Any:
        """The JSON of stdout's last line."""
        return json.loads(self.stdout.splitlines()[-1])

    @property
    def lines(self) -> list[Any]:
        """Every line of stdout as JSON."""
        return [json.loads(line) for line in self.stdout.splitlines()]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that all end-to-end tests share, as one user's would be."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def environment(home: Path) -> dict[str, str]:
    """A small environment: nothing of the developer's own settings reaches the command."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "SALE_TUI_HOME": str(home), "TERM": "xterm-256color"}


Sale = Callable[..., Finished]


@pytest.fixture(scope="session")
def sale(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Sale:
    """Run ``sale-tui`` with arguments from an unrelated folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: str, stdin: str = "", timeout: float = 90) -> Finished:
        process = subprocess.run(
            [COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
            env=environment, cwd=elsewhere,
        )  # fmt: skip
        assert "Traceback" not in process.stderr + process.stdout, process.stderr
        return Finished(process.returncode, process.stdout, process.stderr)

    return run
