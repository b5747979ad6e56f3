"""The app in a pseudo-terminal, with the real embedded pool: what a person types and sees."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator

import pexpect
import pyte
import pytest

from tests.e2e.conftest import COMMAND, Sale
from tests.e2e.processes import children_of, is_alive, kill, wait_until, workers_of
from tests.e2e.tasks import unseen

COLUMNS, ROWS = 120, 36


class Terminal:
    """A person's terminal: keys go in, the screen is read."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.child = pexpect.spawn(
            str(COMMAND), list(arguments), env=environment, dimensions=(ROWS, COLUMNS), timeout=60
        )

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def read(self) -> None:
        """Take in what the app has drawn."""
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            self._stream.feed(self.child.read_nonblocking(65536, timeout=0.05))

    def sees(self, *words: str, seconds: float = 60) -> bool:
        """Wait until all the words stand on the screen at once."""

        def there() -> bool:
            self.read()
            return all(word in self.text for word in words)

        return wait_until(there, seconds)

    def ends(self, seconds: float = 10) -> bool:
        """Wait until the app is gone."""

        def gone() -> bool:
            self.read()
            return not self.child.isalive()

        return wait_until(gone, seconds)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    """The app, just started; ended whatever happens."""
    started = Terminal(environment, "--countdown", "600")
    yield started
    started.child.close(force=True)


def test_a_typed_task_is_overruled_and_answered(terminal: Terminal, sale: Sale) -> None:
    task = unseen("coding", 1, 6)[4]
    assert terminal.sees("What should be done?", "sandbox full"), terminal.text
    terminal.type(task["text"] + "\r")
    assert terminal.sees("micro-xs", "micro-l", "total"), terminal.text
    assert terminal.sees("Enter accepts", "Proposed"), terminal.text
    workers = workers_of(terminal.child.pid)
    assert len(workers) == 4
    # Keys in the first moment after the proposal were meant for something else: press until it counts.
    assert wait_until(lambda: _pressed(terminal, "4"), 30), terminal.text
    assert terminal.sees("micro-l", "workspace", "bill", seconds=60), terminal.text
    terminal.type("\x11")
    assert terminal.ends()
    assert terminal.child.exitstatus == 0
    assert wait_until(lambda: not any(is_alive(pid) for pid in workers), 2)

    newest = json.loads(sale("memory", "list", "--limit", "1", "--json").stdout)[0]
    assert newest["task"] == task["text"]
    shown = sale("memory", "show", newest["id"], "--json").last
    assert shown["award"]["by"] == "user"
    assert shown["award"]["agent"] == "micro-l"


def _pressed(terminal: Terminal, key: str) -> bool:
    terminal.type(key)
    return terminal.sees("follows its plan", seconds=0.5)


def test_the_app_ends_cleanly_when_it_is_told_to(terminal: Terminal) -> None:
    assert terminal.sees("What should be done?"), terminal.text
    assert wait_until(lambda: bool(children_of(terminal.child.pid)), 30)
    family = children_of(terminal.child.pid)
    terminal.child.kill(signal.SIGTERM)
    assert terminal.ends()
    assert (terminal.child.exitstatus, terminal.child.signalstatus) == (0, None)
    assert wait_until(lambda: not any(is_alive(pid) for pid in family), 5)


def test_the_app_killed_leaves_no_process(terminal: Terminal, sale: Sale) -> None:
    task = unseen("coding", 1, 6)[5]
    assert terminal.sees("sandbox full"), terminal.text
    terminal.type(task["text"] + "\r")
    assert terminal.sees("total", "micro-xs", "Enter accepts"), terminal.text
    family = children_of(terminal.child.pid)
    assert workers_of(terminal.child.pid)
    kill(terminal.child.pid)
    assert wait_until(lambda: not any(is_alive(pid) for pid in family), 5)
    newest = json.loads(sale("memory", "list", "--limit", "1", "--json").stdout)[0]
    assert (newest["task"], newest["status"]) == (task["text"], "interrupted")
