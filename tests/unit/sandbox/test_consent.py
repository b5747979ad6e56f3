"""Only the user's own private file, written on this machine, counts as their word."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.sandbox.consent import accept, accepted, forget


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "data" / "reduced-sandbox.json"


def test_accepted_until_it_is_forgotten(record: Path) -> None:
    assert not accepted(record)
    accept(record)
    accept(record)
    assert accepted(record)
    assert record.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in record.parent.iterdir()] == [record.name]
    assert forget(record)
    assert not accepted(record)
    assert not forget(record)


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o640, 0o660])
def test_file_that_others_could_have_brought_does_not_count(record: Path, mode: int) -> None:
    accept(record)
    record.chmod(mode)
    assert not accepted(record)


def test_record_of_another_machine_does_not_count(record: Path) -> None:
    accept(record)
    text = json.loads(record.read_text())
    record.write_text(json.dumps(text | {"machine": "0" * 64}))
    assert record.stat().st_mode & 0o777 == 0o600
    assert not accepted(record)


def test_links_folders_pipes_and_second_names_do_not_count(record: Path, tmp_path: Path) -> None:
    accept(record)
    record.rename(tmp_path / "real")
    record.symlink_to(tmp_path / "real")
    assert not accepted(record)
    record.unlink()
    os.link(tmp_path / "real", record)
    assert not accepted(record)
    record.unlink()
    record.mkdir()
    assert not accepted(record)
    record.rmdir()
    os.mkfifo(record, 0o600)
    assert not accepted(record)


@pytest.mark.parametrize("text", ["", "{", "true", '{"tier": "reduced"}', '{"tier": "full", "machine": ""}'])
def test_other_texts_do_not_count(record: Path, text: str) -> None:
    accept(record)
    record.write_text(text)
    assert not accepted(record)


def test_planted_link_is_not_written_through(record: Path, tmp_path: Path) -> None:
    record.parent.mkdir()
    (tmp_path / "victim").write_text("kept")
    record.symlink_to(tmp_path / "victim")
    record.with_name(record.name + ".new").symlink_to(tmp_path / "victim")
    accept(record)
    assert accepted(record)
    assert (tmp_path / "victim").read_text() == "kept"


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationFault):
        accept(tmp_path / "file" / "record")
