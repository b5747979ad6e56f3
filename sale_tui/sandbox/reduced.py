"""Linux without namespaces: Landlock and a stricter system-call filter. Weaker than ``full``; docs/sandbox.md says how.

A program cannot leave its process group, so that one signal of the keeper's ends all that it has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sale_tui.errors import NoSandbox
from sale_tui.ports import ExecRequest
from sale_tui.sandbox.kept import KeptSandbox, encoded, temporary
from sale_tui.sandbox.landlock import HANDLED, LEAST_ABI, READ, WRITE, abi, rules
from sale_tui.sandbox.place import Place
from sale_tui.sandbox.seccomp import program
from sale_tui.types import SandboxLimits, SandboxTier


class ReducedSandbox(KeptSandbox):
    """The tier ``reduced``, once its self-test has passed and the user has accepted it; ``detect`` gives out no other.

    Shared with the host are processes' numbers, the host's name, and what can be known of a file without opening it.
    """

    def __init__(
        self,
        workspaces: Path,
        limits: SandboxLimits | None = None,
        named: Sequence[Path] = (),
        least_abi: int = LEAST_ABI,
        cure: str = "",
    ) -> None:
        """As ``LaunchedSandbox``. Raises NoSandbox where Landlock's version is below ``least_abi``, too.

        ``cure``: what to do so that this machine gets the tier ``full``.
        """
        self.cure = cure
        super().__init__(workspaces, limits, named)
        if abi() < least_abi:
            raise NoSandbox(
                f"Landlock has version {abi()} here, {least_abi} is needed", "use Linux 6.12 or newer, or bubblewrap"
            )
        self._filter = encoded(program(shut=True))

    @property
    def tier(self) -> SandboxTier:
        """Always ``reduced``."""
        return "reduced"

    @property
    def advice(self) -> str:
        """What is weaker."""
        weaker = "reduced sandbox: programs can tell which files and processes this machine has; no sockets, no chmod"
        return f"{weaker}; for the full one: {self.cure}" if self.cure else weaker

    def walls(self, request: ExecRequest, place: Place) -> dict[str, Any]:
        """Landlock's rules and the filter. Raises NoSandbox where the request asks for the network."""
        if request.net:
            raise NoSandbox("the reduced sandbox has no network to share", "leave out --net")
        own = [(place.source(folder), READ) for folder in request.readable]
        own += [(str(place.scratch / "run"), READ), (str(temporary(place)), WRITE)]
        own.append((place.source(place.folder), READ if request.read_only else WRITE))
        return {"rules": rules(self.python, own), "handled": HANDLED, "filter": self._filter}
