"""The winner carries out its plan: a turn, its tool calls, their outputs, the next turn, until one is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from sale_tui.agent.approval import format_call
from sale_tui.agent.calls import Call, Malformed, final_answer, parse_calls
from sale_tui.agent.conversation import Conversation
from sale_tui.agent.gate import NO_APPROVALS, Approvals, Gate
from sale_tui.agent.limits import Budget, LimitReached
from sale_tui.agent.tools.base import BadArguments, Kept, Tool, ToolContext, ToolResult
from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.events import (
    CallRejected,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFinished,
    StepStarted,
    ToolCalled,
    ToolFinished,
)
from sale_tui.ports import ChatModel, Clock, Completion, Delta, Generate, Message
from sale_tui.streams import Emit, closing, in_words, stream_of
from sale_tui.types import Limits, Source, Usage

STEP_SECONDS = 300.0
"""A model that is silent for so long within a step counts as hung."""
STEP_TOKENS = 4096
"""Longest turn, thinking included."""
MIN_OUTPUT_CHARACTERS = 2000
"""Of one tool output, in however small a context."""

TOKEN_SLACK = 64
"""Tokens that a model may write beyond what it was allowed before its turn is ended."""

EMPTY_TURN = "the turn is empty: call a tool, or give the answer after 'Answer:'"

Status = Literal["answered", "failed", "limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of one plan."""

    model: ChatModel
    opening: tuple[Message, ...]
    """What the winner is told first: task and plan."""
    plan: str
    tools: tuple[Tool, ...]
    """Those that are offered."""
    withheld: tuple[str, ...]
    """Those that are not, each with its reason."""
    context: ToolContext
    limits: Limits
    clock: Clock
    approvals: Approvals = NO_APPROVALS


async def run_winner(run: Run) -> AsyncGenerator[Event, None]:
    """RunStarted; StepStarted, StepDelta, StepFinished, CallRejected, ToolCalled, ToolFinished, ...; RunFinished.

    Between ToolCalled and ToolFinished may stand ApprovalAsked and ApprovalAnswered.

    The last event is always RunFinished, unless the generator is closed before: that ends the model's turn or the tool
    under way, and no event follows. Another StepStarted of the same number means that the step begins again.
    """
    # In a task of its own: time limits cancel that, never whoever reads the events.
    async with closing(stream_of(lambda emit: _Execution(run, emit).run())) as events:
        async for event in events:
            yield event


