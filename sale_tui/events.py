"""The vocabulary: everything that happens to a task, in order, as one stream of small frozen values.

Front ends, the recorder, memory and replay only read this stream. Every event round-trips through JSON
(``encode`` / ``decode``); ``docs/events.md`` is generated from this file.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sale_tui.event_base import Event
from sale_tui.run_events import (
    ApprovalAnswered,
    ApprovalAsked,
    CallRejected,
    ChangesApplied,
    ChangesFound,
    FileChange,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFinished,
    StepStarted,
    ToolCalled,
    ToolFinished,
)
from sale_tui.types import (
    Award,
    Bill,
    ContrastPair,
    Explanation,
    Kind,
    ModelFacts,
    Outcome,
    Round,
    Sampling,
    SandboxLimits,
    SandboxTier,
    Scales,
    Scorecard,
    Usage,
    Weights,
)

__all__ = [
    "FORMAT",
    "AgentEntry",
    "AgentLost",
    "AgentReady",
    "AnyEvent",
    "ApprovalAnswered",
    "ApprovalAsked",
    "AwardDecided",
    "AwardProposed",
    "BidDelta",
    "BidFailed",
    "BidPlaced",
    "BidStarted",
    "BidsScored",
    "BillMade",
    "CallRejected",
    "ChangesApplied",
    "ChangesFound",
    "CountdownHeld",
    "ErrorRaised",
    "Event",
    "FileChange",
    "JurorFailed",
    "KindChosen",
    "LogStarted",
    "MarkGiven",
    "Notice",
    "OutcomeSet",
    "Phase",
    "PhaseStarted",
    "ProvisionalChosen",
    "Recalled",
    "RefinementSkipped",
    "Remembered",
    "RunFinished",
    "RunStarted",
    "StepDelta",
    "StepFinished",
    "StepStarted",
    "TaskReceived",
    "ToolCalled",
    "ToolFinished",
    "decode",
    "encode",
]

FORMAT = 1
"""Version of the event log."""

Phase = Literal["loading", "bidding", "judging", "refining", "awarding", "running", "done"]


class AgentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of the pool, in the log's header."""

    name: str
    price: float
    """Dollars per million tokens."""
    price_estimated: bool
    model: str
    sha256: str
    """Hash of the model file; empty where it was not known yet when the log began: AgentReady has it then."""
    bid_seed: int
    bidding: Sampling | None = None
    """How bids are drawn; these three are None, and ``context`` is 0, in a log that does not tell."""
    execution: Sampling | None = None
    """How the run's turns are drawn."""
    thinking: bool | None = None
    """Whether the run uses the model's thinking mode."""
    context: int = 0
    """Tokens of context that one sequence may use."""


class LogStarted(Event, tag="log_started"):
    """The header: all that a replay needs to say what produced the log."""

    format: int
    version: str
    """Of sale-tui."""
    pool: str
    agents: tuple[AgentEntry, ...]
    weights: Weights
    scales: Scales
    thrift: float
    neighbours: int
    """k: past tasks recalled for a refinement."""
    prompt_hashes: dict[str, str]
    """Prompt name to SHA-256 of its text."""
    sandbox: SandboxTier
    tool_hashes: dict[str, str] = msgspec.field(default_factory=dict)
    """Tool name to SHA-256 of its spec as JSON with sorted keys; withheld tools, too."""
    sandbox_limits: SandboxLimits | None = None
    """Of every program that a tool runs, unless the tool asks for others; None in a log that does not tell."""
    sandbox_seconds: float = 0.0
    """Wall time of a program whose tool asks for no other; 0 in a log that does not tell."""


class TaskReceived(Event, tag="task_received"):
    """A task was asked."""

    text: str
    requested_kind: Literal["auto", "search", "coding"]


class KindChosen(Event, tag="kind_chosen"):
    """What kind of task it is, and how that was found."""

    kind: Kind
    by: Literal["user", "auto", "fallback"]
    neighbours: tuple[tuple[str, Kind, float], ...] = ()
    """The labelled examples that decided: text, kind, cosine."""


class PhaseStarted(Event, tag="phase_started"):
    """The auction or the run entered a phase."""

    phase: Phase


class AgentReady(Event, tag="agent_ready"):
    """A model is loaded."""

    agent: str
    facts: ModelFacts


class AgentLost(Event, tag="agent_lost"):
    """A model did not load, or its worker ended; it bids no more in this auction."""

    agent: str
    reason: str
    hint: str = ""


