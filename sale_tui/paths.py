"""Where things lie: the user's folders (XDG, or ``SALE_TUI_HOME`` for all of them) and the shipped pools."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sale_tui.errors import ConfigurationFault

HOME_VARIABLE = "SALE_TUI_HOME"
SHOWN_PATH = 80
"""Characters of a path in an error: what was given may be a whole file's text."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one user; none is created before it is needed."""

    config: Path
    """``settings.toml`` and the user's own pools."""
    data: Path
    """The auction memory and the workspaces: what must not be lost."""
    cache: Path
    """What can be made again."""

    @property
    def settings_file(self) -> Path:
        """The user's settings."""
        return self.config / "settings.toml"

    @property
    def approvals_file(self) -> Path:
        """What the user has allowed for always."""
        return self.config / "approvals.json"

    @property
    def sandbox_record(self) -> Path:
        """That the user has accepted the reduced sandbox on this machine."""
        return self.data / "reduced-sandbox.json"

    @property
    def database(self) -> Path:
        """The auction memory."""
        return self.data / "memory.db"


def user_folders() -> Folders:
    """The folders of the user who runs this process."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        root = Path(home).expanduser().absolute()
        return Folders(config=root / "config", data=root / "data", cache=root / "cache")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("sale-tui", appauthor=False)
    return Folders(config=Path(dirs.user_config_path), data=Path(dirs.user_data_path), cache=Path(dirs.user_cache_path))


def make_private(folder: Path) -> Path:
    """Create a folder that only its owner reads. Raises ConfigurationFault where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationFault(
            f"cannot create {folder}: {error.strerror}", f"set {HOME_VARIABLE} to a folder that you may write"
        ) from error
    return folder


def given_path(name: str, what: str) -> Path:
    """The path that a user has typed. Raises ConfigurationFault, beginning with ``what``, where it can be none."""
    try:
        return Path(name).expanduser()
    except (RuntimeError, ValueError) as error:
        raise _not_looked_at(name, what, error) from error


def is_file(path: Path, what: str) -> bool:
    """Whether a file lies there. Raises ConfigurationFault where that cannot be told."""
    try:
        return path.is_file()
    except (OSError, ValueError) as error:
        raise _not_looked_at(str(path), what, error) from error


def is_folder(path: Path, what: str) -> bool:
    """Whether a folder lies there. Raises ConfigurationFault where that cannot be told."""
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise _not_looked_at(str(path), what, error) from error


def _not_looked_at(name: str, what: str, error: Exception) -> ConfigurationFault:
    shown = name if len(name) <= SHOWN_PATH else f"{name[:SHOWN_PATH]} …"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ConfigurationFault(f"{what}: {shown} cannot be looked at: {reason}", "give the path of what you may read")


def shipped_pools() -> Path:
    """The folder of the pools that come with sale-tui: inside the wheel, or ``models`` of a source checkout."""
    package = Path(__file__).parent
    installed = package / "pools"
    return installed if installed.is_dir() else package.parent / "models"


def find_pools(folders: Folders) -> dict[str, Path]:
    """Pool name to pool file: the shipped ones, then the user's own, which win."""
    found: dict[str, Path] = {}
    for root in (shipped_pools(), folders.config / "pools"):
        for file in sorted(root.glob("*/pool.toml")):
            found[file.parent.name] = file
        if root != shipped_pools():
            found.update({file.stem: file for file in sorted(root.glob("*.toml"))})
    return found


def resolve_pool(name: str, folders: Folders) -> Path:
    """The pool file that a name or a path means. Raises ConfigurationFault."""
    given = given_path(name, "pool")
    if is_folder(given, "pool") and is_file(given / "pool.toml", "pool"):
        return (given / "pool.toml").absolute()
    if given.suffix == ".toml" or os.sep in name:
        if is_file(given, "pool"):
            return given.absolute()
        raise ConfigurationFault(
            f"there is no pool file {name}", "give the path of a pool file, or a name from `sale-tui pool list`"
        )
    pools = find_pools(folders)
    if name not in pools:
        raise ConfigurationFault(
            f"there is no pool named {name!r}", f"known pools: {', '.join(sorted(pools)) or 'none'}"
        )
    return pools[name]