class _Execution:
    """The state of one run."""

    def __init__(self, run: Run, emit: Emit) -> None:
        self._run = run
        self._emit = emit
        self._tools = {tool.name: tool for tool in run.tools}
        self._specs = tuple(tool.spec for tool in run.tools)
        self._talk = Conversation(run.opening)
        self._budget = Budget(run.limits, run.clock)
        characters = min(run.context.output_characters, max(run.model.spec.context, MIN_OUTPUT_CHARACTERS))
        self._kept = Kept()
        self._context = msgspec.structs.replace(
            run.context, output_characters=characters, kept=self._kept, tell=lambda text: emit(Notice(text=text))
        )
        self._step = 0
        self._usage = Usage()
        self._unfinished = 0
        self._sources: dict[str, Source] = {}
        self._last: tuple[Call, str] | None = None
        self._revived = False
        self._gate = Gate(run.approvals, emit, self._standing_still)
        self._timer = asyncio.timeout(self._budget.seconds)

    async def run(self) -> None:
        self._emit(
            RunStarted(
                agent=self._run.model.spec.name,
                plan=self._run.plan,
                tools=tuple(self._tools),
                withheld=self._run.withheld,
                limits=self._run.limits,
                sandbox=self._run.context.sandbox.tier,
                workspace=str(self._run.context.workspace),
            )
        )
        try:
            async with self._timer:
                answer = await self._steps()
        except LimitReached as limit:
            self._finish("limit", reason=str(limit))
        except Exception as fault:  # noqa: BLE001 - whatever befalls a run is its end, and no more
            if self._timer.expired():
                self._finish("limit", reason=str(self._budget.too_late()))
            else:
                self._finish("failed", reason=in_words(fault))
        else:
            self._finish("answered", answer=answer)
        finally:
            await self._kept.close()

    async def _steps(self) -> str:
        """The answer. Raises LimitReached, RunFailed, ModelFault."""
        while True:
            self._budget.begin_step(self._step + 1)
            self._step += 1
            completion = await self._turn()
            calls = parse_calls(completion.text)
            if completion.stop == "length" and not calls:
                self._cut_off(completion)
            elif calls:
                self._talk.add_turn(completion.text, completion.token_ids)
                if answer := await self._answer_calls(calls):
                    return answer
            elif answer := final_answer(completion.text):
                return answer
            else:
                self._reject("", EMPTY_TURN, self._talk.add_reminder)

    def _cut_off(self, completion: Completion) -> None:
        """A turn that did not come to its end is not kept: it may be an endless repetition."""
        self._budget.check()
        reason = f"the turn was cut off after {completion.usage.output_tokens} tokens: be brief"
        if cut := self._talk.shorten():
            self._emit(
                Notice(text=f"Older tool outputs were shortened by {cut} characters, so that the model has room.")
            )
        self._reject(completion.text[-200:], reason, self._talk.add_reminder)

    async def _turn(self) -> Completion:
        """One turn of the model; shortened where it does not fit, asked once more where its worker ended."""
        while True:
            try:
                return await self._generate()
            except PromptTooLong:
                cut = self._talk.shorten()
                if not cut:
                    raise LimitReached("the conversation does not fit the model's context any more") from None
                self._emit(Notice(text=f"The context is full: older tool outputs were shortened by {cut} characters."))
            except ModelFault as fault:
                if self._revived:
                    raise
                self._revived = True
                self._emit(Notice(text=f"{fault.message}. It is loaded again and the step repeated."))
                await self._run.model.load()

    async def _generate(self) -> Completion:
        self._emit(StepStarted(step=self._step))
        spec = self._run.model.spec
        allowed = min(self._budget.tokens, STEP_TOKENS)
        request = Generate(
            messages=self._talk.messages,
            tools=self._specs,
            # Another seed each step, so that a turn which is asked for again can come out otherwise.
            sampling=msgspec.structs.replace(spec.execution, seed=spec.execution.seed + self._step - 1),
            max_tokens=allowed,
            thinking=spec.thinking,
            deadline_seconds=STEP_SECONDS,
        )
        self._unfinished = 0
        try:
            async with closing(self._run.model.generate(request)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Completion):
                        return self._turned(piece)
                    self._piece(piece, allowed)
        finally:
            self._usage += Usage(output_tokens=self._unfinished)
            self._budget.spend(self._unfinished)
        raise ModelFault(f"{spec.name} ended its turn without saying so", "see the worker's log")

    def _piece(self, piece: Delta, allowed: int) -> None:
        self._unfinished += piece.tokens
        self._emit(StepDelta(step=self._step, channel=piece.channel, text=piece.text, tokens=piece.tokens))
        if self._unfinished <= allowed + TOKEN_SLACK:
            return
        if allowed == self._budget.tokens:
            raise self._budget.too_long()
        raise ModelFault(f"{self._run.model.spec.name} writes on after {allowed} tokens", "see the worker's log")

    def _turned(self, completion: Completion) -> Completion:
        self._unfinished = 0
        self._usage += completion.usage
        self._budget.spend(completion.usage.output_tokens)
        self._emit(
            StepFinished(step=self._step, text=completion.text, thinking=completion.thinking, usage=completion.usage)
        )
        return completion

    async def _answer_calls(self, calls: tuple[Call | Malformed, ...]) -> str:
        """The answer, where one of the calls ends the run; calls after that one are not made."""
        for number, call in enumerate(calls, start=1):
            self._budget.check()
            if isinstance(call, Malformed):
                self._reject(call.text, call.reason, self._talk.add_result)
                continue
            tool = self._tools.get(call.name)
            refusal = self._refusal(tool, call)
            if tool is None or refusal:
                self._reject(msgspec.json.encode(call).decode(), refusal, self._talk.add_result)
                continue
            if answer := await self._use(tool, call, f"{self._step}.{number}"):
                return answer
        return ""

    def _refusal(self, tool: Tool | None, call: Call) -> str:
        """Why a call is not made; empty where it is."""
        if tool is None:
            names = ", ".join(self._tools)
            return f"there is no tool {call.name[:40]!r}; " + (
                f"the tools are: {names}" if names else "there are no tools"
            )
        try:
            tool.check(call.arguments)
        except BadArguments as error:
            return str(error)
        return ""

    async def _use(self, tool: Tool, call: Call, name: str) -> str:
        """Make a call; the run's answer, where that ends it."""
        self._emit(ToolCalled(step=self._step, call=name, tool=tool.name, arguments=call.arguments))
        leaves = tool.leaves(call.arguments)
        refusal = await self._gate.refusal(name, format_call(tool.spec, call.arguments), leaves)
        began = self._run.clock.monotonic()
        if refusal:
            result = ToolResult(ok=False, summary=f"denied: {refusal}", output=f"error: denied: {refusal}")
        else:
            result = await _call(tool, call, self._context)
        # Also the errors of what was asked outside are what strangers say.
        if result.untrusted or (leaves and not refusal):
            self._gate.read_strangers()
        self._emit(
            ToolFinished(
                step=self._step,
                call=name,
                tool=tool.name,
                ok=result.ok,
                summary=result.summary,
                output=result.output,
                truncated=result.truncated,
                seconds=self._run.clock.monotonic() - began,
                sources=result.sources,
            )
        )
        self._talk.add_result(result.output)
        self._sources.update({source.document: source for source in result.sources})
        repeated, self._last = self._last == (call, result.output), (call, result.output)
        if repeated:
            self._budget.strike("the same call with the same outcome as before")
        else:
            self._budget.sense()
        return result.answer

    @contextmanager
    def _standing_still(self) -> Iterator[None]:
        """The run's time stands still while somebody is asked: thinking it over is no work of the winner's."""
        began = self._run.clock.monotonic()
        self._timer.reschedule(None)
        try:
            yield
        finally:
            self._budget.extend(self._run.clock.monotonic() - began)
            self._timer.reschedule(asyncio.get_running_loop().time() + self._budget.seconds)

    def _reject(self, text: str, reason: str, tell: Callable[[str], None]) -> None:
        self._emit(CallRejected(step=self._step, text=text, reason=reason))
        tell(f"error: {reason}")
        self._budget.strike(reason)

    def _finish(self, status: Status, answer: str = "", reason: str = "") -> None:
        self._emit(
            RunFinished(
                status=status,
                answer=answer,
                reason=reason,
                steps=self._step,
                sources=tuple(self._sources.values()),
                workspace=str(self._run.context.workspace),
                usage=self._usage,
            )
        )


async def _call(tool: Tool, call: Call, context: ToolContext) -> ToolResult:
    """The tool's answer; a tool that fails is an answer, too."""
    try:
        return await tool.call(call.arguments, context)
    except Exception as fault:  # noqa: BLE001 - the winner may find another way
        reason = in_words(fault)
        return ToolResult(ok=False, summary=reason, output=f"error: {reason}")
