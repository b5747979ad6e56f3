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
    SandboxLimits,
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


StopReason = Literal["timeout", "memory", "tasks", "disk", "files", "output", "policy", "crash"]
"""Why the sandbox ended a program, or did not let it begin."""


class ExecRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One program for the sandbox. Everything in it comes from our own code or the user, but for what ``argv`` says."""

    argv: tuple[str, ...]
    """Taken literally, no shell. A bare name is looked for in the sandbox's own PATH; ``python3`` is always there."""
    workspace: Path
    """Shown as /workspace, where the program starts: a folder below the sandbox's own base, or one the user named."""
    timeout_seconds: float = 30.0
    """Wall time."""
    stdin: bytes = b""
    """All of its input, of ``run`` alone: a started process is written to."""
    pieces: AsyncIterator[bytes] | None = None
    """In place of ``stdin``: the input as it comes, for as long as the program lives."""
    net: bool = False
    """Share the host's network, its loopback included. Only ever by the user's word."""
    read_only: bool = False
    """The workspace can be read but not written."""
    limits: SandboxLimits | None = None
    """In place of the sandbox's own."""
    files: dict[str, bytes] = {}
    """Shown read-only as /run/NAME; names are plain (no slash)."""
    readable: tuple[Path, ...] = ()
    """Folders of this machine shown read-only at their own paths, for programs of ours: never named by a model."""
    environment: dict[str, str] = {}
    """Added to the few names that every program sees; never a secret."""


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one sandboxed program."""

    stdout: str
    """Decoded, head and tail where it was too long. Empty for a started process, whose output was read from it."""
    stderr: str
    exit: int | None
    """By the sandbox's own word: 128 + signal where a signal ended it, None where the sandbox did."""
    signal: int | None = None
    """What ended it: by its own fault, or 9 where the sandbox did."""
    reason: StopReason | None = None
    """None where it ended by itself."""
    tier: SandboxTier = "full"
    limits: SandboxLimits | None = None
    """Those that were in force."""
    truncated: int = 0
    """Bytes of output that were not kept."""
    wall_s: float = 0.0


class Output(msgspec.Struct, frozen=True):
    """A piece of what a started process has written."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class SandboxedProcess(Protocol):
    """A program that is under way. Whoever started it must ``kill`` or ``wait``; both are safe to call again.

    It is under the same limits and the same watch as every run. What is not read holds it up, as with any pipe. One
    that writes more than ``limits.drained_bytes`` without being written to in between is stopped (``output``).
    """

    async def write(self, data: bytes) -> None:
        """To its standard input, as soon as it takes it. Raises BrokenPipeError where it has ended or closed it."""
        ...

    async def close_input(self) -> None:
        """End of its standard input."""
        ...

    async def read(self) -> Output | None:
        """The next piece (at most 64 KiB) of either stream, in order of arrival; None when both have ended."""
        ...

    async def wait(self) -> ExecResult:
        """Until it has ended by itself or a limit was met; nothing of its tree is left then. Cancelling kills it."""
        ...

    async def kill(self, reason: StopReason | None = None) -> ExecResult:
        """End its whole tree now; ``reason`` stands in the result unless it had already ended."""
        ...


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

    @property
    def limits(self) -> SandboxLimits:
        """Of a run that asks for no others."""
        ...

    async def run_python(self, code: str, workspace: Path, timeout_seconds: float) -> ExecResult:
        """Run a Python program in the workspace. Raises NoSandbox; cancelling it kills the whole tree."""
        ...

    async def run(self, request: ExecRequest) -> ExecResult:
        """Run any program to its end. Raises NoSandbox; cancelling it kills the whole tree."""
        ...

    async def start(self, request: ExecRequest) -> SandboxedProcess:
        """Start a program to talk to. Its ``timeout_seconds`` bound its whole life, however long. Raises NoSandbox."""
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
