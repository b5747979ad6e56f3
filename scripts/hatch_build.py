"""Build hook: the wheel carries the pools; an editable install reads them from the checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

POOLS = ("micro", "qwen3")


class PoolsHook(BuildHookInterface[Any]):
    """Puts ``models/<pool>`` into the wheel as ``sale_tui/pools/<pool>``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling; ``version`` is ``standard`` or ``editable``."""
        if version == "standard":
            build_data["force_include"] |= {f"{self.root}/models/{pool}": f"sale_tui/pools/{pool}" for pool in POOLS}
