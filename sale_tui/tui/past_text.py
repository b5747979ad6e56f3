"""A past auction as words to read."""

from __future__ import annotations

from datetime import datetime

from sale_tui.archive import StoredAuction, StoredBid
from sale_tui.literal import literal_line
from sale_tui.session.export import mean_marks, outcome_words
from sale_tui.tui.format import (
    bill_line,
    duration,
    excerpt,
    fit,
    largest_line,
    number,
    plural,
    price,
    short_names,
    source_line,
)
from sale_tui.tui.widgets.text import Part, labelled

SHOWN = 8000
"""Characters of one text."""
STYLES = {"passed": "bold $text-success", "failed": "bold $text-error", "unknown": "$quiet"}
NAME = 14
CELL = 8


def past_parts(stored: StoredAuction, width: int) -> list[Part]:
    """Everything about it in ``width`` cells."""
    head = stored.summary
    when = datetime.fromtimestamp(head.started).astimezone().strftime("%Y-%m-%d %H:%M")
    about = [when, head.kind or "kind not known", f"pool {literal_line(head.pool or '·')}", head.status, head.id]
    parts: list[Part] = [(excerpt(head.task or "(no task)", SHOWN), "bold"), "\n", (" · ".join(about), "$quiet"), "\n"]
    if stored.message:
        parts.append((f"✗ {literal_line(stored.message)}\n", "$text-error"))
    parts += _end(stored, width)
    if stored.bids:
        parts += ["\n", ("Bids", "bold $text-primary"), "\n", *_table(stored, width), *_marks(stored, width)]
    for bid in stored.bids:
        parts += _plan(bid, stored)
    parts += [
        (f"\n✗ {failure.agent}, {failure.round}, as {failure.role}: {literal_line(failure.reason)}", "$text-error")
        for failure in stored.failures
    ]
    return parts


def _end(stored: StoredAuction, width: int) -> list[Part]:
    """Award, answer, outcome, bill."""
    parts: list[Part] = []
    award, run = stored.award, stored.run
    if award is not None:
        by = "by your word" if award.by == "user" else "by the auction"
        proposed = f"; {award.proposed_agent} was proposed" if award.overruled else ""
        parts += [
            labelled("award      ", width, (award.agent, "bold $text-success"), f", {award.round} bid, {by}{proposed}"),
            "\n",
        ]
    if run is not None:
        spent = f" · {plural(run.steps or 0, 'step')} · {duration(run.usage.seconds)}"
        parts += [labelled("run        ", width, run.status, (spent, "$quiet")), "\n"]
        parts += [labelled("answer     ", width, (excerpt(run.answer or run.reason or "·", SHOWN), "bold")), "\n"]
        parts += [labelled("outcome    ", width, (outcome_words(stored), STYLES[stored.outcome])), "\n"]
        for place, source in enumerate(run.sources):
            parts += [labelled("           " if place else "sources    ", width, source_line(source)), "\n"]
    if stored.bill is not None:
        estimated = any(agent.price_estimated for agent in stored.agents)
        parts += [labelled("bill       ", width, bill_line(stored.bill, estimated)), "\n"]
        parts += [labelled("           ", width, "always the largest ", largest_line(stored.bill)), "\n"]
    return parts


def _table(stored: StoredAuction, width: int) -> list[Part]:
    cards = {(card.agent, card.round): card for card in stored.scorecards}
    marks = mean_marks(stored)
    names = ["tokens", "entropy", "mark", "cost", "value", "total"]
    if width < NAME + 2 + len(names) * CELL:
        names = ["mark", "cost", "value", "total"]
    parts: list[Part] = [(" " * (NAME + 2) + "".join(name.rjust(CELL) for name in names) + "\n", "$quiet")]
    for bid in stored.bids:
        card = cards.get((bid.agent, bid.round))
        numbers = {
            "tokens": str(bid.tokens),
            "entropy": number(bid.entropy),
            "mark": number(marks.get((bid.agent, bid.round))),
            "cost": number(card.cost if card else None, 3),
            "value": number(card.value if card else None, 3),
            "total": number(card.total if card else None, 3),
        }
        won = _won(bid, stored)
        name = fit(literal_line(bid.agent), NAME - 2) + (" ↻" if bid.round == "refined" else "")
        parts.append((("✓ " if won else "  ") + name.ljust(NAME), "bold $text-success" if won else ""))
        parts.append(("".join(numbers[each].rjust(CELL) for each in names) + "\n", "bold" if won else ""))
    if any(bid.round == "refined" for bid in stored.bids):
        parts.append(("  ↻ refined from memory\n", "$quiet"))
    return parts


def _marks(stored: StoredAuction, width: int) -> list[Part]:
    """Every juror's mark of every plan, where there is room for them."""
    jurors = list(dict.fromkeys(mark.juror for mark in stored.marks))
    short = short_names(jurors)
    if not jurors or width < NAME + 2 + len(jurors) * CELL:
        return []
    given = {(mark.agent, mark.round, mark.juror): mark.mark for mark in stored.marks}
    title = "  mark by".ljust(NAME + 2) + "".join(
        fit(literal_line(short[name]), CELL - 1).rjust(CELL) for name in jurors
    )
    parts: list[Part] = ["\n", (title + "\n", "$quiet")]
    for bid in stored.bids:
        name = fit(literal_line(bid.agent), NAME - 2) + (" ↻" if bid.round == "refined" else "")
        cells = "".join(number(given.get((bid.agent, bid.round, juror))).rjust(CELL) for juror in jurors)
        parts.append(f"  {name.ljust(NAME)}{cells}\n")
    return parts


def _plan(bid: StoredBid, stored: StoredAuction) -> list[Part]:
    style = "bold $text-success" if _won(bid, stored) else "bold $text-primary"
    recalled = f", after {plural(len(bid.recalled), 'past auction')}" if bid.recalled else ""
    about = f"  {bid.round} bid · {price(bid.price)} per million tokens{recalled}\n"
    return ["\n", (bid.agent, style), (about, "$quiet"), f"{excerpt(bid.plan, SHOWN)}\n"]


def _won(bid: StoredBid, stored: StoredAuction) -> bool:
    return stored.award is not None and (bid.agent, bid.round) == (stored.award.agent, stored.award.round)
