"""The values of an auction: frozen, without identity, storage or behaviour.

Ids, times and rows belong to events, memory and session. Every type here round-trips through JSON.
"""

from __future__ import annotations

from typing import Annotated, Literal, dataclass_transform

import msgspec

Kind = Literal["search", "coding"]
"""What a task asks for: an answer found in documents, or an answer computed by code."""

Round = Literal["first", "refined"]
"""Which bid of an agent: its own first one, or the one refined from memory (paper section 3)."""

Outcome = Literal["passed", "failed", "unknown"]
"""Whether the executed answer was right. ``unknown`` is never counted as solved."""

MEGABYTE = 1024 * 1024

SandboxTier = Literal["strong", "full", "reduced", "none", "unsafe"]
"""How far tool code is isolated. ``none``: no code runs at all. ``unsafe``: not at all, by a flag of that launch."""

ApprovalAction = Literal["allow", "ask", "deny"]
"""What a rule says of the calls that it stands for."""

ApprovalAnswer = Literal["once", "run", "always", "deny"]
"""What somebody who is asked may answer; ``run``: for the rest of this run."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all values: immutable, keyword-only, strict when read back."""


class Sampling(Value):
    """How tokens are drawn. Temperature 0 is greedy."""

    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    min_p: float = 0.0
    seed: int = 0


class AgentSpec(Value):
    """One bidder of a pool, as its pool file describes it."""

    name: str
    model: str
    """Absolute path of a GGUF file, a hub reference, or an endpoint."""
    price: float
    """Dollars per million tokens."""
    price_estimated: bool = False
    """True where the pool file gives no price; shown with ≈."""
    context: int = 8192
    """Tokens of context that one sequence may use."""
    bidding: Sampling = Sampling()
    execution: Sampling = Sampling(temperature=0.6, top_p=0.95)
    thinking: bool = True
    """Whether execution uses the model's thinking mode (bids and marks never do)."""
    sha256: str | None = None
    """Expected hash of the model file."""


class Weights(Value):
    """w = (w_c, w_h, w_1..w_A) of paper section 2."""

    cost: float
    entropy: float
    jury: dict[str, float]
    """Agent name to the weight of its marks."""


class Scales(Value):
    """What each raw feature is divided by before it is weighed."""

    cost: float
    """Of price times tokens (dollars per million tokens, times tokens)."""
    entropy: float
    """Of nats."""
    mark: float = 5.0


class Task(Value):
    """What the user asked."""

    text: str
    kind: Kind


class AuctionRules(Value):
    """The ``[auction]`` table of a pool file: everything that scoring and refinement are set by."""

    weights: Weights
    """Before thrift: the value weights are divided by thrift when a bid is scored (paper.md section 2)."""
    scales: Scales
    thrift: float = 1.0
    """The one knob: the scored value weights are rescaled to sum to 1 / thrift."""
    neighbours: int = 8
    """k: past tasks recalled for a refinement."""
    marks: Literal["expected", "integer"] = "expected"
    plan_tokens: int = 400
    """Longest plan that an agent may write."""


class Pool(Value):
    """A pool file, resolved: paths are absolute, prices are known."""

    name: str
    path: str
    agents: tuple[AgentSpec, ...]
    """Cheapest first; equal prices by name."""
    rules: AuctionRules
    corpus: str | None = None
    """Folder of documents that ``search`` uses unless the user names another."""
    tools: tuple[str, ...] = ()
    """Names of the tools that its agents are offered; empty: those that the task's kind needs."""
    samples: tuple[Task, ...] = ()
    """Tasks that the first screen offers."""
    note: str = ""
    """What a user should know of this pool, e.g. that it knows only its own small world."""


class ModelFacts(Value):
    """What a loaded model says of itself."""

    sha256: str
    architecture: str
    parameters: int
    file_bytes: int
    vocabulary: int
    context: int
    """Tokens of context in all, shared by every sequence."""
    sequences: int
    """How many sequences are decoded together."""
    device: str
    """Where it computes: ``CPU``, ``CUDA``, ``Metal`` ..."""
    load_seconds: float
    notes: tuple[str, ...] = ()
    """Plain words on what was adapted, e.g. an avoided crash."""


class Usage(Value):
    """Tokens and seconds that one call, or a sum of calls, has used."""

    prompt_tokens: int = 0
    """Tokens of the prompt, cached ones included."""
    cached_tokens: int = 0
    """Of these, tokens whose computation was reused."""
    output_tokens: int = 0
    """Generated tokens, thinking included, end token excluded."""
    thinking_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            thinking_tokens=self.thinking_tokens + other.thinking_tokens,
            seconds=self.seconds + other.seconds,
        )


