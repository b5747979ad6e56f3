"""Nothing but the user's own settings, flags and start can change what a program is bound by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as slow
from hypothesis import strategies as st

from sale_tui.errors import ConfigurationFault, NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.bubblewrap import BubblewrapSandbox
from sale_tui.sandbox.launched import WORKSPACE
from sale_tui.sandbox.place import Place
from sale_tui.settings import Settings, load_settings

pytestmark = pytest.mark.sandbox
NAMES = st.sampled_from(
    [".sale-tui.toml", "settings.toml", ".bwrap", "bwrap", "python3", "prlimit", ".bashrc", "usercustomize.py",
     "sitecustomize.py", ".env", "pyproject.toml", "ld.so.preload", ".git", "AGENTS.md"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["sandbox = 'none'", "SALE_TUI_SANDBOX=none", "[sandbox]\nenabled = false", '#!/bin/sh\nexec "$@"', "net = true"]
)
ARGUMENTS = st.text(
    st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30
) | st.sampled_from(
    ["--", "--bind", "--share-net", "--args", "--ro-bind / /", "--seccomp", "--unshare-all", "--data=unlimited", "-n"]
)


@pytest.fixture(scope="module")
def data() -> dict[str, int]:
    return {name: place for place, name in enumerate(("filter", "passwd", "group", "hosts", "/main.py"), start=10)}


@slow(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(files=st.dictionaries(NAMES, TEXTS, max_size=4), argv=st.lists(ARGUMENTS, min_size=1, max_size=5))
def test_options_do_not_depend_on_the_program_or_its_files(
    sandbox: BubblewrapSandbox, workspace: Path, data: dict[str, int], files: dict[str, str], argv: list[str]
) -> None:
    plain = ExecRequest(argv=("true",), workspace=workspace)
    before = list(sandbox.options(plain, Place(workspace), data))
    for name, text in files.items():
        (workspace / name).write_text(text)
    request = ExecRequest(argv=tuple(argv), workspace=workspace)
    assert list(sandbox.options(request, Place(workspace), data)) == before
    command = list(sandbox.command(request, 30.0))
    assert command[-len(argv) - 1 :] == ["--", *argv]
    assert command[: -len(argv)] == list(sandbox.command(plain, 30.0))[:-1]
    assert before.count("--unshare-net") == 1
    assert WORKSPACE in before


async def test_files_of_a_workspace_are_not_obeyed(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    for name in ("bwrap", "prlimit", "choom", "python3", "sh"):
        (workspace / name).write_text("#!/bin/sh\necho planted\n")
        (workspace / name).chmod(0o755)
    (workspace / "settings.toml").write_text("sandbox_seconds = 600\n")
    result = await sandbox.run_python(
        "import os; print(sorted(os.listdir('/')), os.path.exists('/etc/shadow'))", workspace, 9
    )
    assert "planted" not in result.stdout
    assert result.stdout.endswith("False\n")
    assert result.tier == "full"


@pytest.mark.parametrize("value", ["none", "reduced", "unsafe", "full", "off", "0", "false"])
def test_the_one_setting_of_the_tier_only_makes_it_stricter(tmp_path: Path, value: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'sandbox = "{value}"\n')
    with pytest.raises(ConfigurationFault):
        load_settings(file, {}, {})
    file.write_text("")
    with pytest.raises(ConfigurationFault):
        load_settings(file, {}, {"SALE_TUI_SANDBOX": value})


@pytest.mark.parametrize("name", ["tier", "unsafe_no_sandbox", "no_sandbox", "seccomp", "net"])
def test_no_setting_switches_it_off(tmp_path: Path, name: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"{name} = true\n")
    with pytest.raises(ConfigurationFault):
        load_settings(file, {}, {})
    file.unlink()
    assert load_settings(file, {}, {f"SALE_TUI_{name.upper()}": "1"}) == Settings()


def test_settings_of_a_project_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text("sandbox_memory = 999999\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings(tmp_path / "own" / "settings.toml", {}, {}).sandbox_limits == Settings().sandbox_limits


@pytest.mark.parametrize("field", ["sandbox_memory", "sandbox_seconds", "sandbox_tasks", "sandbox_files"])
@pytest.mark.parametrize("value", [-1, 0, 10**12])
def test_limits_cannot_be_lifted(tmp_path: Path, field: str, value: int) -> None:
    with pytest.raises(ConfigurationFault):
        load_settings(tmp_path / "none.toml", {field: value}, {})


async def test_root_never_runs_it_as_root(sandbox: BubblewrapSandbox, workspace: Path) -> None:
    await sandbox.run_python("open('made', 'w')", workspace, 9)
    owner = (workspace / "made").stat().st_uid
    assert owner != 0
    assert owner == (os.geteuid() or owner)


async def test_refused_folder_is_never_entered(sandbox: BubblewrapSandbox) -> None:
    with pytest.raises(NoSandbox):
        await sandbox.run(ExecRequest(argv=("true",), workspace=Path("/usr"), net=True))
