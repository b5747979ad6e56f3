"""Who uses which cells of the key-value memory, and which kept prefix a prompt can begin with.

llama.cpp's unified memory has one budget of cells for all sequences; a cell that several sequences share counts once.
This ledger mirrors it, so that requests are admitted only when they fit to their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

LEAST_SHARED = 8
"""A shorter common prefix is not worth a copy."""


class Store(Protocol):
    """The memory itself."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Let the empty sequence ``target`` begin with the first ``length`` tokens of ``source``."""
        ...

    def cut(self, sequence: int, length: int) -> None:
        """Forget a sequence from position ``length`` on."""
        ...


def common_prefix(left: Ints, right: Ints) -> int:
    """How many leading tokens two prompts share."""
    length = min(len(left), len(right))
    different = left[:length] != right[:length]
    first = int(different.argmax()) if length else 0
    return first if length and different[first] else length


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the memory."""

    number: int
    tokens: Ints
    """Room for all tokens that it may ever hold; the first ``length`` of them are decoded."""
    cells: Ints
    """Cell of every position, assigned as it is decoded."""
    length: int = 0
    reserved: int = 0
    """Cells that it may still take."""
    active: bool = True
    used: int = 0
    """When it was last of use, in steps of the table's clock."""
    shared: int = 0
    """Tokens that it began with from another slot."""


class Table:
    """All slots and cells."""

    def __init__(self, store: Store, *, slots: int, cells: int, kept: int) -> None:
        """``kept``: how many finished sequences stay for their prefixes."""
        self._store = store
        self.cells = cells
        self._kept = kept
        self._free_slots = list(range(slots - 1, -1, -1))
        self._slots: list[Slot] = []
        self._holders = np.zeros(cells, np.int32)
        self._free_cells = list(range(cells - 1, -1, -1))
        self._reserved = 0
        self._clock = 0

    @property
    def free(self) -> int:
        """Cells that are neither used nor promised."""
        return len(self._free_cells) - self._reserved

    @property
    def active(self) -> list[Slot]:
        """Slots of requests under way."""
        return [slot for slot in self._slots if slot.active]

    @property
    def cached(self) -> list[Slot]:
        """Slots that are kept for their prefixes, least recently used first."""
        return sorted((slot for slot in self._slots if not slot.active), key=lambda slot: slot.used)

    def open(self, prompt: Ints, extra: int) -> Slot | None:
        """A slot for a prompt and up to ``extra`` more tokens, beginning with the longest prefix that is there.

        Returns None when slots or cells do not suffice now, even after the kept prefixes have been dropped.
        """
        source, shared = self._best(prompt)
        need = len(prompt) - shared + extra
        if not self._make_room(need, source):
            # Keeping the source may be what is in the way.
            if source is None or source.active or not self._make_room(len(prompt) + extra, None):
                return None
            source, shared, need = None, 0, len(prompt) + extra
        slot = Slot(
            self._free_slots.pop(), np.empty(len(prompt) + extra, np.int32), np.empty(len(prompt) + extra, np.int32)
        )
        slot.tokens[: len(prompt)] = prompt
        if source is not None and shared:
            self._share(source, slot, shared)
        slot.reserved = need
        self._reserved += need
        self._slots.append(slot)
        self._touch(slot)
        return slot

    def _best(self, prompt: Ints) -> tuple[Slot | None, int]:
        """The slot that shares most with the prompt; its last token is always decoded anew, for its logits."""
        best, most = None, LEAST_SHARED - 1
        for slot in self._slots:
            shared = common_prefix(slot.tokens[: slot.length], prompt[:-1])
            if shared > most:
                best, most = slot, shared
        return (best, most) if best is not None else (None, 0)

    def _make_room(self, need: int, spare: Slot | None) -> bool:
        for slot in self.cached:
            if self._free_slots and self.free >= need:
                break
            if slot is not spare:
                self.drop(slot)
        return bool(self._free_slots) and self.free >= need

    def _share(self, source: Slot, slot: Slot, length: int) -> None:
        self._store.copy(source.number, slot.number, length)
        slot.cells[:length] = source.cells[:length]
        self._holders[slot.cells[:length]] += 1
        slot.length = slot.shared = length
        self._touch(source)

    def grow(self, slot: Slot, count: int) -> None:
        """``count`` more of the slot's tokens have been decoded."""
        begin, end = slot.length, slot.length + count
        fresh = [self._free_cells.pop() for _ in range(count)]
        slot.cells[begin:end] = fresh
        self._holders[slot.cells[begin:end]] = 1
        slot.length = end
        slot.reserved -= count
        self._reserved -= count

    def close(self, slot: Slot, keep: int) -> None:
        """A request is over; its first ``keep`` tokens stay as a prefix for others."""
        self._reserved -= slot.reserved
        slot.reserved = 0
        slot.active = False
        if keep < LEAST_SHARED or self._covered(slot, keep):
            self.drop(slot)
            return
        self._shorten(slot, keep)
        self._touch(slot)
        self._drop_covered(slot)
        for old in self.cached[: -self._kept or None]:
            self.drop(old)

    def _covered(self, slot: Slot, keep: int) -> bool:
        """Whether another slot already holds all that would be kept."""
        kept = slot.tokens[: min(keep, slot.length)]
        for other in self._slots:
            if other is not slot and common_prefix(other.tokens[: other.length], kept) == len(kept):
                self._touch(other)
                return True
        return False

    def _drop_covered(self, slot: Slot) -> None:
        kept = slot.tokens[: slot.length]
        for other in self.cached:
            if other is not slot and common_prefix(other.tokens[: other.length], kept) == other.length:
                self.drop(other)

    def _shorten(self, slot: Slot, length: int) -> None:
        if length >= slot.length:
            return
        self._store.cut(slot.number, length)
        self._release(slot.cells[length : slot.length])
        slot.length = length

    def drop(self, slot: Slot) -> None:
        """Forget a slot altogether."""
        self._store.cut(slot.number, 0)
        self._release(slot.cells[: slot.length])
        self._reserved -= slot.reserved
        self._slots.remove(slot)
        self._free_slots.append(slot.number)

    def _release(self, cells: Ints) -> None:
        self._holders[cells] -= 1
        self._free_cells.extend(cells[self._holders[cells] == 0].tolist())

    def _touch(self, slot: Slot) -> None:
        self._clock += 1
        slot.used = self._clock
