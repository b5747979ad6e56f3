"""Events as plain text, a few lines each; deltas are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

import msgspec

from sale_tui import events as e
from sale_tui.auction.board import Board
from sale_tui.headless.formats import dollars, indented, number, print_lines, table
from sale_tui.literal import literal, literal_line
from sale_tui.tier_words import warning
from sale_tui.types import AuctionRecord, Bid, Explanation, Scorecard, Source

OUTPUT_LINES = 12
"""Most lines of a tool's output that are told."""


class Narrator:
    """Tells what happens, on one stream. Feed every event to ``tell``."""

    def __init__(self, out: TextIO, *, tell_answer: bool = True) -> None:
        """``tell_answer``: False where the answer itself goes to another stream that a person may see as well."""
        self._out = out
        self._tell_answer = tell_answer
        self._board = Board()
        self._cards: Sequence[Scorecard] = ()

    def tell(self, event: e.Event) -> None:
        """The event's lines, at once; nothing for deltas. Raises BrokenPipeError where nobody reads on."""
        self._board.apply(event)
        if isinstance(event, e.BidsScored):
            self._cards = event.scorecards
        print_lines(self._lines(event), self._out)

    def _lines(self, event: e.Event) -> Iterable[str]:
        if isinstance(event, e.RunFinished) and not self._tell_answer:
            event = msgspec.structs.replace(event, answer="")
        match event:
            case e.ProvisionalChosen():
                yield from score_lines(self._board.bids, self._cards)
                yield f"provisional winner: {event.agent}, total {number(event.total)}"
                names = ", ".join(event.challengers)
                yield f"  may refine: {names}" if names else "  nobody is cheaper, so nobody refines"
            case e.AwardProposed():
                if any(bid.round == "refined" for bid in self._board.bids):
                    yield from score_lines(self._board.bids, event.scorecards)
                yield f"award proposed: {event.award.agent} ({event.award.round} bid)"
                yield from explanation_lines(event.explanation)
            case _:
                for tell in (opening_lines, bid_lines, run_lines, approval_lines, change_lines, closing_lines):
                    yield from tell(event)


def opening_lines(event: e.Event) -> Iterable[str]:
    """Lines of the events up to the first bid."""
    match event:
        case e.LogStarted():
            yield f"auction {event.auction} · pool {literal_line(event.pool)} · sandbox {event.sandbox}"
            if told := warning(event.sandbox):
                yield f"! {told}"
        case e.TaskReceived():
            yield "task:"
            yield from indented(event.text)
        case e.KindChosen():
            yield f"kind: {event.kind} ({event.by})"
        case e.PhaseStarted() if event.phase not in {"awarding", "done"}:
            yield f"— {event.phase} —"
        case e.AgentReady():
            facts = event.facts
            yield f"{event.agent}: ready on {literal_line(facts.device)}, loaded in {facts.load_seconds:.1f} s"
        case e.AgentLost():
            yield f"{event.agent}: lost: {literal_line(event.reason)}"
        case e.DocumentsRead():
            yield from document_lines(event)
        case _:
            pass


def document_lines(event: e.DocumentsRead) -> Iterable[str]:
    """How far the user's documents are indexed, and what cannot be."""
    if not event.finished:
        yield f"documents: {event.done} of {event.total} files read"
        return
    yield f"documents: {event.documents} in {literal_line(event.folder)} can be searched"
    if event.left_out_count:
        yield f"  left out: {event.left_out_count}"
        yield from (f"    {literal_line(name)}" for name in event.left_out)


def bid_lines(event: e.Event) -> Iterable[str]:
    """Lines of the auction's events."""
    match event:
        case e.BidPlaced():
            again = ", refined" if event.round == "refined" else ""
            yield f"{event.agent}: plan{again}, {event.tokens} tokens, entropy {number(event.entropy, 3)}"
            yield from indented(event.plan)
        case e.BidFailed():
            yield f"{event.agent}: no {event.round} bid: {literal_line(event.reason)}"
        case e.JurorFailed():
            yield f"{event.juror}: no marks: {literal_line(event.reason)}"
        case e.Recalled():
            near = ", ".join(f"{pair.auction} ({pair.similarity:.2f})" for pair in event.pairs)
            yield f"{event.agent}: recalls {near}"
        case e.RefinementSkipped():
            yield f"{event.agent}: does not refine: {literal_line(event.reason)}"
        case e.CountdownHeld():
            yield "countdown held" if event.held else "countdown goes on"
        case e.AwardDecided():
            award = event.award
            yield f"award: {award.agent} ({award.round} bid), by the {award.by}: {literal_line(award.reason)}"
        case _:
            pass


