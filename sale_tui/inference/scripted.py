"""A model that plays a script: deterministic, without weights. For tests and demos.

A script is a TOML file of ``[[turn]]`` and ``[[mark]]`` entries; the first entry that matches a request answers it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import tomllib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from sale_tui.errors import ConfigurationFault, ModelFault, PromptTooLong
from sale_tui.ports import Completion, Delta, Generate, MarkReading, Message
from sale_tui.types import AgentSpec, ModelFacts, ToolSpec, Usage

Pause = Callable[[float], Awaitable[object]]
"""Waits so many seconds; tests inject their own."""

VOCABULARY = 1 << 16
USUAL_ENTROPY = 0.5


class ScriptTurn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written when a request matches. Fields that are left out match everything."""

    agent: str = ""
    part: str = ""
    """Part of the last user message that has one: ``bid``, ``refine``, ``execute``."""
    task: str = ""
    """Occurs in the task."""
    step: int = 0
    """Which turn of a run this is, from 1; 0 matches all."""
    times: int = 0
    """How often this entry answers before it matches no more; 0: always."""
    text: str = ""
    thinking: str = ""
    entropy: tuple[float, ...] = (USUAL_ENTROPY,)
    """Nats of the tokens, repeated as needed."""
    delay: float = 0.0
    """Seconds before each token."""
    fault: str = ""
    """Raise ModelFault with these words after ``tokens`` tokens; the model is lost then."""
    hang: bool = False
    """After ``tokens`` tokens, wait until cancelled or the deadline has passed."""
    tokens: int = 0


class ScriptMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mark of a plan that matches."""

    agent: str = ""
    task: str = ""
    plan: str = ""
    """Occurs in the plan."""
    mark: Annotated[float, msgspec.Meta(ge=0, le=5)] = 3.0
    """The expected value; its neighbouring digits share the probability."""
    mass: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    fault: str = ""


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a scripted model does."""

    turn: tuple[ScriptTurn, ...] = ()
    mark: tuple[ScriptMark, ...] = ()
    load_fault: dict[str, str] = {}
    """Agent name to the words with which its load fails."""


def load_script(path: Path) -> Script:
    """Read a script file. Raises ConfigurationFault."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Script)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationFault(
            f"the script {path} cannot be read: {error}", "check `model` in the pool file"
        ) from error
    except msgspec.ValidationError as error:
        raise ConfigurationFault(f"the script {path} is wrong: {error}", "see the demo script of sale-tui") from error


def scripted_tokens(text: str) -> list[str]:
    """The pieces in which a scripted model writes: words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


