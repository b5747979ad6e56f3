"""Protocols between the auction and the world; implementations are wired in ``bootstrap`` alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from sale_tui.events import ApprovalAsked, AwardProposed, Event
from sale_tui.types import (
    AgentSpec,
    Approval,
    Award,
    ContrastPair,
    Kind,
    ModelFacts,
    Outcome,
    Sampling,
    SandboxTier,
    ToolSpec,
    Usage,
)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One chat message. All its text is literal: it can never become a control token."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    part: str = ""
    """Which part of the conversation this is (``task``, ``bid``, ``mark``, ``refine``, ``execute``);
    a chat template may render by it compactly, most ignore it."""
    fields: dict[str, str] = {}
    """The untrusted texts that ``content`` was made of, by name, for such a template."""
    tokens: tuple[int, ...] = ()
    """For an assistant's own past turn: the tokens it generated; they replace ``content``."""


class Generate(msgspec.Struct, frozen=True, kw_only=True):
    """A request to write one assistant turn."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    sampling: Sampling = Sampling()
    max_tokens: int = 512
    """Of output, thinking included."""
    thinking: bool = False
    deadline_seconds: float = 300.0
    """After which the model counts as hung and its worker is ended."""


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an assistant turn, coalesced to about 20 a second."""

    text: str
    channel: Literal["text", "thinking"] = "text"
    tokens: int = 0
    """Tokens of this piece."""
    entropy_sum: float | None = None
    """Sum of nats over this piece's tokens."""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an assistant turn; always the last item of ``ChatModel.generate``."""

    text: str
    """Without thinking and without the end token."""
    thinking: str = ""
    text_tokens: int = 0
    """|s|: tokens of ``text``."""
    entropy: float | None = None
    """Mean nats per token of ``text``: full-vocabulary softmax of the raw logits (paper.md section 5)."""
    token_ids: tuple[int, ...] = ()
    """All generated tokens without the end token, for ``Message.tokens``."""
    stop: Literal["end", "length"] = "end"
    usage: Usage = Usage()


class MarkReading(msgspec.Struct, frozen=True, kw_only=True):
    """One juror's reading of one plan."""

    probabilities: tuple[float, float, float, float, float, float]
    """Of the digits 0-5, normalised over them."""
    mass: float
    """What the six digits have together of the whole vocabulary."""
    usage: Usage = Usage()


class ChatModel(Protocol):
    """One model of the pool. Calls may run concurrently: they are batched in one context."""

    @property
    def spec(self) -> AgentSpec:
        """The agent that this model bids as."""
        ...

    async def load(self) -> ModelFacts:
        """Load once; later calls return the same facts. Raises ModelFault."""
        ...

    def generate(self, request: Generate) -> AsyncIterator[Delta | Completion]:
        """Stream one turn; closing the iterator cancels within one decode step. Raises ModelFault, PromptTooLong."""
        ...

    async def mark(
        self,
        prompts: Sequence[tuple[Message, ...]],
        prefix: str,
        tools: tuple[ToolSpec, ...],
        deadline_seconds: float = 300.0,
    ) -> list[MarkReading]:
        """Likelihoods of the digits 0-5 after ``prefix``, a reading a prompt, in one pass. Raises ModelFault.

        A worker that has not answered after ``deadline_seconds`` counts as hung.
        """
        ...

    async def count_tokens(
        self, messages: tuple[Message, ...], tools: tuple[ToolSpec, ...], deadline_seconds: float = 60.0
    ) -> int:
        """Tokens of the rendered prompt. Raises ModelFault; ``deadline_seconds`` as for marks."""
        ...

    async def close(self) -> None:
        """End the worker; safe to call twice."""
        ...


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def name(self) -> str:
        """Identifies the vector space; vectors of different names are never compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One normalised vector a text. Raises SaleError if the embedder cannot be loaded."""
        ...

    async def close(self) -> None:
        """End the worker; safe to call twice."""
        ...


class Memory(Protocol):
    """The auction memory."""

    def write(self, event: Event) -> None:
        """Store an event durably before it is shown."""
        ...

    async def recall(self, text: str, author_sha256: str, neighbours: int) -> list[ContrastPair]:
        """Pairs of the nearest past tasks, nearest first, at least one plan of each by that model file (paper.md 1.5).

        Raises SaleError where no embedding can be had.
        """
        ...

    async def remember(self, auction: str) -> int:
        """Embed an awarded auction's task so that later ones recall it; how many can be recalled now.

        Raises SaleError where no embedding can be had; a later call then makes up for it.
        """
        ...

    async def nearest_kind(self, text: str) -> tuple[Kind, list[tuple[str, Kind, float]]]:
        """Kind of the nearest labelled examples, with those (text, kind, cosine).

        Raises SaleError where no embedding can be had; ``kind_words.kind_by_words`` guesses then.
        """
        ...

    def set_outcome(self, auction: str, outcome: Outcome) -> None:
        """Store whether the answer was right, once the auction's session is over; adds an OutcomeSet to its log."""
        ...

    def close(self) -> None:
        """Close the database."""
        ...


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one sandboxed command."""

    stdout: str
    stderr: str
    exit: int | None
    signal: int | None = None
    reason: Literal["timeout", "memory", "tasks", "disk", "files", "output", "policy", "crash"] | None = None
    tier: SandboxTier = "full"
    truncated: int = 0
    """Bytes of output that were not kept."""
    wall_s: float = 0.0


class Sandbox(Protocol):
    """Runs code that nobody has read. Never falls back to running it bare."""

    @property
    def tier(self) -> SandboxTier:
        """How far it isolates; ``none`` runs nothing."""
        ...

    @property
    def advice(self) -> str:
        """One line: what is wrong and what to type, where the tier is not ``full``."""
        ...

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        """Run a program in the workspace. Raises NoSandbox; cancelling it kills the whole tree."""
        ...


class Human(Protocol):
    """Whoever may overrule."""

    async def choose_kind(self, proposed: Kind) -> Kind:
        """The kind to use; headless returns the proposal at once."""
        ...

    async def decide(self, proposal: AwardProposed) -> Award:
        """Accept or overrule before the deadline; headless accepts at once."""
        ...

    @property
    def asks(self) -> bool:
        """Whether there is somebody; else every answer is what holds without one."""
        ...

    async def approve(self, question: ApprovalAsked) -> Approval:
        """Whether a call may be made; waits as long as it takes. Headless denies at once."""
        ...


class Clock(Protocol):
    """Time, so that tests and replays can own it."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...