class DocumentsRead(Event, tag="documents_read"):
    """The user's folder of documents is being indexed, or is up to date."""

    folder: str
    done: int
    """Files that were looked at, of ``total``."""
    total: int
    finished: bool
    documents: int = 0
    """That can be searched, once it is finished."""
    left_out: tuple[str, ...] = ()
    """Some of the files that cannot be read, each with its reason."""
    left_out_count: int = 0


class BidStarted(Event, tag="bid_started"):
    """An agent began to write a plan."""

    agent: str
    round: Round


class BidDelta(Event, tag="bid_delta"):
    """A piece of a plan, about 20 a second per bid."""

    agent: str
    round: Round
    text: str
    tokens: int
    """Tokens of the plan so far."""
    entropy: float | None
    """Mean nats per token so far."""


class BidPlaced(Event, tag="bid_placed"):
    """A plan is complete."""

    agent: str
    round: Round
    plan: str
    tokens: int
    entropy: float | None
    price: float
    recalled: tuple[str, ...]
    usage: Usage


class BidFailed(Event, tag="bid_failed"):
    """An agent dropped out of this round."""

    agent: str
    round: Round
    reason: str
    usage: Usage = Usage()
    """Of its attempts, as far as its model told."""


class MarkGiven(Event, tag="mark_given"):
    """A juror marked a plan. ``mark`` is the number that is scored; None where the reading was too uncertain."""

    juror: str
    agent: str
    round: Round
    mark: float | None
    """0..5; the expected value, or its rounding where the pool says ``marks = "integer"``."""
    expected: float
    probabilities: tuple[float, float, float, float, float, float]
    mass: float
    """Probability of the six digits together; below 0.5 the mark is missing."""
    usage: Usage


class JurorFailed(Event, tag="juror_failed"):
    """A juror marked nothing in this round."""

    juror: str
    round: Round
    reason: str


class BidsScored(Event, tag="bids_scored"):
    """Cost, value and total of every bid so far."""

    scorecards: tuple[Scorecard, ...]


class ProvisionalChosen(Event, tag="provisional_chosen"):
    """The least total among the first bids."""

    agent: str
    total: float
    challengers: tuple[str, ...]
    """Agents strictly cheaper, who may refine."""


class Recalled(Event, tag="recalled"):
    """What a challenger is shown from memory."""

    agent: str
    pairs: tuple[ContrastPair, ...]


class RefinementSkipped(Event, tag="refinement_skipped"):
    """A challenger does not refine, and why."""

    agent: str
    reason: str


class AwardProposed(Event, tag="award_proposed"):
    """The auction's decision, open to be overruled until ``deadline_seconds`` have passed."""

    award: Award
    scorecards: tuple[Scorecard, ...]
    explanation: Explanation
    deadline_seconds: float
    """0 where nobody is asked."""


class CountdownHeld(Event, tag="countdown_held"):
    """The user holds the countdown, or lets it go on."""

    held: bool


class AwardDecided(Event, tag="award_decided"):
    """Who executes; final."""

    award: Award
    plan: str
    proposed_agent: str


class BillMade(Event, tag="bill_made"):
    """What it cost."""

    bill: Bill


class OutcomeSet(Event, tag="outcome_set"):
    """Whether the answer was right, by a checker or the user."""

    outcome: Outcome
    by: Literal["user", "checker"]
    reason: str = ""
    """What a test said; one line, empty where passed or where the user says so."""


class Remembered(Event, tag="remembered"):
    """The auction can be recalled by later ones."""

    auctions: int
    """How many are in memory now."""


class Notice(Event, tag="notice"):
    """Something that the user should know and that stops nothing."""

    text: str


class ErrorRaised(Event, tag="error_raised"):
    """The auction or run ended in an error."""

    error: str
    """A stable word: ``no_valid_bid``, ``run_failed`` ..."""
    message: str
    hint: str
    exit_code: int


AnyEvent = (
    LogStarted | TaskReceived | KindChosen | PhaseStarted | AgentReady | AgentLost | DocumentsRead
    | BidStarted | BidDelta | BidPlaced | BidFailed | MarkGiven | JurorFailed | BidsScored
    | ProvisionalChosen | Recalled | RefinementSkipped | AwardProposed | CountdownHeld | AwardDecided
    | RunStarted | StepStarted | StepDelta | StepFinished | ToolCalled | ApprovalAsked | ApprovalAnswered
    | CallRejected | ToolFinished | RunFinished | ChangesFound | ChangesApplied
    | BillMade | OutcomeSet | Remembered | Notice | ErrorRaised
)  # fmt: skip

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> str:
    """One line of JSON, without a newline."""
    return _encoder.encode(event).decode()


def decode(line: str | bytes) -> AnyEvent:
    """The event of one JSON line. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return _decoder.decode(line)
