"""Plans: the right one, other ways to write it, spoilt ones with their marks."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from models.train.coding import BY_TYPE, OPS, Program, Step, code_of, draw_program, evaluate, fill, make_step
from models.train.grammar import phrase
from models.train.lookup import Question, draw_question, plan_steps
from models.train.relations import RELATIONS
from models.train.wording import is_question
from models.train.world import World

CLOSING = "run it with python and print the result"
OTHER_CLOSINGS = (
    CLOSING,
    CLOSING,
    "write it in python and print the result",
    "use python to run it and print",
    "use the python tool and read the output",
    "execute the code with python",
    "print the final value with python",
    "run the code in python and give the output as answer",
    "check the printed result",
)
VAGUE = {
    "coding": (
        "solve the task with python and print the result",
        "write a python program that does what is asked",
        "use python to compute the answer",
    ),
    "search": (
        "search for the name in the question and open its page",
        "use search and open to find the answer",
        "look up what is asked and answer",
    ),
}
OPPOSITES = {
    "even": "odd",
    "odd": "even",
    "above": "below",
    "below": "above",
    "atleast": "atmost",
    "atmost": "atleast",
    "sort": "sortdesc",
    "sortdesc": "sort",
    "first": "last",
    "last": "first",
    "dropfirst": "droplast",
    "droplast": "dropfirst",
    "max": "min",
    "min": "max",
    "add": "minus",
    "minus": "add",
    "double": "triple",
    "square": "double",
    "longer": "shorter",
    "shorter": "longer",
    "starts": "ends",
    "ends": "starts",
    "contains": "lacks",
    "lacks": "contains",
    "alphabetical": "zetoa",
    "zetoa": "alphabetical",
    "bylength": "bylengthdesc",
    "bylengthdesc": "bylength",
    "longest": "shortest",
    "shortest": "longest",
    "novowels": "vowelsonly",
    "vowelsonly": "novowels",
    "sfirst": "slast",
    "slast": "sfirst",
    "svowels": "sconsonants",
    "dmax": "dmin",
    "dmin": "dmax",
    "dabove": "dbelow",
    "dbelow": "dabove",
    "sum": "product",
    "count": "sum",
    "firstone": "lastone",
    "lastone": "firstone",
    "positive": "negative",
    "negative": "positive",
    "divisible": "notdivisible",
    "notdivisible": "divisible",
    "upper": "capital",
    "behead": "curtail",
    "curtail": "behead",
    "append": "prepend",
    "prepend": "append",
    "plusk": "minusk",
    "minusk": "plusk",
    "timesk": "plusk",
    "reverse": "sort",
    "wreverse": "alphabetical",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's text, the mark it deserves (5 = right and complete, 0 = unrelated), and for code what it computes."""

    text: str
    mark: int
    steps: tuple[Step, ...] = ()


def number(steps: list[str], rng: random.Random | None = None) -> str:
    """Numbered lines."""
    style = "{}. " if rng is None or rng.random() < 0.85 else rng.choice(("{}) ", "- ", "Step {}: "))
    return "\n".join(style.format(i) + s[:1].upper() + s[1:] + "." for i, s in enumerate(steps, start=1))


def right_code(program: Program) -> Plan:
    """The plan that a model should write for a program: always in the same words, so that nothing is to be guessed."""
    return Plan(number([*(s.plan for s in program.steps), CLOSING]), 5, program.steps)


def reworded(step: Step, rng: random.Random) -> str:
    """A step in some of the words people use for it (training wordings only)."""
    if step.condition or rng.random() < 0.4:
        return step.plan
    for _ in range(5):
        text = phrase(step.op.say, rng, "train", step.op.name)
        if not is_question(text):
            return (
                fill(text, dict(step.params))
                .replace("{it}", "them" if step.op.takes in "nw" else "it")
                .replace("{of}", "")
            )
    return step.plan


def loose_code(steps: tuple[Step, ...], mark: int, rng: random.Random) -> Plan:
    """A plan in freer words for given steps."""
    lines = [reworded(s, rng) for s in steps]
    if len(lines) > 2 and rng.random() < 0.1:
        lines[0:2] = [f"{lines[0]} and {lines[1]}"]
    return Plan(number([*lines, rng.choice(OTHER_CLOSINGS)], rng), mark, steps)


def change(step: Step, rng: random.Random) -> Step:
    """A step that is wrong: its opposite, another number, or another operation."""
    roll = rng.random()
    params = dict(step.params)
    if roll < 0.35 and params.get("k", "").isdigit():
        k = int(params["k"])
        params["k"] = str(max(1, rng.choice((k + 1, k - 1, k + 10, k * 2, k + rng.randint(1, 9)))))
        return replace(step, params=tuple(params.items()), condition=None, other=None)
    other = OPPOSITES.get(step.op.name)
    if roll < 0.8 and other is not None and OPS[other].takes == step.op.takes:
        o = OPS[other]
        if not o.k or "k" in params:
            return Step(o, step.params if o.k else ())
    choices = [
        o
        for o in OPS.values()
        if o.takes == step.op.takes
        and o.gives == step.op.gives
        and o.name != step.op.name
        and o.k not in {"in", "key"}
        and " y" not in o.code
    ]
    return make_step(rng.choice(choices or list(BY_TYPE[step.op.takes])), "abc", rng)


