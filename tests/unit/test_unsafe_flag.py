"""Only the flag of a launch frees it of the sandbox: nothing that is read, set or said can."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.cli import cli, run
from sale_tui.errors import ConfigurationFault
from sale_tui.settings import Settings, load_settings

FLAG = "--unsafe-no-sandbox"
ROOT = Path(__file__).parents[2] / "sale_tui"
words = st.sampled_from(["unsafe", "no", "sandbox", "run", "sale", "tui", "SALE", "TUI", "tier", "none", "disable"])
names = st.lists(words, min_size=1, max_size=5).flatmap(
    lambda parts: st.sampled_from(["_", "-", ""]).map(lambda between: between.join(parts))
)
values = st.sampled_from(["1", "true", "yes", "on", "unsafe", "none", FLAG])
switches = st.dictionaries(st.one_of(names, names.map(str.upper)), values, max_size=6)
known = {field.name for field in msgspec.structs.fields(Settings)}


def is_unsafe(command: click.Command, arguments: list[str]) -> bool:
    """What a launch with these arguments is told."""
    return bool(command.make_context("sale-tui", arguments, resilient_parsing=False).params["unsafe"])


@given(switches)
def test_no_variable_of_the_environment_switches_it_on(variables: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert not is_unsafe(run, ["a task"])
        assert not is_unsafe(run, ["--", FLAG])
        assert is_unsafe(run, [FLAG, "a task"])
        assert not is_unsafe(cli, [])
        assert is_unsafe(cli, [FLAG])


@given(switches)
def test_no_file_of_settings_and_no_variable_is_read_for_it(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, str]
) -> None:
    said = {name: value for name, value in said.items() if name.lower() not in known}
    file = tmp_path_factory.mktemp("own") / "settings.toml"
    file.write_text("".join(f'"{name}" = "{value}"\n' for name, value in said.items()))
    if said:
        with pytest.raises(ConfigurationFault):
            load_settings(file, {}, {})
    variables = {f"SALE_TUI_{name}": value for name, value in said.items()}
    assert load_settings(file.with_name("none.toml"), {}, variables) == Settings()


@given(st.lists(st.text(max_size=12).filter(lambda text: text != FLAG), min_size=1, max_size=3))
def test_no_task_and_no_shorter_spelling_is_taken_for_it(task: list[str]) -> None:
    assert not is_unsafe(run, ["--", " ".join(task)])
    for short in ("--unsafe", "--unsafe-no", "--no-sandbox", f"{FLAG}=1", "-u"):
        with pytest.raises(click.UsageError):
            is_unsafe(run, [short, "a task"])


def test_settings_and_pools_have_no_word_for_it() -> None:
    assert not [name for name in known if "unsafe" in name or name == "tier"]


def passes(path: Path) -> list[str]:
    """What each ``unsafe=`` of a module is given."""
    return [
        ast.unparse(word.value)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "unsafe"
    ]


def test_the_word_comes_from_the_command_line_alone() -> None:
    """It is handed from function to function under its own name, never worked out."""
    told = {str(path.relative_to(ROOT)): given for path in ROOT.rglob("*.py") if (given := passes(path))}
    assert set(told) == {"cli.py", "front.py", "bootstrap.py"}
    assert {value for given in told.values() for value in given} == {"unsafe"}
    for path in ROOT.rglob("*.py"):
        if path.name not in {"detect.py", "unsafe.py"}:
            assert "UnsafeSandbox" not in path.read_text("utf-8"), path