class ScriptedModel:
    """``ports.ChatModel`` over a script."""

    def __init__(self, spec: AgentSpec, script: Script, *, pause: Pause = asyncio.sleep) -> None:
        self._spec = spec
        self._script = script
        self._pause = pause
        self._uses: dict[int, int] = {}
        self._lost: ModelFault | None = None

    @property
    def spec(self) -> AgentSpec:
        """The agent that this model bids as."""
        return self._spec

    async def load(self) -> ModelFacts:
        """Facts of the script; a lost model is there again. Raises ModelFault where the script says so."""
        if reason := self._script.load_fault.get(self._spec.name):
            raise ModelFault(f"{self._spec.name}: {reason}", "it is scripted so")
        self._lost = None
        identity = msgspec.json.encode(self._script) + self._spec.name.encode()
        return ModelFacts(
            sha256=hashlib.sha256(identity).hexdigest(),
            architecture="scripted",
            parameters=0,
            file_bytes=len(identity),
            vocabulary=VOCABULARY,
            context=self._spec.context,
            sequences=1,
            device="script",
            load_seconds=0.0,
        )

    async def generate(self, request: Generate) -> AsyncIterator[Delta | Completion]:
        """Write the first turn that matches, token by token. Raises ModelFault, PromptTooLong."""
        self._check()
        prompt = self._fit(request.messages, request.tools)
        turn = self._match(request)
        written = _Written(turn, request)
        deadline = asyncio.get_running_loop().time() + request.deadline_seconds
        for index, delta in enumerate(written.deltas()):
            await self._interrupt(turn, index, deadline)
            if turn.delay:
                await self._pause(turn.delay)
            yield delta
        if turn.tokens >= written.count:
            await self._interrupt(turn, turn.tokens, deadline)
        yield written.completion(prompt)

    async def _interrupt(self, turn: ScriptTurn, index: int, deadline: float) -> None:
        """Fail or hang where the script says so."""
        if index != turn.tokens:
            return
        if turn.fault:
            self._lost = ModelFault(f"{self._spec.name}: {turn.fault}", "it is scripted so")
            raise self._lost
        if turn.hang:
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.Event().wait()
            except TimeoutError:
                self._lost = ModelFault(f"{self._spec.name} did not answer before its deadline", "it is scripted so")
                raise self._lost from None

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _fit(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        count = _count(messages, tools)
        if count + 1 > self._spec.context:
            raise PromptTooLong(
                f"{self._spec.name}: the prompt has {count} tokens, the context holds {self._spec.context}",
                "raise `context` in the pool file, or give a shorter task",
            )
        return count

    def _match(self, request: Generate) -> ScriptTurn:
        part = next((message.part for message in reversed(request.messages) if _names_part(message)), "")
        step = 1 + sum(message.role == "assistant" for message in request.messages)
        task = _task(request.messages)
        for index, turn in enumerate(self._script.turn):
            used = self._uses.get(index, 0)
            if (
                turn.agent in ("", self._spec.name)
                and turn.part in ("", part)
                and turn.task in task
                and turn.step in (0, step)
                and (not turn.times or used < turn.times)
            ):
                self._uses[index] = used + 1
                return turn
        raise ModelFault(f"{self._spec.name}: the script has no turn for {part or 'this'} at step {step}", "add one")

    async def mark(
        self,
        prompts: Sequence[tuple[Message, ...]],
        prefix: str,
        tools: tuple[ToolSpec, ...],
        deadline_seconds: float = 300.0,  # noqa: ARG002 - there is no worker that could hang
    ) -> list[MarkReading]:
        """Marks by the script, at once. Raises ModelFault."""
        self._check()
        return [self._reading(messages, prefix, tools) for messages in prompts]

    def _reading(self, messages: tuple[Message, ...], prefix: str, tools: tuple[ToolSpec, ...]) -> MarkReading:
        count = self._fit(messages, tools) + len(scripted_tokens(prefix))
        task, plan = _task(messages), messages[-1].fields.get("plan", messages[-1].content)
        for entry in self._script.mark:
            if entry.agent in ("", self._spec.name) and entry.task in task and entry.plan in plan:
                if entry.fault:
                    self._lost = ModelFault(f"{self._spec.name}: {entry.fault}", "it is scripted so")
                    raise self._lost
                return MarkReading(
                    probabilities=spread_mark(entry.mark), mass=entry.mass, usage=Usage(prompt_tokens=count)
                )
        raise ModelFault(f"{self._spec.name}: the script has no mark for this plan", "add one")

    async def count_tokens(
        self,
        messages: tuple[Message, ...],
        tools: tuple[ToolSpec, ...],
        deadline_seconds: float = 60.0,  # noqa: ARG002 - there is no worker that could hang
    ) -> int:
        """Words of the messages, at once. Raises ModelFault."""
        self._check()
        return _count(messages, tools)

    async def close(self) -> None:
        """Nothing is held."""


def spread_mark(mark: float) -> tuple[float, float, float, float, float, float]:
    """Probabilities of the digits 0-5 whose expected value is ``mark``."""
    low = min(4, math.floor(mark))
    share = mark - low
    values = [0.0] * 6
    values[low], values[low + 1] = 1.0 - share, share
    zero, one, two, three, four, five = values
    return (zero, one, two, three, four, five)


class _Written:
    """The tokens of a scripted turn, as far as the request lets it write."""

    def __init__(self, turn: ScriptTurn, request: Generate) -> None:
        thinking = scripted_tokens(turn.thinking) if request.thinking else []
        text = scripted_tokens(turn.text)
        self._thinking = thinking[: request.max_tokens]
        self._text = text[: request.max_tokens - len(self._thinking)]
        self._whole = len(self._thinking) + len(self._text) == len(thinking) + len(text)
        cycle = turn.entropy or (USUAL_ENTROPY,)
        self._entropies = [cycle[index % len(cycle)] for index in range(len(self._text))]
        self.count = len(self._thinking) + len(self._text)

    def deltas(self) -> Iterator[Delta]:
        """One a token."""
        for piece in self._thinking:
            yield Delta(text=piece, channel="thinking", tokens=1, entropy_sum=USUAL_ENTROPY)
        for piece, entropy in zip(self._text, self._entropies, strict=True):
            yield Delta(text=piece, tokens=1, entropy_sum=entropy)

    def completion(self, prompt: int) -> Completion:
        """The end of the turn."""
        pieces = self._thinking + self._text
        return Completion(
            text="".join(self._text),
            thinking="".join(self._thinking),
            text_tokens=len(self._text),
            entropy=math.fsum(self._entropies) / len(self._text) if self._text else None,
            token_ids=tuple(zlib.crc32(piece.encode("utf-8", "replace")) % VOCABULARY for piece in pieces),
            stop="end" if self._whole else "length",
            usage=Usage(prompt_tokens=prompt, output_tokens=len(pieces), thinking_tokens=len(self._thinking)),
        )


def _names_part(message: Message) -> bool:
    return message.role == "user" and message.part not in ("", "task")


def _task(messages: Sequence[Message]) -> str:
    return next((message.content for message in messages if message.part == "task"), "")


def _count(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    texts = [message.content for message in messages if not message.tokens] + [tool.description for tool in tools]
    past = sum(len(message.tokens) for message in messages)
    return past + sum(len(scripted_tokens(text)) for text in texts)
