"""The ledger of cells against a memory that keeps what it is told, through random lives of requests."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sale_tui.inference.llama.cells import Table, common_prefix

CELLS, SLOTS, KEPT = 120, 6, 3


class Memory:
    """Sequences of (position, cell) as llama.cpp's unified memory has them; cells are made as tokens are decoded."""

    def __init__(self):
        self.sequences: dict[int, list] = {number: [] for number in range(SLOTS)}
        self.made = 0

    def copy(self, source, target, length):
        assert not self.sequences[target]
        assert length <= len(self.sequences[source])
        self.sequences[target] = self.sequences[source][:length]

    def cut(self, sequence, length):
        del self.sequences[sequence][length:]

    def decode(self, sequence, position, tokens):
        assert len(self.sequences[sequence]) == position
        for token in tokens:
            self.made += 1
            self.sequences[sequence].append((self.made, int(token)))

    @property
    def used(self):
        return len({cell for cells in self.sequences.values() for cell in cells})


class Lives(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.memory = Memory()
        self.table = Table(self.memory, slots=SLOTS, cells=CELLS, kept=KEPT)
        self.prompts = {}

    @rule(
        base=st.sampled_from([1, 2]), shared=st.integers(0, 40), own=st.integers(1, 40), tail=st.integers(3, 9),
        extra=st.integers(0, 30),
    )  # fmt: skip
    def open(self, base, shared, own, tail, extra):
        prompt = np.array([base] * shared + [tail] * own, np.int32)
        free, slots = self.table.free, len(self.prompts)
        slot = self.table.open(prompt, extra)
        if slot is None:
            assert slots == SLOTS or free < len(prompt) + extra
            return
        held = [token for _, token in self.memory.sequences[slot.number]]
        assert held == prompt[: slot.length].tolist()
        assert slot.length < len(prompt)
        self.prompts[slot] = prompt

    @precondition(lambda self: self.prompts)
    @rule(data=st.data())
    def decode(self, data):
        slot = data.draw(st.sampled_from(sorted(self.prompts, key=lambda slot: slot.number)))
        room = len(slot.tokens) - slot.length
        if room:
            count = data.draw(st.integers(1, room))
            written = range(max(slot.length, len(self.prompts[slot])), slot.length + count)
            slot.tokens[list(written)] = 50
            self.memory.decode(slot.number, slot.length, slot.tokens[slot.length : slot.length + count])
            self.table.grow(slot, count)

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), share=st.floats(0, 1))
    def close(self, data, share):
        slot = data.draw(st.sampled_from(sorted(self.prompts, key=lambda slot: slot.number)))
        del self.prompts[slot]
        self.table.close(slot, int(slot.length * share))

    @invariant()
    def the_ledger_is_right(self):
        reserved = sum(slot.reserved for slot in self.table.active)
        assert self.table.free == CELLS - self.memory.used - reserved
        assert self.table.free >= 0
        assert len(self.table.cached) <= KEPT
        for slot in (*self.table.active, *self.table.cached):
            held = [token for _, token in self.memory.sequences[slot.number]]
            assert held == slot.tokens[: slot.length].tolist()

    @invariant()
    def nothing_running_is_ever_dropped(self):
        assert set(self.prompts) == set(self.table.active)


TestLives = Lives.TestCase


@given(st.lists(st.integers(0, 2), max_size=9), st.lists(st.integers(0, 2), max_size=9))
def test_common_prefix(left, right):
    expected = 0
    while expected < min(len(left), len(right)) and left[expected] == right[expected]:
        expected += 1
    assert common_prefix(np.array(left, np.int32), np.array(right, np.int32)) == expected


def test_a_longer_prefix_replaces_the_one_that_it_contains():
    memory = Memory()
    table = Table(memory, slots=SLOTS, cells=CELLS, kept=KEPT)
    for length in (20, 30, 40):
        slot = table.open(np.arange(length, dtype=np.int32), 0)
        assert slot is not None
        memory.decode(slot.number, slot.length, slot.tokens[slot.length :])
        table.grow(slot, length - slot.length)
        table.close(slot, length)
    assert [slot.length for slot in table.cached] == [40]
    assert memory.used == 40
