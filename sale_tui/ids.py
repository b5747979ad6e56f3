"""Auction ids: sortable by time, short, unique across processes."""

from __future__ import annotations

import secrets
import threading

from sale_tui.ports import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32 in lower case: no i, l, o, u; in the order of its values, so that ids sort as numbers do."""

_TIME_CHARACTERS = 9
"""45 bits of milliseconds: until the year 3084."""

_RANDOM_CHARACTERS = 5
"""25 bits; 24 are drawn, the last leaves room to count on within a millisecond."""

ID_LENGTH = _TIME_CHARACTERS + _RANDOM_CHARACTERS

_lock = threading.Lock()
_last = (-1, 0)


def new_auction_id(clock: Clock) -> str:
    """A new id of 14 characters; within a process later ids of one millisecond sort after earlier ones."""
    global _last  # noqa: PLW0603  (the one place that remembers which id came last)
    moment = max(0, int(clock.now() * 1000)) % (1 << (5 * _TIME_CHARACTERS))
    with _lock:
        tail = _last[1] + 1 if _last[0] == moment else secrets.randbits(24)
        _last = (moment, tail)
    return _base32(moment, _TIME_CHARACTERS) + _base32(tail, _RANDOM_CHARACTERS)


def moment_of(auction: str) -> float | None:
    """Unix seconds at which an id was made; None where it is no id of ours."""
    if len(auction) != ID_LENGTH or not set(auction) <= set(_ALPHABET):
        return None
    moment = 0
    for character in auction[:_TIME_CHARACTERS]:
        moment = moment << 5 | _ALPHABET.index(character)
    return moment / 1000


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))
