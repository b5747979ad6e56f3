"""``sandbox run`` and ``sandbox check`` as commands, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.sandbox
FIELDS = {"stdout", "stderr", "exit", "signal", "reason", "tier", "limits", "truncated", "wall_s"}


def call(home: Path, *arguments: str, given: bytes = b"", path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sale_tui", "sandbox", *arguments],
        input=given, capture_output=True, timeout=60, check=False,
        env={"SALE_TUI_HOME": str(home), "PATH": path, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_status_and_output_pass_through(home: Path) -> None:
    done = call(home, "run", "--", "sh", "-c", "cat; echo err >&2; exit 7", given=b"in\xc3\xa9\n")
    assert (done.stdout, done.stderr, done.returncode) == ("iné\n".encode(), b"err\n", 7)


def test_arguments_are_not_ours(home: Path) -> None:
    done = call(home, "run", "--", "printf", "[%s]", "--json", "--", "-h", "$HOME", "", "a b", "--timeout")
    assert done.stdout == b"[--json][--][-h][$HOME][][a b][--timeout]"


def test_time_limit_is_124_and_soon(home: Path) -> None:
    began = time.monotonic()
    done = call(home, "run", "--timeout", "0.5", "--json", "--", "sh", "-c", "echo begun; sleep 60")
    found = json.loads(done.stdout)
    assert (done.returncode, found["reason"], found["exit"], found["stdout"]) == (124, "timeout", None, "begun\n")
    assert found["wall_s"] < 1.5
    assert time.monotonic() - began < 20


def test_json_is_one_object(home: Path) -> None:
    done = call(home, "run", "--json", "--memory", "256", "--", "sh", "-c", "kill -SEGV $$")
    found = json.loads(done.stdout)
    assert set(found) == FIELDS
    assert (found["signal"], found["reason"], found["tier"], done.returncode) == (11, None, "full", 139)
    assert found["limits"]["memory_bytes"] == 256 * 1024 * 1024
    assert done.stdout.count(b"\n") == 1


def test_users_folder_is_worked_on(home: Path, project: Path) -> None:
    (project / "in").write_text("in")
    done = call(home, "run", "--workspace", str(project), "--", "sh", "-c", "cat in; echo out > out; pwd")
    assert done.stdout == b"in/workspace\n"
    assert (project / "out").read_text() == "out\n"
    assert (project / "out").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("folder", ["/", "/etc", "missing", "home", "home/data"])
def test_refused_folders_are_125(home: Path, tmp_path: Path, folder: str) -> None:
    (home / "data").mkdir(parents=True)
    mark = tmp_path / "ran"
    where = folder if folder.startswith("/") else str(tmp_path / folder)
    done = call(home, "run", "--json", "--workspace", where, "--", "touch", str(mark))
    found = json.loads(done.stdout)
    assert (done.returncode, found["reason"], found["exit"]) == (125, "policy", None)
    assert found["error"]["hint"]
    assert set(found) == {*FIELDS, "error"}
    assert not mark.exists()


def test_without_bubblewrap_nothing_runs(home: Path, project: Path) -> None:
    command = ["run", "--workspace", str(project), "--", "touch", "/workspace/ran"]
    done = call(home, *command, path=str(project))
    assert done.returncode == 125
    assert b"bubblewrap is not installed; type: " in done.stderr
    assert list(project.iterdir()) == []
    assert call(home, "check", path=str(project)).returncode == 6


def test_fresh_workspace_is_gone_afterwards(home: Path) -> None:
    base = Path("/var/tmp/sale-tui-0") if os.geteuid() == 0 else home / "data" / "workspaces"
    # Root's folder is one for all homes: what a killed run of another has left is not ours.
    before = set(base.glob("box-*"))
    done = call(home, "run", "--json", "--", "sh", "-c", "mkdir a; touch a/b; chmod 0 a; ls")
    assert json.loads(done.stdout)["stdout"] == "a\n"
    assert set(base.glob("box-*")) <= before


def test_a_status_that_looks_like_a_signal_is_no_time_limit(home: Path) -> None:
    done = call(home, "run", "--timeout", "5", "--json", "--", "sh", "-c", "exit 152")
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit"], result["reason"]) == (152, 152, None)
    assert result["limits"]["seconds"] == 5.0


def test_check_has_a_line_a_probe(home: Path) -> None:
    done = call(home, "check")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert len([line for line in lines if line.startswith("✓ ")]) >= 17
    assert lines[-1].startswith("sandbox full: ")
    found = json.loads(call(home, "check", "--json").stdout)
    assert (found["tier"], found["broken"], found["trouble"]) == ("full", [], "")


def test_mistyped_option_is_a_usage_error(home: Path) -> None:
    assert call(home, "run", "--nett", "--", "true").returncode == 2
    assert call(home, "run").returncode == 2
