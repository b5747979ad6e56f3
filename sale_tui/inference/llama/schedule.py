"""Continuous batching: every step takes in new requests, then decodes all sequences together in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.inference.llama.cells import LEAST_SHARED, Ints, Slot, Table, common_prefix
from sale_tui.inference.llama.protocol import Failed, Frame, Marked, Piece, Written
from sale_tui.inference.llama.sampling import Floats, Reader, Sampler
from sale_tui.inference.llama.turn import PIECE_SECONDS, Turn
from sale_tui.ports import Generate, MarkReading
from sale_tui.types import Usage

if TYPE_CHECKING:
    from sale_tui.inference.llama.library import Model, Row

CHUNK = 256
"""Prompt tokens of one sequence, or of all beside running ones, in one step: a cancellation may wait for it."""
BATCH = 2 * CHUNK
"""Prompt tokens of one step while nobody waits for a next token."""
KEPT = 6
"""Finished sequences that stay for their prefixes. More would slow attention down: it looks at every used cell."""

DONE, NO_ROOM = 0, 1
"""Statuses of a decode; 2 is one that was stopped, whose tokens llama.cpp has taken back; the rest are failures."""

Send = Callable[[Frame], None]


class Job(Protocol):
    """One sequence's work."""

    call: int
    prompt: Ints
    extra: int
    """Most tokens that it may add to the prompt."""
    slot: Slot | None
    fed: int
    """Tokens of the slot that should be decoded before logits are read."""

    def read(self, logits: Floats, reader: Reader) -> bool:
        """Take the logits after the last token; True when the work is done."""
        ...

    def keep(self) -> int:
        """How many leading tokens are worth keeping."""
        ...

    def flush(self, now: float) -> None:
        """Send what is due."""
        ...


class WriteJob:
    """Writes one assistant turn."""

    def __init__(self, call: int, request: Generate, prompt: Ints, turn: Turn, tools: WriteTools) -> None:
        self.call = call
        self.prompt = prompt
        self.extra = min(request.max_tokens, tools.room - len(prompt))
        self.slot: Slot | None = None
        self.fed = len(prompt)
        self._ends = tools.ends
        self._send = tools.send
        self._turn = turn
        self._sampler = Sampler(request.sampling)
        self._began = time.monotonic()
        self._sent = 0.0

    def read(self, logits: Floats, reader: Reader) -> bool:
        """Draw the next token."""
        slot = self.slot
        if slot is None:
            raise RuntimeError("a turn without a sequence")
        token = self._sampler.draw(logits)
        if token in self._ends:
            return self._finish("end")
        self._turn.add(token, reader.entropy(logits))
        if len(self._turn.tokens) >= self.extra:
            return self._finish("length")
        slot.tokens[self.fed] = token
        self.fed += 1
        return False

    def _finish(self, stop: Literal["end", "length"]) -> bool:
        self._turn.finish()
        self._flush()
        shared = self.slot.shared if self.slot else 0
        seconds = time.monotonic() - self._began
        usage = Usage(prompt_tokens=len(self.prompt), cached_tokens=shared, seconds=seconds)
        self._send(Written(call=self.call, completion=self._turn.completion(stop, usage)))
        return True

    def keep(self) -> int:
        """Prompt and turn: the next step of a run begins with both."""
        return self.slot.length if self.slot else 0

    def flush(self, now: float) -> None:
        """Send pieces, 20 times a second at most."""
        if now - self._sent >= PIECE_SECONDS:
            self._flush()
            self._sent = now

    def _flush(self) -> None:
        for chunk in self._turn.take():
            self._send(
                Piece(
                    call=self.call,
                    text=chunk.text,
                    channel=chunk.channel,
                    tokens=chunk.tokens,
                    entropy_sum=chunk.entropy,
                )
            )


class WriteTools:
    """What all turns of a model share."""

    def __init__(self, send: Send, ends: frozenset[int], room: int) -> None:
        self.send = send
        self.ends = ends
        self.room = room
        """Longest sequence, in tokens."""


class MarkCall:
    """Collects the readings of one call's prompts."""

    def __init__(self, call: int, prompts: Sequence[Ints], digits: list[int], send: Send) -> None:
        self._call = call
        self._send = send
        self._began = time.monotonic()
        self._readings: list[MarkReading | None] = [None] * len(prompts)
        shared = min((common_prefix(prompts[0], prompt) for prompt in prompts), default=0)
        self.jobs = [MarkJob(call, index, prompt, shared, self) for index, prompt in enumerate(prompts)]
        self.digits = digits

    def take(self, index: int, reading: MarkReading) -> None:
        """One prompt is read; the last one sends all."""
        self._readings[index] = reading
        done = [found for found in self._readings if found is not None]
        if len(done) < len(self._readings):
            return
        share = (time.monotonic() - self._began) / len(done)
        timed = tuple(
            MarkReading(probabilities=found.probabilities, mass=found.mass, usage=found.usage + Usage(seconds=share))
            for found in done
        )
        self._send(Marked(call=self._call, readings=timed))


class MarkJob:
    """Reads the digits after one prompt."""

    extra = 0

    def __init__(self, call: int, index: int, prompt: Ints, shared: int, group: MarkCall) -> None:
        self.call = call
        self.prompt = prompt
        self.slot: Slot | None = None
        self.fed = len(prompt)
        self._index = index
        self._shared = shared
        self._group = group

    def read(self, logits: Floats, reader: Reader) -> bool:
        """Read the six digits; always done."""
        raw = reader.probabilities(logits, self._group.digits)
        mass = sum(raw)
        zero, one, two, three, four, five = (value / mass if mass > 0.0 else 1.0 / 6.0 for value in raw)
        cached = self.slot.shared if self.slot else 0
        usage = Usage(prompt_tokens=len(self.prompt), cached_tokens=cached)
        self._group.take(
            self._index,
            MarkReading(probabilities=(zero, one, two, three, four, five), mass=min(mass, 1.0), usage=usage),
        )
        return True

    def keep(self) -> int:
        """What the prompts of this call share: the task; the plans will not come again."""
        return min(self._shared, self.slot.length) if self.slot else 0

    def flush(self, now: float) -> None:
        """Nothing is sent before the end."""


