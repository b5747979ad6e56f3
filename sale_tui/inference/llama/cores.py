"""Shares the physical cores among the workers that are computing.

llama.cpp's threads wait for each other many times a token: one thread too many, or one that another program keeps from
running, costs far more than it brings. So the active workers never have more threads together than there are cores, a
lone one leaves a core to everybody else, and small models, whose steps are over before a second thread has woken, have
one. Measured by ``benchmarks/engine_threads.py``.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

SMALL = 50_000_000
"""Parameters below which one thread is best."""


class Worker(Protocol):
    """What is needed of a model."""

    @property
    def parameters(self) -> int:
        """Size of the model; 0 before it is loaded."""
        ...

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from the next decode on."""
        ...


class Cores:
    """Who computes, and with how many threads each."""

    def __init__(self, total: int) -> None:
        self._total = max(1, total)
        self._calls: Counter[Worker] = Counter()
        self._given: dict[Worker, int] = {}

    def enter(self, worker: Worker) -> None:
        """A call of this worker begins."""
        self._calls[worker] += 1
        if self._calls[worker] == 1:
            self._share()

    def leave(self, worker: Worker) -> None:
        """A call of this worker is over."""
        self._calls[worker] -= 1
        if not self._calls[worker]:
            del self._calls[worker]
            self._share()

    def forget(self, worker: Worker) -> None:
        """The worker has ended; a fresh one begins with one thread."""
        self._given.pop(worker, None)

    def _share(self) -> None:
        each = share(self._total, len(self._calls))
        for worker in self._calls:
            threads = each if worker.parameters >= SMALL else 1
            if self._given.get(worker, 1) != threads:
                self._given[worker] = threads
                worker.set_threads(threads)


def share(cores: int, active: int) -> int:
    """Threads of each of the active workers."""
    usable = cores if active > 1 else cores - 1
    return max(1, usable // max(1, active))
