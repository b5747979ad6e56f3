"""The auction alone: its record as JSON, or its table and plan as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TextIO

from sale_tui.auction.explanation import explain
from sale_tui.auction.scoring import score_bids
from sale_tui.errors import Exit, SaleError
from sale_tui.events import AwardDecided, ErrorRaised
from sale_tui.headless.formats import indented, print_error, print_json, print_lines
from sale_tui.headless.narration import Narrator, record_lines
from sale_tui.headless.run import Told, watched
from sale_tui.session.record import RecordFold
from sale_tui.session.runner import Session
from sale_tui.session.wiring import TaskRequest
from sale_tui.types import AuctionRecord


async def bid_task(session: Session, request: TaskRequest, out: TextIO, err: TextIO, *, as_json: bool = False) -> int:
    """Hold the auction, run nothing; returns the exit code. Streams and signals as in ``run_task``."""
    narrator, fold = Narrator(err), RecordFold()
    error: SaleError | None = None
    decided: AwardDecided | None = None
    async with watched(session, dataclasses.replace(request, execute=False)) as events:
        async for event in events:
            fold.apply(event)
            if isinstance(event, ErrorRaised):
                error = Told(event)
                continue
            narrator.tell(event)
            decided = event if isinstance(event, AwardDecided) else decided
    if error is not None:
        print_error(error, out if as_json else err, as_json)
        return int(error.exit_code)
    record = fold.record()
    if as_json:
        print_json(record, out)
    else:
        print_lines(_text(record, decided), out)
    return int(Exit.ANSWERED)


def _text(record: AuctionRecord, decided: AwardDecided | None) -> Iterable[str]:
    cards = score_bids(record.bids, record.weights, record.scales)
    yield from record_lines(record, cards, explain(record.bids, record.weights, record.scales))
    if decided is not None:
        yield "plan:"
        yield from indented(decided.plan)
