"""The profile of macOS as text, and the rest of the way with a program in the place of ``sandbox-exec``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.check import self_test
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.seatbelt import SeatbeltSandbox, profile, quoted


def lines(folder: Path, *, read_only: bool = False, readable: tuple[Path, ...] = ()) -> list[str]:
    place = Place(folder)
    place.scratch = folder.parent / "scratch"
    request = ExecRequest(argv=("true",), workspace=folder, read_only=read_only, readable=readable)
    return list(profile("/opt/python/bin/python3.11", request, place))


def written(text: list[str]) -> list[str]:
    return [line for line in text if "file-write*" in line]


def test_everything_is_denied_first_and_the_network_last(tmp_path: Path) -> None:
    text = lines(tmp_path)
    assert text[:2] == ["(version 1)", "(deny default)"]
    assert text[-2:] == ["(deny file-write-setugid)", "(deny network*)"]
    assert not any("(allow" in line and ("network" in line or "default" in line) for line in text)
    assert "(allow process-info* signal (target same-sandbox))" in text


def test_only_the_real_workspace_and_the_temporary_folder_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    text = lines(tmp_path / "link")
    assert written(text) == [
        f'(allow file-read* file-write* (subpath "{tmp_path}/real"))',
        f'(allow file-read* file-write* (subpath "{tmp_path}/scratch/tmp"))',
    ]
    assert len(written(lines(tmp_path / "link", read_only=True))) == 1


def test_what_can_be_read_is_named(tmp_path: Path) -> None:
    text = lines(tmp_path / "work", readable=(Path("/opt/books"),))
    for folder in ("/usr", "/opt/python", "/opt/books", f"{tmp_path}/scratch/run", f"{tmp_path}/work"):
        assert f'(allow file-read* (subpath "{folder}"))' in text
    homes = Path("/", "Users")
    assert not any(f'"{homes}' in line or '(subpath "/private/var")' in line for line in text)


@given(st.text())
def test_names_cannot_leave_their_quotes(name: str) -> None:
    if any(ord(character) < 32 for character in name):
        with pytest.raises(ValueError, match="cannot stand"):
            quoted(name)
        return
    body = quoted(name)
    assert (body[0], body[-1]) == ('"', '"')
    assert body[1:-1].replace("\\\\", "").replace('\\"', "").count('"') == 0
    assert body[1:-1].replace('\\"', '"').replace("\\\\", "\\") == name or "\\" in name


def test_hostile_workspace_stays_a_path(tmp_path: Path) -> None:
    folder = tmp_path / 'x")) (allow default) (("'
    folder.mkdir()
    assert not any(line.startswith("(allow default)") or '"))  (allow' in line for line in lines(folder))
    assert f'(subpath "{tmp_path}/x\\")) (allow default) ((\\""))' in written(lines(folder))[0]


def test_it_is_missed_where_it_is_not(base: Path) -> None:
    with pytest.raises(NoSandbox, match="is not there"):
        SeatbeltSandbox(base, program="/no/such/program")


@pytest.mark.sandbox
async def test_one_that_isolates_nothing_is_found_out(base: Path, shown: Path, workspace: Path) -> None:
    program = shown / "sandbox-exec"
    program.write_text('#!/bin/sh\n[ "$1" = -f ] && grep -q "deny default" "$2" || exit 3\nshift 2\nexec "$@"\n')
    program.chmod(0o755)
    sandbox = SeatbeltSandbox(base, program=str(program))
    assert (await sandbox.run_python("print(1)", workspace, 10)).stdout == "1\n"
    verdict = await self_test(sandbox)
    assert not verdict.passed
    assert "files outside cannot be read" in verdict.broken
    assert "untested" in sandbox.advice
    with pytest.raises(NoSandbox, match="no network"):
        await sandbox.run(ExecRequest(argv=("true",), workspace=workspace, net=True))
