"""Training samples: conversations as the product holds them, with real tool outputs."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from models.train.coding import Program, code_of, draw_program
from models.train.drills import draw_drill
from models.train.grammar import Split
from models.train.lookup import Hop, Path, Question, draw_question, word_question
from models.train.plans import (
    VAGUE,
    Plan,
    loose_code,
    loose_search,
    number,
    result,
    right_code,
    right_search,
    spoil_steps,
    spoilt_code,
    spoilt_search,
)
from models.train.wording import word_task
from models.train.world import World
from sale_tui.agent.tools.corpus import format_hits, format_missing, format_page
from sale_tui.auction.prompting import MARK_PREFIX, bid_messages, execute_messages, mark_messages, refine_messages
from sale_tui.ports import Message
from sale_tui.types import ContrastPair, ToolSpec


@dataclass(frozen=True, slots=True)
class Sample:
    """Messages; ``learn`` holds the indices of the assistant turns that are learned."""

    messages: tuple[Message, ...]
    learn: tuple[int, ...]
    tools: tuple[str, ...]
    sort: str
    """``bid``, ``mark``, ``refine``, ``execute`` or ``drill``."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    """One task with all that samples are made of."""

    kind: str
    text: str
    size: int
    answer: str
    program: Program | None = None
    question: Question | None = None


TOOLS = ("python", "search", "open")
EXTRA = ("read", "write", "edit", "list", "grep", "shell", "submit")
SPECS = {name: ToolSpec(name=name, description="", parameters={}) for name in (*TOOLS, *EXTRA)}


def draw_tools(rng: random.Random) -> tuple[str, ...]:
    """The tools that the system message names: mostly the three, in any order, sometimes among others."""
    if rng.random() < 0.6:
        return TOOLS
    names = [*TOOLS, *rng.sample(EXTRA, rng.choice((0, 0, 2, 4, 7)))]
    rng.shuffle(names)
    return tuple(names)


def coding_puzzle(size: int, rng: random.Random, split: Split) -> Puzzle:
    """A coding task."""
    program = draw_program(size, rng, split)
    return Puzzle(
        "coding", word_task(program, rng, split), program.size, str(result(program, program.steps)), program=program
    )


def search_puzzle(world: World, size: int, rng: random.Random, split: Split) -> Puzzle:
    """A search task."""
    question = draw_question(world, size, rng)
    return Puzzle(
        "search", word_question(world, question, rng, split), question.size, question.answer, question=question
    )


def call(name: str, before: str = "", **arguments: str) -> str:
    """An assistant turn that calls a tool."""
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"{before}{chr(10) if before else ''}<tool_call>\n{body}\n</tool_call>"


class Trace:
    """The turns of one execution."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.wrong: set[int] = set()

    def say(self, text: str, wrong: bool = False) -> None:
        """An assistant's turn; wrong ones are shown, not learned."""
        if wrong:
            self.wrong.add(len(self.messages))
        self.messages.append(Message(role="assistant", content=text))

    def hear(self, text: str) -> None:
        """A tool's response."""
        self.messages.append(Message(role="tool", content=text))


def run_code(puzzle: Puzzle, plan: Plan, rng: random.Random) -> Trace:
    """Write the program of the plan, run it, answer."""
    trace, program = Trace(), puzzle.program
    if program is None:
        raise TypeError("a search task has no program")
    code = code_of(program.value, program.second, plan.steps)
    printed = str(result(program, plan.steps))
    if rng.random() < 0.04:
        trace.say(
            call(
                "python",
                code=code.replace("\nprint(x)", "\nprint(y)")
                if program.second is None
                else code.replace("x = ", "z = ", 1),
            ),
            wrong=True,
        )
        trace.hear(f"NameError: name '{'y' if program.second is None else 'x'}' is not defined")
    trace.say(call("python", code=code))
    trace.hear(printed)
    trace.say(f"Answer: {printed}")
    return trace


def run_search(world: World, puzzle: Puzzle, rng: random.Random) -> Trace:
    """Follow the hops with real searches, then answer."""
    trace, question = Trace(), puzzle.question
    if question is None:
        raise TypeError("a coding task has no question")
    found = ""
    for path in question.paths:
        found = run_path(world, path, puzzle.text, trace, found, rng)
    trace.say(f"{found}\nAnswer: {question.answer}")
    return trace


def run_path(world: World, path: Path, text: str, trace: Trace, found: str, rng: random.Random) -> str:
    """The calls of one path; returns what the last of them found."""
    for position, hop in enumerate(path.hops):
        if position == 0:
            query = hop.start if hop.start in text else hop.start.lower()
            if rng.random() < 0.05:
                wrong = query[:-1] + rng.choice("aeiouxz")
                if not world.corpus.search(wrong):
                    trace.say(call("search", found, query=wrong), wrong=True)
                    trace.hear(format_hits([]))
            look(world, trace, found, query)
            if not hop.back:
                read(world, trace, "", hop)
        elif hop.back:
            look(world, trace, found, hop.start)
        else:
            if rng.random() < 0.03:
                trace.say(call("open", found, document=hop.start.split(" ")[0].lower() + " page"), wrong=True)
                trace.hear(format_missing())
                look(world, trace, "", hop.start)
                found = ""
            read(world, trace, found, hop)
        found = f"{hop.label[:1].upper()}{hop.label[1:]}: {hop.end}."
    return found


