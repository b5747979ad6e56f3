"""The messages of every phase, from versioned prompt files.

All phases of one auction begin with the same system message and the same task message, so that a model
decodes that prefix once for bid, marks, refinement and execution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from sale_tui.ports import Message
from sale_tui.types import ContrastPair, Limits, ToolSpec

PROMPTS = ("system", "bid", "mark", "refine", "pair", "execute")
CORPUS_TOOLS = ("search", "open")
"""Tools that are offered where there is a corpus."""
MARK_PREFIX = "Mark: "
"""How a juror's turn begins; the next token is the digit."""


@cache
def prompt_text(name: str) -> str:
    """The text of one prompt file."""
    return (resources.files("sale_tui.auction") / "prompts" / f"{name}.md").read_text("utf-8").strip()


def prompt_hashes() -> dict[str, str]:
    """SHA-256 of every prompt, for the log's header."""
    return {name: hashlib.sha256(prompt_text(name).encode()).hexdigest() for name in PROMPTS}


def fill(name: str, **fields: str) -> str:
    """A prompt with its fields replaced; texts in the fields are never read as fields themselves."""
    pieces = prompt_text(name).split("{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        field, brace, rest = piece.partition("}")
        filled.append(fields[field] + rest if brace and field in fields else "{" + piece)
    return "".join(filled)


def fenced(text: str) -> str:
    """A text that cannot close the fence it stands in: ``</plan>`` within it is told apart by a space."""
    return text.replace("</", "</ ")


def opening(task: str) -> tuple[Message, ...]:
    """The shared prefix: who you are, and the task."""
    return (
        Message(role="system", content=prompt_text("system"), part="system"),
        Message(role="user", content=task, part="task"),
    )


def bid_messages(task: str, tools: Sequence[ToolSpec], limits: Limits | None = None) -> tuple[Message, ...]:
    """Asks for a first plan; names the tools, the corpus and the run's limits that exist now (paper.md section 5)."""
    names = [tool.name for tool in tools]
    content = fill("bid", tools=", ".join(names) or "none", corpus=_corpus(names), limits=_limits(limits))
    return (*opening(task), Message(role="user", content=content, part="bid"))


def _corpus(names: Sequence[str]) -> str:
    readers = [name for name in CORPUS_TOOLS if name in names]
    if not readers:
        return "There are no documents to look things up in."
    return f"A corpus of documents is there to be read with {' and '.join(readers)}."


def _limits(limits: Limits | None) -> str:
    if limits is None:
        return ""
    return f" Whoever carries out the plan has {limits.steps} steps and {limits.seconds:g} seconds for it."


def mark_messages(task: str, plan: str) -> tuple[Message, ...]:
    """Asks a juror for a mark; the plan stands there fenced and without its author."""
    content = fill("mark", plan=fenced(plan))
    return (*opening(task), Message(role="user", content=content, part="mark", fields={"plan": plan}))


def refine_messages(task: str, plan: str, pairs: Sequence[ContrastPair]) -> tuple[Message, ...]:
    """Asks a cheaper agent for a better plan; ``pairs`` are nearest first."""
    shown = "\n\n".join(
        fill(
            "pair",
            task=fenced(pair.task),
            losing_plan=fenced(pair.losing_plan),
            winning_plan=fenced(pair.winning_plan),
        )
        for pair in pairs
    )
    fields = {"plan": plan}
    for number, pair in enumerate(pairs, start=1):
        fields[f"lost_{number}"] = pair.losing_plan
        fields[f"won_{number}"] = pair.winning_plan
    content = fill("refine", plan=fenced(plan), pairs=shown)
    return (*opening(task), Message(role="user", content=content, part="refine", fields=fields))


def execute_messages(task: str, plan: str) -> tuple[Message, ...]:
    """Tells the winner to carry out its plan."""
    content = fill("execute", plan=fenced(plan))
    return (*opening(task), Message(role="user", content=content, part="execute", fields={"plan": plan}))
