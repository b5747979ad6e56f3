"""The worker process: one GGUF file, commands in and replies out over a socket of its own.

Run as ``python -m sale_tui.inference.llama.worker FD``. Standard output and error are its log.
"""

from __future__ import annotations

import ctypes
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time

from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.inference.llama import protocol
from sale_tui.inference.llama.protocol import (
    Cancel,
    Command,
    Count,
    Counted,
    Failed,
    Frame,
    Load,
    Loaded,
    Mark,
    Threads,
    Write,
)

NICENESS = 5
PR_SET_PDEATHSIG = 1


class Channel:
    """The worker's end of the socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.on_cancel = _ignore

    def send(self, frame: Frame) -> None:
        """Send a reply; without a parent there is nothing left to do."""
        try:
            self._socket.sendall(protocol.encode(frame))
        except OSError:
            os._exit(0)

    def listen(self) -> None:
        """Read commands until the parent is gone, then end the process, whatever the main thread is doing."""
        try:
            with self._socket.makefile("rb") as stream:
                while header := stream.read(protocol.LENGTH.size):
                    command = protocol.decode_command(stream.read(protocol.LENGTH.unpack(header)[0]))
                    if isinstance(command, Cancel):
                        self.on_cancel(command.call)
                    self.commands.put(command)
        finally:
            os._exit(0)


def _ignore(call: int) -> None:
    """Before a model is loaded there is nothing to cancel."""


class Host:
    """The loaded model and its jobs."""

    def __init__(self, channel: Channel, load: Load) -> None:
        """Load the file. Raises ModelFault."""
        began = time.monotonic()
        from sale_tui.inference.llama.loading import open_model

        self._channel = channel
        self._opened = opened = open_model(load, channel.send)
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        channel.on_cancel = self._on_cancel
        channel.send(Loaded(facts=opened.facts(time.monotonic() - began)))

    def _on_cancel(self, call: int) -> None:
        """Called by the listening thread: stop the decode that works on this call."""
        with self._lock:
            self._cancelled.add(call)
        if call in self._opened.batcher.computing:
            self._opened.model.stop(wanted=True)

    def run(self) -> None:
        """Serve for ever; the listening thread ends the process."""
        commands = self._channel.commands
        batcher = self._opened.batcher
        while True:
            while batcher.idle or not commands.empty():
                self._take(commands.get())
            self._opened.model.stop(wanted=False)
            self._drop_cancelled()
            batcher.step()

    def _drop_cancelled(self) -> None:
        with self._lock:
            cancelled, self._cancelled = self._cancelled, set()
        if cancelled:
            self._opened.batcher.cancel(cancelled)

    def _take(self, command: Command) -> None:
        match command:
            case Cancel():
                self._drop_cancelled()
            case Threads(threads=threads):
                self._opened.model.set_threads(threads)
            case Write() | Mark() | Count():
                self._begin(command)
            case Load():
                raise ModelFault("a second model was sent to a worker", "")

    def _begin(self, command: Write | Mark | Count) -> None:
        try:
            if isinstance(command, Count):
                tokens = len(self._opened.prompt(command.messages, command.tools, thinking=False))
                self._channel.send(Counted(call=command.call, tokens=tokens))
            elif isinstance(command, Write):
                self._opened.write(command)
            else:
                self._opened.mark(command)
        except ModelFault as fault:
            too_long = isinstance(fault, PromptTooLong)
            self._channel.send(Failed(call=command.call, message=fault.message, hint=fault.hint, too_long=too_long))


def _end_with_parent() -> None:
    """On Linux the kernel ends this process with its parent, even one that is stopped and reads no socket.

    The parent is, to the kernel, the thread that started this process: the app's main thread.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main() -> None:
    """Serve one parent."""
    _end_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    threading.Thread(target=channel.listen, daemon=True).start()
    first = channel.commands.get()
    try:
        if not isinstance(first, Load):
            raise ModelFault("a worker was not told what to load", "")
        Host(channel, first).run()
    except ModelFault as fault:
        channel.send(Failed(call=0, message=fault.message, hint=fault.hint))
    except MemoryError:
        channel.send(Failed(call=0, message="the worker is out of memory", hint="lower `context` in the pool file"))
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