def look(world: World, trace: Trace, found: str, query: str) -> None:
    """One search."""
    trace.say(call("search", found, query=query))
    trace.hear(format_hits(world.corpus.search(query)))


def read(world: World, trace: Trace, found: str, hop: Hop) -> None:
    """One opened page."""
    page = world.corpus.open(f"{hop.start}.md", 1)
    if page is None:
        raise KeyError(hop.start)
    trace.say(call("open", found, document=page.document))
    trace.hear(format_page(page))


class Maker:
    """Makes samples of all sorts from one world."""

    def __init__(self, world: World, rng: random.Random, split: Split) -> None:
        self.world, self.rng, self.split = world, rng, split

    def puzzle(self, kind: str, size: int) -> Puzzle:
        """A task of a kind and a number of steps."""
        return (
            coding_puzzle(size, self.rng, self.split)
            if kind == "coding"
            else search_puzzle(self.world, size, self.rng, self.split)
        )

    def right(self, puzzle: Puzzle) -> Plan:
        """The plan to be learned."""
        return right_code(puzzle.program) if puzzle.program is not None else right_search(self.asked(puzzle))

    def loose(self, puzzle: Puzzle) -> Plan:
        """A right plan in other words."""
        if puzzle.program is not None:
            return loose_code(puzzle.program.steps, 5, self.rng)
        return loose_search(self.asked(puzzle), self.rng)

    def spoilt(self, puzzle: Puzzle) -> Plan:
        """A plan with faults."""
        if puzzle.program is not None:
            return spoilt_code(puzzle.program, self.rng)
        return spoilt_search(self.world, self.asked(puzzle), self.rng)

    @staticmethod
    def asked(puzzle: Puzzle) -> Question:
        """The question of a search task."""
        if puzzle.question is None:
            raise TypeError("a coding task has no question")
        return puzzle.question

    def make(self, sort: str, kind: str, size: int) -> Sample:
        """One sample."""
        tools = draw_tools(self.rng)
        if sort == "drill":
            messages, code = draw_drill(self.rng)
            turn = Message(role="assistant", content=call("python", code=code))
            return Sample((*messages, turn), (len(messages),), tools, sort)
        puzzle = self.puzzle(kind, size)
        if sort == "execute":
            return self.execute(puzzle, tools)
        if sort == "mark":
            plan = self.rng.choices((self.right, self.loose, self.spoilt), (0.25, 0.12, 0.63))[0](puzzle)
            messages = mark_messages(puzzle.text, plan.text)
            return Sample(
                (*messages, Message(role="assistant", content=f"{MARK_PREFIX}{plan.mark}")),
                (len(messages),),
                tools,
                sort,
            )
        if sort == "bid":
            messages = bid_messages(puzzle.text, [SPECS[t] for t in tools])
        else:
            messages = refine_messages(puzzle.text, self.weak(puzzle).text, self.pairs(kind, size))
        return Sample(
            (*messages, Message(role="assistant", content=self.right(puzzle).text)), (len(messages),), tools, sort
        )

    def weak(self, puzzle: Puzzle) -> Plan:
        """What an agent may have bid first."""
        return self.rng.choices((self.spoilt, self.right, self.loose), (0.6, 0.3, 0.1))[0](puzzle)

    def pairs(self, kind: str, size: int) -> list[ContrastPair]:
        """One or two pairs of plans for tasks alike."""
        made = []
        for _ in range(self.rng.choice((1, 2, 2))):
            past = self.puzzle(kind, max(1, size + self.rng.choice((-1, 0, 0, 1))))
            lost, won = self.weak(past).text, self.rng.choice((self.right, self.right, self.loose))(past).text
            made.append(
                ContrastPair(
                    auction="a",
                    task=past.text,
                    similarity=0.5,
                    losing_plan=lost,
                    losing_agent="x",
                    winning_plan=won,
                    winning_agent="y",
                )
            )
        return made

    def execute(self, puzzle: Puzzle, tools: tuple[str, ...]) -> Sample:
        """One execution, mostly of a right plan."""
        rng, roll = self.rng, self.rng.random()
        if puzzle.program is not None:
            plan = right_code(puzzle.program) if roll < 0.6 else loose_code(puzzle.program.steps, 5, rng)
            if roll > 0.95:
                plan = Plan(number([rng.choice(VAGUE["coding"])]), 3, puzzle.program.steps)
            elif roll > 0.87:
                steps = spoil_steps(puzzle.program, 1, rng)
                if result(puzzle.program, steps) is not None and len(str(result(puzzle.program, steps))) < 100:
                    plan = Plan(number([*(s.plan for s in steps), "run it with python and print the result"]), 2, steps)
            trace = run_code(puzzle, plan, rng)
        else:
            plan = self.right(puzzle) if roll < 0.7 else self.loose(puzzle)
            if roll > 0.95:
                plan = Plan(number([rng.choice(VAGUE["search"])]), 3)
            elif roll > 0.9:
                plan = self.spoilt(puzzle)
            trace = run_search(self.world, puzzle, rng)
        messages = execute_messages(puzzle.text, plan.text)
        learn = tuple(
            len(messages) + i for i, m in enumerate(trace.messages) if m.role == "assistant" and i not in trace.wrong
        )
        return Sample((*messages, *trace.messages), learn, tools, "execute")
