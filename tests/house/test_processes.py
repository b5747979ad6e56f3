"""Code that models have written can be started in one place alone."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTERS = {
    "sale_tui/sandbox/process.py": "every program of a tool: the launcher of the sandbox, watched to its end",
    "sale_tui/inference/llama/link.py": "our own worker that holds one model's weights",
    "sale_tui/memory/embedder.py": "our own worker that embeds texts",
    "sale_tui/headless/doctor.py": "a fixed program of ours that says whether llama.cpp can be imported",
}
"""The modules that may start a process, and what they start; none but the first is ever given code of a model."""
INSIDE = {
    "sale_tui/agent/tools/python_driver.py": "the session's own interpreter, which runs in the sandbox alone",
    "sale_tui/sandbox/keeper.py": "the keeper of a run without a root of its own: it starts the run's program",
    "sale_tui/documents/inside.py": "the readers of HTML and PDF, which run in the sandbox alone",
}
"""Modules that are given to the sandbox as texts, and what they are; nothing outside imports them."""
CALLS = {
    *("create_subprocess_exec", "create_subprocess_shell", "Popen", "check_call", "check_output", "getoutput"),
    *("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "popen", "startfile", "ProcessPoolExecutor"),
    *("execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe", "spawnl", "spawnv", "spawnve", "spawnvp"),
    *("getstatusoutput", "subprocess_exec", "subprocess_shell", "fork_exec"),
}
"""Names of the standard library that start a process, whatever they are called on."""
MODULES = {"subprocess", "multiprocessing", "pty", "pexpect", "_posixsubprocess", "concurrent.futures.process"}
DYNAMIC = {"eval", "exec", "compile", "__import__"}


def starts(path: Path) -> list[str]:
    """What in a module could start a process or run text as code."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Attribute(value=ast.Name(id="platform"), attr="system"):
                continue
            case ast.Attribute(attr=name) if name in CALLS:
                found.append(name)
            case ast.Import(names=names):
                found += [each.name for each in names if each.name in MODULES]
            case ast.ImportFrom(module=module, names=names):
                found += [module] if module in MODULES else [each.name for each in names if each.name in CALLS]
            case ast.Call(func=ast.Name(id=name)) if name in DYNAMIC:
                found.append(name)
    return found


def test_one_place_starts_programs_of_tools() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "sale_tui").rglob("*.py") if starts(path)}
    assert found - set(INSIDE) == set(STARTERS)


def test_what_runs_inside_is_never_imported() -> None:
    names = {Path(module).parent.name + "." + Path(module).stem for module in INSIDE}
    for path in (ROOT / "sale_tui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import(names=imported) | ast.ImportFrom(names=imported):
                    module = getattr(node, "module", "") or ""
                    whole = {module, *(each.name for each in imported), *(f"{module}.{each.name}" for each in imported)}
                    assert not any(each.endswith(name) for each in whole for name in names), path


def test_no_tool_reaches_a_starter() -> None:
    for path in (ROOT / "sale_tui" / "agent").rglob("*.py"):
        text = path.read_text("utf-8")
        assert not any(starter[:-3].replace("/", ".") in text for starter in STARTERS), path


def test_every_way_to_start_is_seen(tmp_path: Path) -> None:
    for line in (
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('x')",
        "from os import execv",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "loop.subprocess_exec(None)",
        "eval('1')",
        "import multiprocessing as m",
    ):
        (tmp_path / "module.py").write_text(line)
        assert starts(tmp_path / "module.py"), line
