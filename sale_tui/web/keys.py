"""Keys of search services: from the environment, or from the keyring; never from a file of ours, never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLES = {
    "brave": ("SALE_TUI_BRAVE_KEY", "BRAVE_API_KEY"),
    "tavily": ("SALE_TUI_TAVILY_KEY", "TAVILY_API_KEY"),
}
"""Where a service's key is looked for, in order."""
KEYRING = "sale-tui"
"""The keyring's name for us; the user's name in it is the service."""


def find_key(service: str, environment: Mapping[str, str] = os.environ) -> str:
    """The key of a service; empty where there is none."""
    for name in VARIABLES.get(service, ()):
        if key := environment.get(name, "").strip():
            return key
    return _from_keyring(service)


def how_to_give(service: str) -> str:
    """What to type."""
    return f"set {VARIABLES[service][0]}, or: python -m keyring set {KEYRING} {service}"


def _from_keyring(service: str) -> str:
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return (keyring.get_password(KEYRING, service) or "").strip()
    except Exception:  # noqa: BLE001 - a keyring that is locked or broken has no key for us
        return ""
