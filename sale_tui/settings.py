"""One model of all settings: defaults, then settings.toml, then the environment, then flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sale_tui.errors import ConfigurationFault

PREFIX = "SALE_TUI_"
"""Environment variables are this and the field's name in capitals."""

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user can set."""

    pool: str = "micro"
    """Pool name, folder or file."""
    corpus: str = ""
    """Folder of documents for ``search``; empty: the pool's own."""
    countdown: NotNegative = 8.0
    """Seconds in which a proposed award can be overruled in the app."""
    thrift: Positive | None = None
    """Overrides the pool's thrift: higher is cheaper."""
    steps: Count = 40
    """Longest run, in steps."""
    tokens: Count = 16384
    """Longest run, in generated tokens."""
    seconds: Positive = 900.0
    """Longest run, in seconds."""
    bidders: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many sequences a worker decodes together; 0: as the pool needs."""


def load_settings(file: Path, flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Merge all sources; flags that are None do not count. Raises ConfigurationFault naming source and field."""
    merged: dict[str, Any] = {}
    for source, values in (
        (str(file), _from_file(file)),
        ("environment", _from_environment(environment)),
        ("flags", {name: value for name, value in flags.items() if value is not None}),
    ):
        merged.update(values)
        _convert(merged, source)
    return _convert(merged, "settings")


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationFault(f"{file} cannot be read: {error}", "mend or remove the file") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {PREFIX + field.name.upper(): field.name for field in msgspec.structs.fields(Settings)}
    return {names[key]: value for key, value in environment.items() if key in names and value != ""}


def _convert(values: dict[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(field.name for field in msgspec.structs.fields(Settings))
        raise ConfigurationFault(f"{source}: {error}", f"settings are: {known}") from error
