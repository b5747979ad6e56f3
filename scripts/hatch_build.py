"""Build hook: the wheel carries the pools; an editable install reads them from the checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("micro", "qwen3/pool.toml", "qwen3/README.md")
"""Of ``models``. Not the whole of qwen3: users may keep gigabytes of model files there."""


class PoolsHook(BuildHookInterface[Any]):
    """Puts the pools of ``models`` into the wheel as ``sale_tui/pools``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling; ``version`` is ``standard`` or ``editable``."""
        if version == "standard":
            build_data["force_include"] |= {f"{self.root}/models/{part}": f"sale_tui/pools/{part}" for part in CARRIED}
