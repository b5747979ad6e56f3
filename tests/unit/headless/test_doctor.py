"""Every finding is told, whatever befalls a check."""

from __future__ import annotations

import io
import json
from pathlib import Path

from sale_tui.errors import ConfigurationFault
from sale_tui.headless.doctor import Check, check_disk, check_folder, check_python, examine, machine_checks


async def broken() -> Check:
    raise ConfigurationFault("the \x1b[1mpool is gone", "put it back")


async def test_a_check_that_raises_is_a_finding() -> None:
    out = io.StringIO()
    assert await examine([("python", check_python), ("pool", broken)], out) == 0
    assert "✓ python" in out.getvalue()
    assert "! pool: the pool is gone\n    put it back" in out.getvalue()


async def test_json_and_exit_code_of_a_failure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    async def folder() -> Check:
        return check_folder(blocked / "data")

    out = io.StringIO()
    assert await examine([("data folder", folder)], out, as_json=True) == 3
    [check] = json.loads(out.getvalue())["checks"]
    assert check["status"] == "fail"
    assert check["advice"]


async def test_the_machine_is_looked_at(tmp_path: Path) -> None:
    checks = dict(machine_checks(tmp_path / "data"))
    assert set(checks) == {"python", "llama.cpp", "processor", "memory", "data folder", "disk", "terminal"}
    for name in ("python", "processor", "memory", "data folder", "disk", "terminal"):
        assert (await checks[name]()).name == name
    assert (tmp_path / "data").is_dir()


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert "GB free" in check_disk(tmp_path / "a" / "b").detail
