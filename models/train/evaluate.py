"""Measures a GGUF on task files: bid, run with real tools, answer; also how well it marks. Greedy, one sequence.

The product's own bench measures the same through the product; this loop is for the training's tables. It runs the
model's code in a plain subprocess with limits, so use it for models trained here alone.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.train.player import Player
from models.train.samples import SPECS, TOOLS, Maker
from models.train.tokenizer import Coder
from models.train.world import make_world
from sale_tui.agent.tools.corpus import Corpus, format_hits, format_missing, format_page
from sale_tui.auction.prompting import MARK_PREFIX, bid_messages, execute_messages, mark_messages
from sale_tui.ports import Message

CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|$)", re.DOTALL)
TURNS = 16
PLAN_TOKENS = 240
TURN_TOKENS = 260


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one task."""

    plan: str
    answer: str
    passed: bool
    tokens: int
    turns: tuple[str, ...]


def same(answer: str, right: str) -> bool:
    """Whether an answer is the right one: spacing, quotes, case of a word and the look of a number do not matter."""

    def plain(text: str) -> str:
        return re.sub(r"[\s\"']+", "", text).rstrip(".").strip()

    if plain(answer) == plain(right):
        return True
    try:
        return abs(float(answer) - float(right)) < 1e-6
    except ValueError:
        return False


def run_python(code: str) -> str:
    """What the code prints, as the product shows it."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=5, check=False
        )
    except subprocess.TimeoutExpired:
        return "(took too long)"
    printed = done.stdout.rstrip("\n")
    if done.returncode:
        return "\n".join(filter(None, (printed, done.stderr.strip().split("\n")[-1])))
    return printed or "(no output)"


def use_tool(corpus: Corpus, body: str) -> str:
    """The response to one call."""
    try:
        call = json.loads(body, strict=False)
        name, arguments = call["name"], call["arguments"]
        if name == "python":
            return run_python(str(arguments["code"]))
        if name == "search":
            return format_hits(corpus.search(str(arguments["query"])))
        page = corpus.open(str(arguments["document"]), 1)
        return format_missing() if page is None else format_page(page)
    except (ValueError, KeyError, TypeError):
        return "malformed call"


class Examiner:
    """One model at its tasks."""

    def __init__(self, gguf: Path, coder: Coder, corpus: Corpus, threads: int = 1) -> None:
        self.player, self.coder, self.corpus = Player(gguf, coder, threads), coder, corpus

    def ids(self, messages: tuple[Message, ...], generate: bool = True) -> list[int]:
        """A rendered conversation."""
        return [i for piece, _ in self.coder.prompt(messages, TOOLS, generate) for i in piece]

    def bid(self, task: str) -> str:
        """The plan."""
        messages = bid_messages(task, [SPECS[t] for t in TOOLS])
        return self.coder.decode(self.player.greedy(self.ids(messages), PLAN_TOKENS)).strip()

    def solve(self, task: str, right: str, plan: str | None = None) -> Run:
        """Bid (unless a plan is given), run, answer."""
        plan = self.bid(task) if plan is None else plan
        ids = self.ids(execute_messages(task, plan))
        used, turns = 0, list[str]()
        end = self.coder.control("<|im_end|>\n")
        for _ in range(TURNS):
            made = self.player.greedy(ids, TURN_TOKENS)
            used += len(made)
            text = self.coder.decode(made)
            turns.append(text)
            calls = CALL.findall(text)
            if not calls or len(ids) > 1900:
                break
            ids = ids + made + end
            for body in calls:
                heard = use_tool(self.corpus, body)
                turns.append(heard)
                ids += (
                    self.coder.control("<|im_start|>user\n<tool_response>\n")
                    + self.coder.content(heard)
                    + self.coder.control("\n</tool_response><|im_end|>\n")
                )
            ids += self.coder.control("<|im_start|>assistant\n")
        answer = turns[-1].rpartition("Answer:")[2].strip() if turns else ""
        return Run(plan, answer, same(answer, right), used, tuple(turns))

    def mark(self, task: str, plan: str) -> tuple[float, int]:
        """Expected and most likely mark."""
        ids = self.ids(mark_messages(task, plan)) + self.coder.control(MARK_PREFIX)
        digits = [self.coder.id_of(str(d)) for d in range(6)]
        logits = self.player.logits(ids)[digits]
        share = np.exp(logits - logits.max())
        share /= share.sum()
        return float((share * np.arange(6)).sum()), int(share.argmax())


def table(examiner: Examiner, tasks: list[dict[str, object]], show: int = 0) -> dict[str, dict[int, tuple[int, int]]]:
    """Passed and tried by kind and steps; prints the first ``show`` failures."""
    cells: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for task in tasks:
        run = examiner.solve(str(task["text"]), str(task["answer"]))
        kind, steps = str(task["kind"]), int(str(task.get("steps", 0)))
        passed, tried = cells[kind].get(steps, (0, 0))
        cells[kind][steps] = (passed + run.passed, tried + 1)
        if not run.passed and show > 0:
            show -= 1
            print(f"--- {task['text']}\n    wanted {task['answer']!r}, got {run.answer!r}\n    plan: {run.plan!r}")
            print("    " + " | ".join(repr(t[-200:]) for t in run.turns[:8]))
    return cells


def marks(examiner: Examiner, count: int, seed: int = 5) -> tuple[float, float]:
    """Share of marks exactly right, and correlation of the expected mark with the right one."""
    rng = random.Random(seed)
    maker = Maker(make_world(rng, "test"), rng, "test")
    right, expected, exact = [], [], 0
    for number in range(count):
        puzzle = maker.puzzle(("coding", "search")[number % 2], 1 + number // 2 % 5)
        plan = maker.right(puzzle) if rng.random() < 0.35 else maker.spoilt(puzzle)
        value, digit = examiner.mark(puzzle.text, plan.text)
        right.append(plan.mark)
        expected.append(value)
        exact += digit == plan.mark
    return exact / count, float(np.corrcoef(right, expected)[0, 1])


def read_tasks(path: Path, limit: int | None = None) -> list[dict[str, object]]:
    """Tasks of a file; at most ``limit`` of each kind and number of steps."""
    kept: list[dict[str, object]] = []
    seen: dict[tuple[object, object], int] = defaultdict(int)
    for line in path.read_text("utf-8").splitlines():
        task: dict[str, object] = json.loads(line)
        key = (task["kind"], task.get("steps"))
        seen[key] += 1
        if limit is None or seen[key] <= limit:
            kept.append(task)
    return kept


def report(gguf: Path, tasks: Path, corpus: Path, coder: Coder, limit: int | None, show: int = 0) -> None:  # noqa: PLR0913, PLR0917
    """Prints one model's table."""
    started = time.monotonic()
    examiner = Examiner(gguf, coder, Corpus(corpus))
    cells = table(examiner, read_tasks(tasks, limit), show)
    for kind, row in sorted(cells.items()):
        line = "  ".join(
            f"{steps}: {passed}/{tried} {passed / tried:.0%}" for steps, (passed, tried) in sorted(row.items())
        )
        print(f"{gguf.stem} {kind:7} {line}")
    exact, correlation = marks(examiner, 100)
    print(
        f"{gguf.stem} marks   exact {exact:.0%}, correlation {correlation:.2f}   ({time.monotonic() - started:.0f} s)",
        flush=True,
    )