def result(program: Program, steps: tuple[Step, ...]) -> object | None:
    """What other steps give for the program's value; None if they fail."""
    try:
        return evaluate(code_of(program.value, program.second, steps))
    except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError, AttributeError, NameError, SyntaxError):
        return None


def spoil_steps(program: Program, faults: int, rng: random.Random) -> tuple[Step, ...]:
    """The program's steps with faults."""
    steps = list(program.steps)
    for _ in range(faults):
        roll, place = rng.random(), rng.randrange(len(steps))
        if roll < 0.3 and len(steps) > 1:
            del steps[place]
        elif roll < 0.45 and len(steps) > 1:
            place = min(place, len(steps) - 2)
            steps[place], steps[place + 1] = steps[place + 1], steps[place]
        elif roll < 0.52:
            steps.insert(place, steps[place])
        else:
            steps[place] = change(steps[place], rng)
    return tuple(steps)


def spoilt_code(program: Program, rng: random.Random) -> Plan:
    """A plan with faults, marked by what it would compute."""
    roll = rng.random()
    if roll < 0.1:
        other = draw_program(rng.randint(1, 4), rng, "train")
        return replace(loose_code(other.steps, 0, rng), steps=())
    if roll < 0.17:
        return Plan(number(rng.sample(VAGUE["coding"], rng.choice((1, 1, 2)))), 3)
    if roll < 0.24:
        lines = [s.plan for s in program.steps]
        return Plan(
            number(
                [
                    *lines,
                    rng.choice(
                        ("search for the result", "open the page and answer", "search for the list and open it")
                    ),
                ]
            ),
            1,
        )
    if roll < 0.3:
        return Plan(number([s.plan for s in program.steps]), 4, program.steps)
    faults = rng.choice((1, 1, 1, 2, 2, 3))
    steps = spoil_steps(program, faults, rng)
    same = result(program, steps) == evaluate(program.code)
    mark = (4 if len(steps) != len(program.steps) else 5) if same else max(0, 3 - faults) if faults < 3 else 0
    return (
        loose_code(steps, mark, rng)
        if rng.random() < 0.3
        else Plan(number([*(s.plan for s in steps), CLOSING]), mark, steps)
    )


def right_search(question: Question) -> Plan:
    """The plan that a model should write for a question."""
    return Plan(number(plan_steps(question)), 5)


SEARCH_WORDS = (
    ("search for that", "look for that", "find that", "search that"),
    ("search for ", "look up ", "find ", "use search for ", "search "),
    (
        "open the page of that",
        "open that",
        "read the page of that",
        "open the document of that",
        "then open the page of that",
    ),
    ("and open the page to find", "and open it to find", "and read the page for", "then open the page for", "and get"),
    ("to find the", "for the", "to get the", "to learn the", "and note the"),
    ("answer with the", "give the", "reply with the", "the answer is the", "report the"),
)


def loose_search(question: Question, rng: random.Random, mark: int = 5, steps: list[str] | None = None) -> Plan:
    """A plan in freer words; the meaning of every step stays."""
    lines = []
    for line in steps if steps is not None else plan_steps(question):
        text = line
        for words in SEARCH_WORDS:
            if words[0] in text and rng.random() < 0.5:
                text = text.replace(words[0], rng.choice(words), 1)
        lines.append(text)
    return Plan(number(lines, rng), mark)


LABELS = tuple(sorted({r.label for r in RELATIONS}))


def spoilt_search(world: World, question: Question, rng: random.Random) -> Plan:
    """A plan with faults for a question."""
    roll = rng.random()
    lines = plan_steps(question)
    if roll < 0.1:
        return replace(loose_search(draw_question(world, rng.randint(1, 4), rng), rng), mark=0)
    if roll < 0.17:
        return Plan(number(rng.sample(VAGUE["search"], rng.choice((1, 1, 2)))), 3)
    if roll < 0.24:
        return Plan(
            number(
                [
                    line.replace("search for", "compute with python").replace("open the page", "run python")
                    for line in lines
                ]
            ),
            1,
        )
    if roll < 0.3 and len(lines) > 1:
        return loose_search(question, rng, 4, lines[:-1])
    faults = rng.choice((1, 1, 1, 2, 2, 3))
    for _ in range(faults):
        lines = spoil_line(world, lines, rng)
    mark = max(0, 3 - faults) if faults < 3 else 0
    if lines == plan_steps(question):
        mark = 5
    return loose_search(question, rng, mark, lines) if rng.random() < 0.3 else Plan(number(lines), mark)


def spoil_line(world: World, lines: list[str], rng: random.Random) -> list[str]:
    """One fault in the lines of a search plan."""
    lines = list(lines)
    place, roll = rng.randrange(len(lines)), rng.random()
    if roll < 0.3 and len(lines) > 2:
        del lines[min(place, len(lines) - 2)]
    elif roll < 0.42 and len(lines) > 3:
        place = min(place, len(lines) - 3)
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    elif roll < 0.55:
        words = lines[0].removeprefix("search for ").split(" and open")[0].split(" to find")[0]
        lines[0] = lines[0].replace(words, rng.choice(world.things).name, 1)
    else:
        head, _, label = lines[place].rpartition(" the ")
        if head and not head.endswith("open"):
            lines[place] = f"{head} the {rng.choice([x for x in LABELS if x != label])}"
    return lines
