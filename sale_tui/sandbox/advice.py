"""What to type where bubblewrap does not work: its failures, recognised by their words."""

from __future__ import annotations

import platform
import sys

_UBUNTU = (
    "AppArmor forbids user namespaces; type: sudo apt-get install apparmor-profiles && sudo install -m 0644 "
    "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && sudo apparmor_parser -r "
    "/etc/apparmor.d/bwrap-userns-restrict"
)
_CONTAINER = (
    "this container forbids new namespaces; run sale-tui on the host, or start the container with "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined --init"
)
_NAMESPACES = "user namespaces are switched off; type: sudo sysctl -w user.max_user_namespaces=15000"

_KNOWN = (
    ("bubblewrap is not installed", "bubblewrap is not installed; type: {install} bubblewrap"),
    (
        "gVisor (runsc) is not installed",
        "the strong sandbox was asked for and gVisor is not installed; type: {install} runsc (or see gvisor.dev)",
    ),
    ("(of util-linux)", "parts of util-linux are not installed; type: {install} util-linux"),
    ("there is no Python", "there is no Python for tools; type: {install} python3"),
    ("max_*_namespaces exceeded", _NAMESPACES),
    ("does not allow non-privileged user namespaces", _CONTAINER),
    ("No permissions to create new namespace", _CONTAINER),
    ("Can't mount proc", _CONTAINER),
    ("setting up uid map: Permission denied", _UBUNTU),
    ("Failed RTM_NEWADDR", _UBUNTU),
    ("Unknown option", "bubblewrap is too old; sale-tui needs 0.6.1 or newer"),
)


def advice_for(reason: str) -> str:
    """One line: what is wrong and what to type."""
    for words, advice in _KNOWN:
        if words in reason:
            return advice.format(install=_installer())
    line = " ".join(reason.split())[:200]
    return f"the sandbox does not hold here ({line}); see `sale-tui doctor`"


def other_system() -> str:
    """For systems without bubblewrap."""
    name = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, platform.system() or sys.platform)
    return f"{name} has no full sandbox, so the python tool is not offered; Linux has it"


def _installer() -> str:
    try:
        facts = platform.freedesktop_os_release()
    except OSError:
        facts = {}
    family = {facts.get("ID", ""), *facts.get("ID_LIKE", "").split()}
    if family & {"fedora", "rhel", "centos"}:
        return "sudo dnf install"
    if "arch" in family:
        return "sudo pacman -S"
    if family & {"suse", "opensuse"}:
        return "sudo zypper install"
    return "sudo apt-get install"
