"""The parent's side of a worker process: start, talk, notice its end, end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path

import msgspec

from sale_tui.errors import ModelFault
from sale_tui.inference.llama import protocol
from sale_tui.inference.llama.protocol import Failed, Frame, Loaded, Reply

MODULE = "sale_tui.inference.llama.worker"
LOG_LINES = 200
LOG_LINE = 400
"""Characters that are kept of a log line."""
GRACE_SECONDS = 1.0
"""How long a worker that has closed its socket may take to end."""

PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
PASSED_FAMILIES = ("CUDA_", "NVIDIA_", "GGML_", "HIP_", "ROCR_", "DYLD_", "LLAMA_CPP_LIB")


def worker_environment(environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """What a worker needs of the environment: no secrets, one thread for numpy, no debugger at a crash."""
    kept = {name: value for name, value in environment.items() if name in PASSED or name.startswith(PASSED_FAMILIES)}
    root = str(Path(__file__).resolve().parents[3])
    return {
        **kept,
        "PYTHONPATH": root,
        "PYTHONUNBUFFERED": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "GGML_NO_BACKTRACE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class WorkerLink:
    """One running worker. Once it has ended, ``fault`` says why and every call ends with that."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter) -> None:
        self._name = name
        self._process = process
        self._writer = writer
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._calls: dict[int, asyncio.Queue[Reply]] = {}
        self._next = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.fault: ModelFault | None = None
        self.loaded: asyncio.Future[Loaded] = asyncio.get_running_loop().create_future()

    @classmethod
    async def start(cls, name: str) -> WorkerLink:
        """Spawn a worker. Raises ModelFault."""
        ours, theirs = socket.socketpair()
        try:
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", MODULE, str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),), start_new_session=True, env=worker_environment(os.environ),
                )  # fmt: skip
            except BaseException:
                writer.close()
                raise
        except OSError as error:
            raise ModelFault(
                f"{name}: no worker process can be started: {error.strerror}", "is the system out of memory?"
            ) from error
        finally:
            theirs.close()
        link = cls(name, process, writer)
        link._tasks = [asyncio.create_task(link._listen(reader)), asyncio.create_task(link._collect_log())]
        return link

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that llama.cpp and the worker wrote."""
        return tuple(self._log)

    def send(self, frame: Frame) -> None:
        """Send a command. Raises ModelFault where the worker has ended."""
        if self.fault is not None:
            raise self.fault
        self._writer.write(protocol.encode(frame))

    def open_call(self) -> tuple[int, asyncio.Queue[Reply]]:
        """A new call's number, and where its replies arrive. Raises ModelFault."""
        if self.fault is not None:
            raise self.fault
        self._next += 1
        replies: asyncio.Queue[Reply] = asyncio.Queue()
        self._calls[self._next] = replies
        return self._next, replies

    def close_call(self, call: int) -> None:
        """Listen no more to a call."""
        self._calls.pop(call, None)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                size = protocol.LENGTH.unpack(await reader.readexactly(protocol.LENGTH.size))[0]
                if size > protocol.LONGEST_FRAME:
                    break
                self._deliver(protocol.decode_reply(await reader.readexactly(size)))
        except (asyncio.IncompleteReadError, OSError, msgspec.MsgspecError):
            pass
        finally:
            await asyncio.shield(self._bury())

    def _deliver(self, reply: Reply) -> None:
        if isinstance(reply, Loaded):
            if not self.loaded.done():
                self.loaded.set_result(reply)
        elif isinstance(reply, Failed) and reply.call == 0:
            self.condemn(ModelFault(f"{self._name}: {reply.message}", reply.hint))
        elif replies := self._calls.get(reply.call):
            replies.put_nowait(reply)

    async def _bury(self) -> None:
        """The worker has closed its socket: see how it ended, then end all calls."""
        self._writer.close()
        if self.fault is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE_SECONDS)
        code = self._process.returncode
        self.condemn(
            ModelFault(f"{self._name}: {self._epitaph(code)}", "the other agents go on; start again to reload it")
        )

    def _epitaph(self, code: int | None) -> str:
        if code is None:
            cause = "its worker closed its connection"
        elif code < 0:
            cause = f"its worker was ended by {_signal_name(-code)}"
        else:
            cause = f"its worker ended with status {code}"
        telling = [line for line in self._log if "error" in line.lower() or "assert" in line.lower()]
        return f"{cause} ({telling[-1].strip()})" if telling else cause

    def condemn(self, fault: ModelFault) -> None:
        """The worker is lost for the reason given; the first reason stands."""
        if self.fault is None:
            self.fault = fault
        self._signal(signal.SIGKILL)
        if not self.loaded.done():
            self.loaded.set_exception(self.fault)
            self.loaded.exception()  # it has been looked at, whether or not somebody waits
        for call, replies in self._calls.items():
            replies.put_nowait(Failed(call=call, message=self.fault.message, hint=self.fault.hint))
        self._calls.clear()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def _collect_log(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        rest = ""
        while data := await stream.read(1 << 14):
            *lines, rest = (rest + data.decode("utf-8", "replace")).split("\n")
            self._log.extend(line[:LOG_LINE] for line in lines)
            rest = rest[-LOG_LINE:]
        if rest:
            self._log.append(rest)

    async def close(self) -> None:
        """End the worker and wait until it is gone."""
        self.condemn(ModelFault(f"{self._name}: the model has been closed", ""))
        self._writer.close()
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
