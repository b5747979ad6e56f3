"""No walls at all, by the user's own word for one launch: programs run with the user's rights."""

from __future__ import annotations

from sale_tui.sandbox.kept import KeptSandbox
from sale_tui.types import SandboxTier


class UnsafeSandbox(KeptSandbox):
    """The tier ``unsafe``: limits, a clean environment and nothing else. ``detect`` alone makes it, when told to."""

    @property
    def tier(self) -> SandboxTier:
        """Always ``unsafe``."""
        return "unsafe"

    @property
    def advice(self) -> str:
        """What that means."""
        whose = "user nobody's" if self.uid is not None else "your"
        return (
            f"--unsafe-no-sandbox: code of models runs with {whose} rights and can read, change and send all that "
            "they reach; leave the flag out next time"
        )
