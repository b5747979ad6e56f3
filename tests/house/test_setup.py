"""What the set-up says of a system that lacks something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "id", "uname", "xargs", "echo")
LOOK = "set -eu; system=Linux; . scripts/narrate.sh; . scripts/system.sh; require_system"


@pytest.fixture
def folder_of_tools(tmp_path: Path) -> Path:
    """A PATH with the tools that the script itself needs, and no more."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    return folder


def look(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(folder / "sh"), "-c", LOOK]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PATH": str(folder)}, check=False)


def provide(folder: Path, name: str, target: str | None = None) -> None:
    """Let ``name`` be a command: ``target``, or one that does nothing."""
    (folder / name).symlink_to(target or shutil.which("true") or "true")


def test_one_line_says_what_is_missing_and_what_to_type(folder_of_tools: Path) -> None:
    provide(folder_of_tools, "dnf")
    done = look(folder_of_tools)
    assert done.returncode == 1
    lacking = "sale-tui: this system lacks Python 3.11 or newer, a C++ compiler, bubblewrap"
    assert done.stderr == f"{lacking}; type: sudo dnf install -y python3.12 gcc-c++ bubblewrap\n"


def test_without_a_known_package_manager_it_still_says_what(folder_of_tools: Path) -> None:
    done = look(folder_of_tools)
    assert done.returncode == 1
    assert "a C++ compiler" in done.stderr
    assert "your system's package manager" in done.stderr


def test_bubblewrap_alone_stops_nothing(folder_of_tools: Path) -> None:
    provide(folder_of_tools, "python3", sys.executable)
    provide(folder_of_tools, "c++")
    provide(folder_of_tools, "pacman")
    done = look(folder_of_tools)
    assert done.returncode == 0
    assert "sudo pacman -S --needed --noconfirm bubblewrap" in done.stdout


def test_a_complete_system_gets_no_word(folder_of_tools: Path) -> None:
    provide(folder_of_tools, "python3", sys.executable)
    for name in ("c++", "bwrap"):
        provide(folder_of_tools, name)
    done = look(folder_of_tools)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LISTED = """\
Zope==1.0
click-default-group==1.2.4
click==8.5.1
google-re2==1.1.20251105
llama_cpp_python==0.3.36
nvidia-cublas-cu12==12.1
pip==26.3
RapidFuzz==3.14.6
sale-tui==0.1.0
setuptools==84.2.1
torch==2.13.0+cpu
Warning: something else
"""


def lock(*words: str) -> str:
    command = ["sh", str(ROOT / "scripts" / "lock.sh"), *words]
    return subprocess.run(command, input=LISTED, capture_output=True, text=True, check=True).stdout


def test_the_lock_holds_what_is_installed_in_one_order() -> None:
    assert lock("--lines").splitlines() == [
        *("click-default-group==1.2.4", "click==8.5.1", "google-re2==1.1.20251105", "RapidFuzz==3.14.6", "Zope==1.0")
    ]
