"""``ports.ChatModel`` over a worker process with llama.cpp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.inference.gguf import read_header
from sale_tui.inference.llama.cores import Cores
from sale_tui.inference.llama.link import WorkerLink
from sale_tui.inference.llama.protocol import (
    Cancel,
    Count,
    Counted,
    Failed,
    Load,
    Mark,
    Marked,
    Piece,
    Reply,
    Threads,
    Write,
    Written,
)
from sale_tui.ports import Completion, Delta, Generate, MarkReading, Message
from sale_tui.types import AgentSpec, ModelFacts, ToolSpec

ALL_LAYERS = -1


class LlamaModel:
    """One GGUF file in a worker of its own.

    A worker that has ended stays lost: every call raises ModelFault, until ``load`` starts a fresh one.
    """

    def __init__(
        self,
        spec: AgentSpec,
        *,
        sequences: int = 8,
        threads: int = 1,
        cores: Cores | None = None,
        gpu_layers: int = ALL_LAYERS,
        cache: Path | None = None,
        load_seconds: float = 900.0,
    ) -> None:
        """``sequences`` are decoded together; ``cores`` changes ``threads`` as workers begin and end to compute.

        A worker that has not loaded after ``load_seconds`` counts as hung; calls bring their own deadlines.
        """
        self._spec = spec
        self._sequences = sequences
        self._threads = threads
        self._cores = cores
        self._gpu_layers = gpu_layers
        self._cache = cache
        self._load_seconds = load_seconds
        self._link: WorkerLink | None = None
        self._facts: ModelFacts | None = None
        self._loading = asyncio.Lock()

    @property
    def spec(self) -> AgentSpec:
        """The agent that this model bids as."""
        return self._spec

    @property
    def pid(self) -> int | None:
        """The worker's process, if there is one."""
        return self._link.pid if self._link else None

    @property
    def parameters(self) -> int:
        """Size of the model; 0 before it is loaded."""
        return self._facts.parameters if self._facts else 0

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of llama.cpp's log."""
        return self._link.log if self._link else ()

    async def load(self) -> ModelFacts:
        """Load the file, in a fresh worker if the last one was lost. Raises ModelFault."""
        async with self._loading:
            if self._facts is not None and self._link is not None and self._link.fault is None:
                return self._facts
            await self._end()
            await asyncio.to_thread(read_header, Path(self._spec.model))
            self._link = link = await WorkerLink.start(self._spec.name)
            try:
                self._facts = await self._load(link)
            except BaseException:
                link.condemn(ModelFault(f"{self._spec.name}: its load was broken off"))
                await asyncio.shield(link.close())
                raise
            return self._facts

    async def _load(self, link: WorkerLink) -> ModelFacts:
        link.send(
            Load(
                path=self._spec.model,
                context=self._spec.context,
                sequences=self._sequences,
                threads=self._threads,
                gpu_layers=self._gpu_layers,
                sha256=self._spec.sha256,
                cache=str(self._cache) if self._cache else None,
            )
        )
        try:
            async with asyncio.timeout(self._load_seconds):
                return (await asyncio.shield(link.loaded)).facts
        except TimeoutError:
            raise self._hung(link, "did not load", self._load_seconds) from None

    def _hung(self, link: WorkerLink, what: str, seconds: float) -> ModelFault:
        hint = "a smaller model or context is quicker; the other agents go on"
        link.condemn(ModelFault(f"{self._spec.name} {what} within {seconds:g} s; its worker was ended", hint))
        return link.fault or ModelFault(what)

    async def _ready(self) -> WorkerLink:
        if self._link is None:
            await self.load()
        link = self._link
        if link is None:
            raise ModelFault(f"{self._spec.name} is closed")
        if link.fault is not None:
            raise link.fault
        return link

    async def generate(self, request: Generate) -> AsyncIterator[Delta | Completion]:
        """Stream one turn; closing the iterator cancels within one decode step. Raises ModelFault, PromptTooLong."""
        link = await self._ready()
        call, replies = self._open(link)
        deadline = asyncio.get_running_loop().time() + request.deadline_seconds
        done = False
        try:
            link.send(Write(call=call, request=_clean_request(request)))
            while not done:
                reply = await self._next(link, replies, deadline, request.deadline_seconds)
                done = not isinstance(reply, Piece)
                yield _item(reply)
        finally:
            self._forget(link, call, done)

    async def _next(self, link: WorkerLink, replies: asyncio.Queue[Reply], deadline: float, seconds: float) -> Reply:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await replies.get()
        except TimeoutError:
            raise self._hung(link, "did not answer", seconds) from None
        if isinstance(reply, Failed):
            if link.fault is not None:
                raise link.fault
            family = PromptTooLong if reply.too_long else ModelFault
            raise family(f"{self._spec.name}: {reply.message}", reply.hint)
        return reply

    def _open(self, link: WorkerLink) -> tuple[int, asyncio.Queue[Reply]]:
        opened = link.open_call()
        if self._cores is not None:
            self._cores.enter(self)
        return opened

    def _forget(self, link: WorkerLink, call: int, done: bool) -> None:
        link.close_call(call)
        if self._cores is not None:
            self._cores.leave(self)
        if not done and link.fault is None:
            link.send(Cancel(call=call))

    async def mark(
        self,
        prompts: Sequence[tuple[Message, ...]],
        prefix: str,
        tools: tuple[ToolSpec, ...],
        deadline_seconds: float = 300.0,
    ) -> list[MarkReading]:
        """Likelihoods of the digits 0-5 after ``prefix``, one reading a prompt. Raises ModelFault, PromptTooLong."""
        if not prompts:
            return []
        cleaned = tuple(tuple(map(_clean, messages)) for messages in prompts)
        link = await self._ready()
        call, replies = self._open(link)
        command = Mark(call=call, prompts=cleaned, prefix=prefix, tools=tools)
        reply = await self._ask(link, command, replies, deadline_seconds)
        if not isinstance(reply, Marked):
            raise ModelFault(f"{self._spec.name}: its worker answered a mark with something else")
        return list(reply.readings)

    async def count_tokens(
        self, messages: tuple[Message, ...], tools: tuple[ToolSpec, ...], deadline_seconds: float = 60.0
    ) -> int:
        """Tokens of the rendered prompt. Raises ModelFault."""
        link = await self._ready()
        call, replies = self._open(link)
        command = Count(call=call, messages=tuple(map(_clean, messages)), tools=tools)
        reply = await self._ask(link, command, replies, deadline_seconds)
        if not isinstance(reply, Counted):
            raise ModelFault(f"{self._spec.name}: its worker answered a count with something else")
        return reply.tokens

    async def _ask(
        self, link: WorkerLink, command: Mark | Count, replies: asyncio.Queue[Reply], seconds: float
    ) -> Reply:
        deadline = asyncio.get_running_loop().time() + seconds
        done = False
        try:
            link.send(command)
            reply = await self._next(link, replies, deadline, seconds)
            done = True
            return reply
        finally:
            self._forget(link, command.call, done)

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from the next decode on."""
        if self._link is not None and self._link.fault is None:
            self._link.send(Threads(threads=threads))

    async def close(self) -> None:
        """End the worker; safe to call twice."""
        async with self._loading:
            await self._end()

    async def _end(self) -> None:
        link, self._link, self._facts = self._link, None, None
        if self._cores is not None:
            self._cores.forget(self)
        if link is not None:
            await link.close()


def _item(reply: Reply) -> Delta | Completion:
    match reply:
        case Piece(text=text, channel=channel, tokens=tokens, entropy_sum=entropy):
            return Delta(text=text, channel=channel, tokens=tokens, entropy_sum=entropy)
        case Written(completion=completion):
            return completion
        case _:
            raise ModelFault("a worker answered a turn with something else")


def _literal(text: str) -> str:
    """The text without lone surrogates, which no encoding carries."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _clean(message: Message) -> Message:
    return Message(
        role=message.role,
        content=_literal(message.content),
        part=message.part,
        fields={name: _literal(text) for name, text in message.fields.items()},
        tokens=message.tokens,
    )


def _clean_request(request: Generate) -> Generate:
    return Generate(
        messages=tuple(map(_clean, request.messages)),
        tools=request.tools,
        sampling=request.sampling,
        max_tokens=request.max_tokens,
        thinking=request.thinking,
        deadline_seconds=request.deadline_seconds,
    )
