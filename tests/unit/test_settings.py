"""Settings: sources in order, and faults that name source and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.settings import Settings, load_settings


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('pool = "from-file"\ncountdown = 3\nsteps = 7\n')
    settings = load_settings(
        file, {"pool": "from-flag", "thrift": None}, {"SALE_TUI_COUNTDOWN": "4.5", "SALE_TUI_POOL": "env"}
    )
    assert settings == Settings(pool="from-flag", countdown=4.5, steps=7)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml", {}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("countdown = -1", "countdown"),
        ("steps = 0", "steps"),
        ("bananas = 1", "bananas"),
        ("pool = [", "settings.toml"),
        ('thrift = "much"', "thrift"),
    ],
)
def test_a_bad_file_is_one_error_that_names_file_and_field(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as caught:
        load_settings(file, {}, {})
    assert named in caught.value.message
    assert "settings.toml" in caught.value.message


def test_a_bad_environment_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"environment.*steps"):
        load_settings(tmp_path / "none.toml", {}, {"SALE_TUI_STEPS": "many"})


@pytest.mark.parametrize("name", ["seconds", "countdown", "thrift", "steps", "tokens"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e300"])
def test_no_bound_is_endless(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationFault, match=name):
        load_settings(tmp_path / "none.toml", {}, {f"SALE_TUI_{name.upper()}": value})