class Bid(Value):
    """One plan with everything that scoring reads, as in the auction record."""

    agent: str
    price: float
    round: Round
    plan: str
    tokens: int
    """Length |s| of the plan: without the end token and without thinking."""
    entropy: float | None
    """Mean nats per token of the plan; None where the backend gives none."""
    marks: dict[str, float]
    """Juror name to mark in 0..5, exactly the numbers that are scored."""
    recalled: tuple[str, ...] = ()
    """Auction ids whose plans were shown for this refinement."""


class Terms(Value):
    """The weighed parts of a total: total = cost - entropy - Σ jury."""

    cost: float
    entropy: float
    jury: dict[str, float]


class Scorecard(Value):
    """A bid's numbers; all None where the bid has no mark and so is not eligible."""

    agent: str
    round: Round
    eligible: bool
    cost: float | None
    value: float | None
    total: float | None
    terms: Terms | None
    imputed: tuple[str, ...] = ()
    """What was missing and filled in: ``entropy``, ``mark:<juror>``."""


class Flip(Value):
    """The least relative change of one weight that would hand the award to the runner-up."""

    term: str
    """``cost``, ``entropy`` or ``jury:<juror>``."""
    weight: float
    delta: float
    """weight + delta flips the award (strictly beyond it)."""


class Explanation(Value):
    """Why this bid won."""

    runner_up: str | None
    runner_up_round: Round | None
    margin: float | None
    """Total of the runner-up minus total of the award, on the bids that could have won."""
    deciding_term: str | None
    """The term that favours the award most over the runner-up."""
    flip: Flip | None


class Award(Value):
    """Who executes, and by whose decision."""

    agent: str
    round: Round
    by: Literal["auction", "user"]
    reason: str


class AuctionRecord(Value):
    """Everything that ``rescore`` needs; the public format 1 of an auction."""

    format: int
    task: Task
    weights: Weights
    scales: Scales
    bids: tuple[Bid, ...]
    award: Award | None = None


class ContrastPair(Value):
    """A losing and a winning plan of one past auction (paper section 3.3)."""

    auction: str
    task: str
    similarity: float
    """Cosine of the two tasks' embeddings."""
    losing_plan: str
    losing_agent: str
    winning_plan: str
    winning_agent: str


class Limits(Value):
    """Bounds of one run."""

    steps: int = 40
    tokens: int = 16384
    seconds: float = 900.0
    malformed: int = 3
    """Malformed tool calls in a row before the run fails."""


class ApprovalRule(Value):
    """What may be done with the calls that a glob stands for."""

    call: str
    """Glob over the call as text: ``open(https://docs.python.org/*)``."""
    action: ApprovalAction


class Approval(Value):
    """The answer to a question whether a call may be made."""

    answer: ApprovalAnswer
    reason: str = ""
    """Why not; the model sees it."""


class SandboxLimits(Value):
    """Bounds of one sandboxed program with all that it starts."""

    memory_bytes: int = 512 * MEGABYTE
    """Of all its processes together."""
    tasks: int = 64
    """Processes and threads."""
    file_bytes: int = 64 * MEGABYTE
    """Of any one file."""
    disk_bytes: int = 100 * MEGABYTE
    """By which its workspace may grow."""
    files: int = 10_000
    """By which its workspace may grow."""
    scratch_bytes: int = 64 * MEGABYTE
    """Of /tmp and of /dev/shm."""
    open_files: int = 256
    kept_bytes: int = 256 * 1024
    """Of each output stream: head and tail."""
    drained_bytes: int = 16 * MEGABYTE
    """Of each output stream; a program that writes more is stopped."""
    seconds: float = 600.0
    """Longest wall time that one run may ask for."""


class ToolSpec(Value, omit_defaults=True):
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: dict[str, object]
    """JSON schema of the arguments."""
    untrusted: bool = False
    """Whether strangers wrote description and schema: a model then reads them as any other text."""


class McpServer(Value):
    """A server of tools that the user has listed: ``[mcp.NAME]`` in the settings."""

    command: str = ""
    """Program of a server that is spoken to over its standard streams."""
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    """Names of the variables of the environment that it is given."""
    readable: tuple[str, ...] = ()
    """Folders that a server in the sandbox may read, at their own paths."""
    url: str = ""
    """Address of a server that is spoken to over HTTP, in place of a command."""
    trusted: bool = False
    """Start the command outside of the sandbox."""
    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    """Longest wait for an answer."""


class Source(Value):
    """A document that an answer rests on."""

    document: str
    title: str


class Bill(Value):
    """What a task cost, against always using the largest agent."""

    auction_dollars: float
    """Every bid, mark and refinement."""
    run_dollars: float
    always_largest_dollars: float
    """Estimate (≈): the same executed tokens at the largest agent's price."""
    auction_tokens: int
    run_tokens: int
