"""Embeddings of all-MiniLM-L6-v2, computed in a worker process of their own."""

from __future__ import annotations

import array
import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

import sale_tui
from sale_tui.errors import SaleError
from sale_tui.memory.embed_worker import DIMENSIONS, LENGTH_BYTES, NAME, Answer, Failed, Ready, Reply, Request, frame

LOAD_SECONDS = 180.0
EMBED_SECONDS = 60.0
_CODE = "import sys; sys.path.append({root!r}); from sale_tui.memory.embed_worker import main; main({descriptor})"
"""-P and this instead of -m: a file torch.py in the user's folder is never imported."""

_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class _Crash(Exception):
    """The worker ended or hung; the text says how."""


class SentenceEmbedder:
    """Texts to unit vectors of 384 numbers; texts are cut at 256 tokens. Belongs to one event loop.

    ``warm`` starts the worker, the first ``embed`` awaits it. A worker that crashes or hangs is started once more;
    if that one ends too before it has answered, every call raises SaleError at once.
    """

    name = NAME

    def __init__(self, load_seconds: float = LOAD_SECONDS, embed_seconds: float = EMBED_SECONDS) -> None:
        """Starts nothing yet. The times are those after which the worker counts as hung."""
        self._load_seconds = load_seconds
        self._embed_seconds = embed_seconds
        self._worker: asyncio.Task[_Worker] | None = None
        self._crashes = 0
        self._broken: SaleError | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the worker, once it is ready."""
        task = self._worker
        ready = task is not None and task.done() and not task.cancelled() and task.exception() is None
        return task.result().process.pid if task is not None and ready else None

    @property
    def ready(self) -> Ready | None:
        """Where the model came from and how long it took to load, once it is loaded."""
        return self._worker.result().ready if self._worker is not None and self.pid is not None else None

    def warm(self) -> None:
        """Start loading in the background; needs a running event loop."""
        if self._worker is None and self._broken is None and not self._closed:
            self._worker = self._launch()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One normalised vector a text. Raises SaleError where the model cannot be loaded or keeps crashing."""
        while texts:
            if self._closed:
                raise SaleError("the embedder is closed", "start sale-tui again")
            if self._broken is not None:
                raise self._broken
            if self._worker is None:
                self._worker = self._launch()
            task = self._worker
            try:
                worker = await asyncio.shield(task)
                vectors = await worker.embed(list(texts), self._embed_seconds)
            except asyncio.CancelledError:
                caller = asyncio.current_task()
                if not task.cancelled() or (caller is not None and caller.cancelling()):
                    raise
                # Closed while it loaded: the next look says so.
            except SaleError as error:
                self._broken = error
            except _Crash as crash:
                # Several callers may meet one crash; only the first of them counts it.
                if self._worker is task:
                    await self._discard(task, crash)
            else:
                self._crashes = 0
                return vectors
        return []

    async def close(self) -> None:
        """End the worker; safe to call twice."""
        self._closed = True
        task, self._worker = self._worker, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, SaleError, _Crash):
            await (await task).close()

    def _launch(self) -> asyncio.Task[_Worker]:
        task = asyncio.create_task(_Worker.start(self._load_seconds))
        # A failure is told by the next embed; looking at it here keeps asyncio from reporting it as unseen.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _discard(self, task: asyncio.Task[_Worker], crash: _Crash) -> None:
        self._worker = None
        self._crashes += 1
        if self._crashes > 1:
            self._broken = SaleError(
                f"the embedder crashed twice ({crash})", "start sale-tui again; see `sale-tui doctor`"
            )
        if not task.cancelled() and task.exception() is None:
            await task.result().close()


class _Worker:
    """One running worker process and the requests that it has not answered."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.process = process
        self.ready = Ready("", 0.0)
        self._log = log
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._receiving: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, seconds: float) -> _Worker:
        """Spawn a worker and await its model. Raises SaleError (no model), _Crash."""
        ours, theirs = socket.socketpair()
        log = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the worker)
        code = _CODE.format(root=str(Path(sale_tui.__file__).parents[1]), descriptor=theirs.fileno())
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220  (milliseconds, and no child watcher to depend on)
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        worker = cls(process, log)
        try:
            worker._reader, worker._writer = await asyncio.open_connection(sock=ours)
            async with asyncio.timeout(seconds):
                answer = await worker._receive()
        except TimeoutError:
            await worker.close()
            raise _Crash(f"its model was not loaded after {seconds:.0f} s") from None
        except BaseException:
            await worker.close()
            raise
        if not isinstance(answer, Ready):
            await worker.close()
            failed = answer if isinstance(answer, Failed) else Failed("the embedder answered out of turn", "")
            raise SaleError(failed.message, failed.hint)
        worker.ready = answer
        worker._receiving = asyncio.create_task(worker._serve())
        return worker

    async def embed(self, texts: list[str], seconds: float) -> list[list[float]]:
        """Vectors of the texts. Raises _Crash."""
        if self._receiving is None or self._receiving.done():
            raise _Crash(self._last_words())
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            self._writer.write(frame(Request(number, texts)))
            async with asyncio.timeout(seconds):
                body = await future
        except TimeoutError:
            raise _Crash(f"it did not answer within {seconds:.0f} s") from None
        except OSError as error:
            raise _Crash(str(error)) from error
        finally:
            self._pending.pop(number, None)
        values = array.array("f", body)
        if sys.byteorder == "big":
            values.byteswap()
        return [values[at : at + DIMENSIONS].tolist() for at in range(0, len(values), DIMENSIONS)]

    async def close(self) -> None:
        """End the process; safe to call twice."""
        if self._receiving is not None:
            self._receiving.cancel()
        if hasattr(self, "_writer"):
            self._writer.close()
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
        self._log.close()

    async def _serve(self) -> None:
        try:
            while True:
                answer = await self._receive()
                future = self._pending.get(answer.id) if isinstance(answer, Reply) else None
                if isinstance(answer, Reply) and future is not None and not future.done():
                    future.set_result(answer.vectors)
        except _Crash as crash:
            self._fail(str(crash))
        finally:
            self._fail("it was ended")

    def _fail(self, reason: str) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(_Crash(reason))

    async def _receive(self) -> Answer:
        try:
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            return _answers.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self.process.wait, 1.0)
            raise _Crash(self._last_words()) from error

    def _last_words(self) -> str:
        code = self.process.poll()
        ended = "still running" if code is None else f"ended with status {code}"
        if code is not None and code < 0:
            ended = f"ended by signal {-code}"
        if self._log.closed:
            return ended
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 2000))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"{ended}: {lines[-1]}" if lines else ended
