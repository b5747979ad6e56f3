"""Numbers, money and durations as people read them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sale_tui.literal import literal, literal_line
from sale_tui.types import MEGABYTE, Bill, Explanation, SandboxLimits, Source

NONE = "·"
"""Where a number is not known yet."""
MINUS = "−"


def number(value: float | None, digits: int = 2) -> str:
    """``-0.5`` → ``−0.50``; a value that is not there yet is a dot. Never ``−0.00``."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if float(text) == 0 else MINUS + text[1:]
    return text


def signed(value: float, digits: int = 2) -> str:
    """The same with its sign."""
    text = number(value, digits)
    return text if text.startswith(MINUS) else f"+{text}"


def compact(value: float | None, digits: int, room: int) -> str:
    """The same as ``number``, in powers of ten where it takes more than ``room`` characters."""
    text = number(value, digits)
    return text if value is None or len(text) <= room else f"{value:.1e}"


def count(value: int) -> str:
    """``12345`` → ``12,345``."""
    return f"{value:,}"


def price(value: float, estimated: bool = False) -> str:
    """Dollars per million tokens, at most three decimals: ``$0.05``, ``≈$0.125``."""
    text = f"{value:.3f}"
    return f"{'≈' if estimated else ''}${text.removesuffix('0')}"


def dollars(value: float, estimated: bool = False) -> str:
    """Money of any size with three significant digits, never in powers of ten: ``$0.0000123``, ``$1.50``."""
    mark = "≈ " if estimated else ""
    if value == 0:
        return f"{mark}$0"
    digits = 2
    while digits < 12 and abs(value) < 10 ** (2 - digits):
        digits += 1
    return f"{mark}${value:.{digits}f}"


def duration(seconds: float) -> str:
    """``0.42 s``, ``12.3 s``, ``2 min 05 s``."""
    if seconds < 0.9995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def megabytes(size: int) -> str:
    """Bytes as ``4.2 MB`` or ``5.1 GB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def seconds(value: float) -> str:
    """Whole seconds of a limit: ``30 s``, ``15 min``, ``2 min 05 s``."""
    if value < 120:
        return f"{value:g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min{f' {rest:02d} s' if rest else ''}"


def binary(size: int) -> str:
    """Bytes of a limit, as they are set: ``256 KB``, ``512 MB``."""
    return f"{size // 1024:,} KB" if size < MEGABYTE else f"{size // MEGABYTE:,} MB"


def limit_rows(limits: SandboxLimits, wall: float) -> tuple[tuple[str, str], ...]:
    """What one program of a tool may use at most, by name. ``wall``: seconds; 0 where they are not known."""
    return (
        (
            "wall time",
            f"{seconds(wall)}; shell commands at most {seconds(limits.seconds)}" if wall else seconds(limits.seconds),
        ),
        ("memory", f"{binary(limits.memory_bytes)}, of all its processes together"),
        ("tasks", f"{count(limits.tasks)} processes and threads"),
        ("disk", f"{binary(limits.disk_bytes)} more in its folder, {binary(limits.file_bytes)} in one file"),
        ("files", f"{count(limits.files)} more in its folder"),
        (
            "output",
            f"{binary(limits.kept_bytes)} kept of each stream; stopped after {binary(limits.drained_bytes)}",
        ),
        ("scratch", f"{binary(limits.scratch_bytes)} each in /tmp and /dev/shm"),
        ("open files", count(limits.open_files)),
    )


def plural(amount: int, word: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{count(amount)} {word}{'' if amount == 1 else 's'}"


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names without the beginning, up to a hyphen, that all of them share: ``micro-xs`` → ``xs``."""
    if len(names) < 2:
        return {name: name for name in names}
    parts = [name.split("-") for name in names]
    shared = 0
    while all(len(pieces) > shared + 1 for pieces in parts) and len({pieces[shared] for pieces in parts}) == 1:
        shared += 1
    return {name: "-".join(pieces[shared:]) for name, pieces in zip(names, parts, strict=True)}


def fit(text: str, width: int) -> str:
    """Text cut to ``width`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def call_line(arguments: Mapping[str, Any]) -> str:
    """The arguments of a call as text: a lone text as it is, else ``name=value`` each."""
    if len(arguments) == 1:
        value = next(iter(arguments.values()))
        return value if isinstance(value, str) else repr(value)
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def term_name(term: str) -> str:
    """A term of a total in words."""
    if term.startswith("jury:"):
        return f"the mark of {term.removeprefix('jury:')}"
    return {"cost": "cost", "entropy": "entropy"}.get(term, term)


def why(explanation: Explanation) -> str:
    """Why this bid is proposed, in one sentence."""
    if explanation.runner_up is None or explanation.margin is None:
        return "no other bid could have won"
    round_ = " (refined)" if explanation.runner_up_round == "refined" else ""
    parts = [f"{number(explanation.margin, 3)} ahead of {explanation.runner_up}{round_}"]
    if explanation.deciding_term:
        parts.append(f"decided by {term_name(explanation.deciding_term)}")
    parts.append(flip(explanation))
    return " · ".join(parts)


def flip(explanation: Explanation) -> str:
    """Which change of one weight would hand the award to the runner-up."""
    if explanation.flip is None:
        return "no single weight would change it"
    change = explanation.flip
    after = number(change.weight + change.delta, 3)
    name = (
        "jury weight of " + change.term.removeprefix("jury:")
        if change.term.startswith("jury:")
        else f"{change.term} weight"
    )
    return f"{name} {number(change.weight, 3)} → {after} would change it"


def bill_line(bill: Bill, estimated: bool = False) -> str:
    """What a task cost, and what it would have cost. ``estimated``: the prices of the pool are."""
    together = dollars(bill.auction_dollars + bill.run_dollars, estimated)
    return (
        f"{together} = auction {dollars(bill.auction_dollars)} ({plural(bill.auction_tokens, 'token')})"
        f" + run {dollars(bill.run_dollars)} ({plural(bill.run_tokens, 'token')})"
    )


def largest_line(bill: Bill) -> str:
    """The same run by the largest agent, as an estimate."""
    return f"{dollars(bill.always_largest_dollars, True)}, {saving(bill)}"


def source_line(source: Source) -> str:
    """A document by its title and where it is."""
    title, document = literal_line(source.title), literal_line(source.document)
    return document if title in {"", document} else f"{title} · {document}"


def saving(bill: Bill) -> str:
    """What the auction saved against always using the largest, or what it cost on top."""
    total, largest = bill.auction_dollars + bill.run_dollars, bill.always_largest_dollars
    if largest <= 0:
        return "nothing to compare with"
    if 0.95 <= total / largest <= 1.05:
        return "so about the same"
    if total <= largest:
        return f"so ≈ {100 * (1 - total / largest):.0f}% saved"
    return f"so ≈ {total / largest:.1f} times as dear; the run is too short to repay its auction"


def excerpt(text: str, characters: int) -> str:
    """A text that is too long, as its beginning and its end with what is missing between them, made literal."""
    if len(text) <= characters:
        return literal(text)
    head, tail = characters * 2 // 3, characters // 3
    return literal(f"{text[:head]}\n… {count(len(text) - head - tail)} characters …\n{text[-tail:]}")