def run_lines(event: e.Event) -> Iterable[str]:
    """Lines of the run's events."""
    match event:
        case e.RunStarted():
            yield f"run: {event.agent} with {', '.join(event.tools) or 'no tools'} in {literal_line(event.workspace)}"
            for tool in event.withheld:
                yield f"  not offered: {literal_line(tool)}"
        case e.StepFinished():
            yield f"step {event.step}:"
            yield from indented(event.text)
        case e.CallRejected():
            yield f"  call rejected: {literal_line(event.reason)}"
        case e.ToolFinished():
            cut = literal(event.output).splitlines()
            yield f"  {event.tool} {'ok' if event.ok else 'failed'}, {event.seconds:.2f} s:"
            yield from (f"    > {line}" for line in cut[:OUTPUT_LINES])
            if len(cut) > OUTPUT_LINES:
                yield f"    > … {len(cut) - OUTPUT_LINES} more lines"
        case e.RunFinished():
            yield f"run {event.status} after {event.steps} steps"
            if event.reason:
                yield f"  {literal_line(event.reason)}"
            if event.answer:
                yield "answer:"
                yield from indented(event.answer)
            if event.sources:
                yield "sources:"
                yield from (f"    {source_line(source)}" for source in event.sources)
        case _:
            pass


def approval_lines(event: e.Event) -> Iterable[str]:
    """Lines of the calls that ask for leave."""
    match event:
        case e.ApprovalAsked():
            yield f"  asks for leave: {literal_line(event.call)}"
            for told in (event.leaves, *event.why):
                yield f"    {literal_line(told)}"
        case e.ApprovalAnswered():
            yield f"  {'allowed' if event.allowed else 'denied'} (by {event.by}): {literal_line(event.call)}"
            if event.reason:
                yield f"    {literal_line(event.reason)}"
        case _:
            pass


def source_line(source: Source) -> str:
    """A source of an answer: its title where it has one, and where it lies."""
    named = source.title and source.title not in source.document
    return literal_line(f"{source.title} — {source.document}" if named else source.document)


def change_lines(event: e.Event) -> Iterable[str]:
    """Lines of what a run has changed in its copy of the user's folder."""
    match event:
        case e.ChangesFound():
            yield f"changes for {literal_line(event.folder)}:"
            for file in event.files:
                refused = f" (stays behind: {literal_line(file.refused)})" if file.refused else ""
                yield f"  {file.kind} {literal_line(file.path)} +{file.added} -{file.removed}{refused}"
            yield from indented(event.diff)
            if event.saved:
                yield f"  the diff is in {literal_line(event.saved)}"
        case e.ChangesApplied():
            yield f"changed in {literal_line(event.folder)}: {literal_line(', '.join(event.files)) or 'nothing'}"
            yield from (f"  left as it is: {literal_line(left)}" for left in event.left)
        case _:
            pass


def closing_lines(event: e.Event) -> Iterable[str]:
    """Lines of the events around a task's end, and of those that may come at any time."""
    match event:
        case e.BillMade():
            bill = event.bill
            yield (
                f"bill: auction {dollars(bill.auction_dollars)} ({bill.auction_tokens} tokens), "
                f"run {dollars(bill.run_dollars)} ({bill.run_tokens} tokens); "
                f"always the largest ≈ {dollars(bill.always_largest_dollars)}"
            )
        case e.OutcomeSet():
            yield f"outcome: {event.outcome} (by the {event.by})"
            if event.reason:
                yield f"  {literal_line(event.reason)}"
        case e.Notice():
            yield f"note: {literal_line(event.text)}"
        case e.ErrorRaised():
            yield f"error: {literal_line(event.message)}"
        case _:
            pass


def score_lines(bids: Sequence[Bid], cards: Sequence[Scorecard]) -> list[str]:
    """Bids and their numbers as a table, least total first; * marks what was imputed."""
    by_key = {(card.agent, card.round): card for card in cards}
    rows = []
    for bid in bids:
        card = by_key.get((bid.agent, bid.round))
        if card is None:
            continue
        marks = " ".join(f"{mark:.1f}" for mark in bid.marks.values())
        agent = bid.agent + ("*" if card.imputed else "")
        rows.append([agent, bid.round, bid.price, bid.tokens, bid.entropy, marks, card.cost, card.value, card.total])
    rows.sort(key=_total)
    headings = ["agent", "bid", "$/Mt", "tokens", "entropy", "marks", "cost", "value", "total"]
    return ["  " + line for line in table(headings, rows)]


def explanation_lines(explanation: Explanation) -> Iterable[str]:
    """Why this one, in words."""
    if explanation.runner_up is None or explanation.margin is None:
        yield "  no other bid could have won"
        return
    yield f"  {explanation.margin:.4f} ahead of {explanation.runner_up} ({explanation.runner_up_round} bid)"
    if explanation.deciding_term is not None:
        yield f"  what favours it most: {explanation.deciding_term}"
    flip = explanation.flip
    if flip is None:
        yield f"  no change of one weight alone would hand it to {explanation.runner_up}"
    else:
        share = 100.0 * flip.delta / flip.weight
        changed = f"{flip.weight:.4g} → {flip.weight + flip.delta:.4g}"
        yield f"  weight of {flip.term} {share:+.1f}% ({changed}) would flip it"


def record_lines(record: AuctionRecord, cards: Sequence[Scorecard], explanation: Explanation | None) -> Iterable[str]:
    """A scored record as text."""
    yield from indented(record.task.text, "")
    yield from score_lines(record.bids, cards)
    if record.award is not None:
        yield f"award: {record.award.agent} ({record.award.round} bid), by the {record.award.by}"
    if explanation is not None:
        yield from explanation_lines(explanation)


def _total(row: Sequence[object]) -> tuple[bool, float]:
    total = row[-1]
    return (True, 0.0) if not isinstance(total, float) else (False, total)
