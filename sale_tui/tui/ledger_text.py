"""The books as words, bars and points to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sale_tui.archive import Account
from sale_tui.literal import literal_line
from sale_tui.session.books import AgentSums, Sums, agents_of, sums_of
from sale_tui.tui.format import NONE, count, dollars, duration, fit
from sale_tui.tui.plots import bar, cloud, spark
from sale_tui.tui.widgets.text import Part

LABEL = 19
CELL = 13
NARROW = (18, 12)
"""Both where there is less room."""
NAME = 14
STRETCHES = 40
"""Columns of the line of wins, at most."""
BAR = 12
CLOUD = (48, 8)
"""Cells and lines of the cloud of points."""
HOUR = 3600.0


def ledger_parts(accounts: Sequence[Account], task: str, session: Sequence[str], width: int) -> list[Part]:
    """All of the ledger in ``width`` cells. ``task``: id of the one that is shown; ``session``: ids since the start."""
    if not accounts:
        return [("Nothing yet. ", "bold"), "The first task will stand here with its bill."]
    here = set(session)
    columns = [
        sums_of([account for account in accounts if account.id == task]),
        sums_of([account for account in accounts if account.id in here]),
        sums_of(accounts),
    ]
    agents = agents_of(accounts, max(min(STRETCHES, width - NAME - 18), 4))
    return [
        *_sums(columns, (LABEL, CELL) if width >= LABEL + 3 * CELL else NARROW),
        *_notes(accounts, columns),
        *_wins(agents),
        *_rates(agents, width),
    ]


def _sums(columns: list[Sums], cells: tuple[int, int]) -> list[Part]:
    label_cells, cell = cells
    parts: list[Part] = [
        " " * label_cells,
        ("".join(name.rjust(cell) for name in ("this task", "session", "all time")), "bold"),
    ]

    def line(label: str, say: Callable[[Sums], str], style: str = "") -> None:
        texts = "".join((say(sums) if sums.tasks else NONE).rjust(cell) for sums in columns)
        parts.extend(["\n", (label.ljust(label_cells), style or "$quiet"), (texts, style)])

    line("tasks with a bill", lambda sums: count(sums.tasks))
    line("tokens", lambda sums: count(sums.tokens))
    line("  of auctions", lambda sums: count(sums.auction_tokens))
    line("  of runs", lambda sums: count(sums.run_tokens))
    line("time", lambda sums: _long(sums.seconds))
    line("dollars", lambda sums: dollars(sums.dollars), "bold")
    line("  of auctions", lambda sums: dollars(sums.auction_dollars))
    line("  of runs", lambda sums: dollars(sums.run_dollars))
    line("always largest", lambda sums: dollars(sums.largest_dollars, True))
    line("against that", _against)
    parts.append("\n")
    line("answers known", lambda sums: count(sums.known))
    line(
        "  solved", lambda sums: f"{count(sums.solved)} ({_percent(sums.solved / sums.known)})" if sums.known else NONE
    )
    parts += ["\n", ("for each solved task, what the known ones cost:", "$quiet")]
    line("  tokens", lambda sums: _each(sums, sums.known_tokens, lambda value: count(round(value))))
    line("  time", lambda sums: _each(sums, sums.known_seconds, _long))
    line("  dollars", lambda sums: _each(sums, sums.known_dollars, dollars), "bold")
    line("  always largest", lambda sums: _each(sums, sums.known_largest_dollars, lambda value: dollars(value, True)))
    return parts


def _notes(accounts: Sequence[Account], columns: list[Sums]) -> list[Part]:
    unbilled = len(accounts) - columns[2].tasks
    parts: list[Part] = [
        ("\n≈ an estimate: the same runs at the price of the largest agent, as if it solved the same tasks.", "$quiet")
    ]
    if unbilled:
        parts.append(
            (f"\n{count(unbilled)} without a bill are left out: nothing was awarded, or they were cut short.", "$quiet")
        )
    if not columns[2].known:
        parts.append(
            (
                "\nNo answer is known to be right or wrong: y and x mark it, in a run and among past auctions.",
                "$text-warning",
            )
        )
    return parts


def _wins(agents: tuple[AgentSums, ...]) -> list[Part]:
    if not agents:
        return []
    awarded = sum(agent.wins for agent in agents)
    each = -(-awarded // len(agents[0].shares))
    about = f"  the oldest at the left, ≈ {count(each)} a column\n" if each > 1 else "  the oldest at the left\n"
    parts: list[Part] = [("\n\nShare of wins over time", "bold $text-primary"), (about, "$quiet")]
    for agent in agents:
        parts += [
            (_name(agent.agent), ""),
            (spark(agent.shares), "$text-success"),
            (f"  {_percent(agent.share).rjust(4)} of {count(awarded)}\n", "$quiet"),
        ]
    return parts


def _rates(agents: tuple[AgentSums, ...], width: int) -> list[Part]:
    """Cost against pass rate: in a table, and as points where there is room."""
    if not agents:
        return []
    signs = {agent.agent: str(place % 10) for place, agent in enumerate(agents, 1)}
    parts: list[Part] = [
        ("\nCost against pass rate", "bold $text-primary"),
        ("  of the tasks that each was awarded, auctions included\n", "$quiet"),
    ]
    for agent in agents:
        rate = agent.pass_rate
        known = f"{_percent(rate)} of {count(agent.known)}" if rate is not None else "not known"
        parts += [
            (f"{signs[agent.agent]} ", "bold $accent"),
            _name(agent.agent),
            (bar(rate or 0.0, BAR), "$text-success"),
            f" {known.ljust(13)}",
            (f"{dollars(agent.dollars)} a task\n", ""),
        ]
    points = [(agent.dollars, agent.pass_rate, signs[agent.agent]) for agent in agents if agent.pass_rate is not None]
    if not points or width < CLOUD[0] + 8:
        return parts
    lines = cloud(points, *CLOUD)
    for place, line in enumerate(lines):
        side = {0: "100%", len(lines) - 1: "0%"}.get(place, "")
        parts += [(f"\n{side.rjust(4)} │", "$quiet"), (line, "bold $accent")]
    most = dollars(max(cost for cost, _, _ in points))
    parts.append((f"\n     └{'─' * CLOUD[0]}\n      $0{most.rjust(CLOUD[0] - 2)} a task", "$quiet"))
    return parts


def _name(agent: str) -> str:
    return fit(literal_line(agent), NAME - 1).ljust(NAME)


def _each(sums: Sums, known: float, say: Callable[[float], str]) -> str:
    return say(known / sums.solved) if sums.solved else NONE


def _against(sums: Sums) -> str:
    if sums.largest_dollars <= 0:
        return NONE
    times = sums.dollars / sums.largest_dollars
    return f"≈ {times:.1f} times" if times > 1.05 else f"≈ {_percent(1 - times)} less"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _long(seconds: float) -> str:
    return duration(seconds) if seconds < HOUR else f"{seconds / HOUR:.1f} h"