class Batcher:
    """Decodes all jobs of one model together."""

    def __init__(self, model: Model, row: type[Row], *, sequences: int, slots: int, send: Send) -> None:
        self._model = model
        self._row = row
        self._sequences = sequences
        self._send = send
        self._reader = Reader(model.vocabulary.size)
        self.table = Table(model, slots=slots, cells=model.cells, kept=slots - sequences)
        self._waiting: list[Job] = []
        self._active: list[Job] = []
        self._now: frozenset[int] = frozenset()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._active

    @property
    def computing(self) -> frozenset[int]:
        """Calls of the decode that is under way; may be read from any thread."""
        return self._now

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take new work."""
        self._waiting += jobs

    def cancel(self, calls: set[int]) -> None:
        """Drop all work of some calls; what they have computed stays as a prefix."""
        self._waiting = [job for job in self._waiting if job.call not in calls]
        for job in [job for job in self._active if job.call in calls]:
            self._retire(job)

    def step(self) -> None:
        """Admit, decode once, read."""
        holds = self._admit()
        rows, jobs = self._rows(holds)
        if not rows:
            return
        self._now = frozenset(job.call for job in jobs)
        status = self._model.decode(rows)
        self._now = frozenset()
        if status == DONE:
            self._harvest(rows, jobs)
        elif status == NO_ROOM:
            self._starved()
        elif status < 0:
            raise ModelFault(
                f"llama.cpp failed to compute (status {status})", "its log says why; is there memory left?"
            )

    def _admit(self) -> dict[int, int]:
        """Give waiting jobs their sequences, in order. Returns where slots pause for others to share their prefix."""
        holds: dict[int, int] = {}
        for job in list(self._waiting):
            if len(self._active) >= self._sequences:
                break
            leader, shared = self._leader(job)
            if leader is not None:
                holds[leader.number] = min(shared, holds.get(leader.number, shared))
                continue
            job.slot = self.table.open(job.prompt, job.extra)
            if job.slot is None:
                if not self._active:
                    self._refuse(job)
                    continue
                break
            self._waiting.remove(job)
            self._active.append(job)
        return holds

    def _leader(self, job: Job) -> tuple[Slot | None, int]:
        """A sequence that is about to decode what this job could share, and how much of it."""
        for other in self._active:
            slot = other.slot
            if slot is None or slot.length >= len(other.prompt):
                continue
            shared = common_prefix(other.prompt, job.prompt[:-1])
            if shared >= slot.length + LEAST_SHARED:
                return slot, shared
        return None, 0

    def _refuse(self, job: Job) -> None:
        """Even alone it does not fit, which the length check should have caught."""
        self._waiting = [other for other in self._waiting if other.call != job.call]
        self._send(
            Failed(
                call=job.call,
                message=f"a prompt of {len(job.prompt)} tokens does not fit {self.table.cells} cells",
                hint="raise `context` in the pool file",
                too_long=True,
            )
        )

    def _rows(self, holds: dict[int, int]) -> tuple[list[Row], list[Job]]:
        """First the next token of every running turn, then prompts as far as the step's budget goes."""
        rows: list[Row] = []
        jobs: list[Job] = []
        running = any(job.slot is not None and job.slot.length >= len(job.prompt) for job in self._active)
        budget = CHUNK if running else BATCH
        ordered = sorted(self._active, key=lambda job: job.slot is not None and job.slot.length < len(job.prompt))
        for job in ordered:
            slot = job.slot
            if slot is None:
                continue
            begin = slot.length
            end = min(job.fed, begin + min(CHUNK, budget), holds.get(slot.number, job.fed))
            if end <= begin:
                continue
            if begin < len(job.prompt):
                budget -= end - begin
            rows.append(self._row(slot.number, begin, slot.tokens[begin:end], end == job.fed))
            jobs.append(job)
        return rows, jobs

    def _harvest(self, rows: list[Row], jobs: list[Job]) -> None:
        now = time.monotonic()
        index = -1
        for row, job in zip(rows, jobs, strict=True):
            index += len(row.tokens)
            if job.slot is None:
                continue
            self.table.grow(job.slot, len(row.tokens))
            if row.read and job.read(self._model.logits(index), self._reader):
                self._retire(job)
            else:
                job.flush(now)

    def _retire(self, job: Job) -> None:
        self._active.remove(job)
        if job.slot is not None:
            self.table.close(job.slot, job.keep())
            job.slot = None

    def _starved(self) -> None:
        """llama.cpp found no room though the ledger did: give it all that is only kept."""
        kept = self.table.cached
        if not kept:
            raise ModelFault("llama.cpp has no room in its memory though there should be", "lower `context`")
        for slot in kept:
            self.table.drop(slot)


def check_length(prompt: Sequence[int], room: int) -> Ints:
    """The prompt as an array, if at least one token fits behind it. Raises PromptTooLong."""
    if len(prompt) + 1 > room:
        raise PromptTooLong(
            f"the prompt has {len(prompt)} tokens, {len(prompt) + 1 - room} more than the context of {room} holds",
            "raise `context` in the pool file, or give a shorter task",
        )
    if not prompt:
        raise ModelFault("the chat template renders these messages to nothing", "use another GGUF file of this model")
    return np.asarray(prompt, np.int32)
