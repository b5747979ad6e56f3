"""Which calls may be made: ordered globs over the call as text, pure.

Of all rules that match a call **the first one decides**, in the order: flags of this launch, answers given for this
run, the user's settings, answers given for always. Where none matches, a call that stays in the sandbox is allowed and
one that leaves it is asked for. In a glob ``*`` stands for any text; every other character, ``?`` too, for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from sale_tui.types import ApprovalAction, ApprovalRule, ToolSpec

RuleSource = Literal["flag", "run", "settings", "always", "default"]

_URL = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\\s]*)")
_HOST = re.compile(r"[a-z0-9.:\[\]-]+")


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy says of a call."""

    action: ApprovalAction
    source: RuleSource
    rule: str = ""
    """The glob that decided; empty where none did."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one launch, each group in its order."""

    flags: tuple[ApprovalRule, ...] = ()
    settings: tuple[ApprovalRule, ...] = ()
    always: tuple[ApprovalRule, ...] = ()

    def rule(self, call: str, *, leaves: bool, run: Iterable[ApprovalRule] = (), exposed: bool = False) -> Ruling:
        """``leaves``: whether it leaves the sandbox. ``run``: what was answered for this run.

        ``exposed``: the run has read what strangers wrote, or holds what is private. Then no rule that was made
        before this run lets anything out: it is asked for.
        """
        groups: tuple[tuple[RuleSource, Iterable[ApprovalRule]], ...] = (
            ("flag", self.flags),
            ("run", run),
            ("settings", self.settings),
            ("always", self.always),
        )
        for source, rules in groups:
            for rule in rules:
                if not matches(rule.call, call):
                    continue
                earlier = source in {"settings", "always"}
                held_back = leaves and exposed and earlier and rule.action == "allow"
                return Ruling(action="ask" if held_back else rule.action, source=source, rule=rule.call)
        return Ruling(action="ask" if leaves else "allow", source="default")


def matches(glob: str, call: str) -> bool:
    """Whether a glob stands for a call; in time linear in both for each ``*``."""
    first, *rest = glob.split("*")
    if not rest:
        return call == first
    *middle, last = rest
    if not call.startswith(first) or not call.endswith(last):
        return False
    place, end = len(first), len(call) - len(last)
    for part in middle:
        found = call.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return place <= end


def format_call(spec: ToolSpec, arguments: Mapping[str, object]) -> str:
    """A call as the globs see it: ``open(https://docs.python.org/3/, page=2)``, ``shell(git status)``.

    Arguments stand in the order of the tool's schema; the first one stands without its name, a text as it is. Scheme
    and host of an address are in small letters, whatever the model wrote.
    """
    properties = spec.parameters.get("properties")
    order = list(properties) if isinstance(properties, Mapping) else []
    names = [*(name for name in order if name in arguments), *(name for name in arguments if name not in order)]
    parts = []
    for place, name in enumerate(names):
        value = arguments[name]
        text = value if isinstance(value, str) and not place else json.dumps(value, ensure_ascii=False, default=str)
        positional = not place and (not order or name == order[0])
        parts.append(_plain_address(text) if positional else f"{name}={text}")
    return f"{spec.name}({', '.join(parts)})"


def covering(call: str) -> str:
    """The glob that an answer for more than once stands for: the host of an address, else the tool.

    Empty where no glob can say it.
    """
    name, _, rest = call.partition("(")
    address = _URL.match(rest)
    if address is None:
        return "" if "*" in name else f"{name}(*)"
    scheme, host = address.groups()
    return f"{name}({scheme}://{host}/*)" if _HOST.fullmatch(host) and "*" not in name + scheme else ""


def _plain_address(text: str) -> str:
    address = _URL.match(text)
    if address is None:
        return text
    scheme, host = address.groups()
    rest = text[address.end() :]
    slash = "" if rest.startswith(("/", "\\")) else "/"
    return f"{scheme.lower()}://{host.lower()}{slash}{rest}"
