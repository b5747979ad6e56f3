"""How people word a coding task: frames around the phrases of its steps, ways to write a value, and noise."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from models.train.coding import CONDITION_WORDS, Program, Step, fill
from models.train.grammar import Split, belongs, expand, phrase

Frame = Callable[["Asker"], str]

LIST_NAMES = {
    "n": "[the list |the numbers |these numbers: |the following numbers: |this list: |my list |list |numbers |the values |the array |the series |||||]",
    "w": "[the list |the words |these words: |the following words: |this list: |my words |words |the names ||||]",
    "s": "[the word |the word |the string |the text |my word |the term |word ||]",
    "d": "[the table |this table: |the stock |these counts: |the amounts |the prices |the dictionary |the inventory |the list |||]",
}
STORIES = {
    "n": "[I have the numbers @.|I have @.|Here is a list: @.|Here are some numbers: @.|My scores were @.|The temperatures this week were @.|A shop sold @ [loaves|cups|cakes|items] on [those|its last] days.|The prices are @.|We measured @.|The ages in the [club|team|group] are @.|You are given @.|Someone wrote down @.|I counted @ [birds|cars|bikes] on my walks.|The list is @.|Numbers: @.|Data: @.|These are the points of my team: @.|Consider @.|Look at @.|Suppose we have @.|I've got @ here.|I wrote down @.]",
    "w": "[I have the words @.|Here is a list: @.|Here are some words: @.|My shopping list is @.|On the table lie @.|You are given @.|The list is @.|Words: @.|My notes say @.|Consider @.|I've got @ here.|I wrote down @.|The labels are @.]",
    "s": "[I have the word @.|Here is a word: @.|The word is @.|You are given @.|My password is @.|Word: @.|Consider the word @.|The sign says @.|I wrote down @.|My text is @.]",
    "d": "[I have @.|The stock is @.|Here is a table: @.|In the shop there are @.|The scores are @.|You are given @.|Prices: @.|My pantry holds @.|I counted @.|The votes were @.|Table: @.]",
}
ITS = {
    "n": "[it|the list|them|the numbers|the result|the values|what you have|these|what is left|]",
    "w": "[it|the list|them|the words|the result|these|what is left|]",
    "s": "[it|the word|the text|the result|that|the string]",
    "d": "[it|the table|them]",
    "i": "[it|the result]",
    "b": "it",
}
PLURAL_FIX = ((" it is ", " it is "), ("how long is them", "how long is it"), ("have them", "have"))
FRAMES: dict[str, tuple[str, ...]] = {
    "chain": (
        "[Take|Start with|Begin with|Start from|Use|Grab] @[.|,|;|:|.|.] S",
        "[For|With|From|Given|Using|On|In] @[,|:|,] S",
        "@: S",
        "@ - S",
        "@. S",
        "STORY S",
        "STORY S",
        "STORY S",
        "[Please |Can you |Could you |I want you to |I'd like you to |Would you |You should |I need you to |]S. [The list is|The input is|It is about|Here it is:|Use|Input:|Start from|The data:] @[.|]",
        "[Do this [with|to|for]|Process|Work on] @: S",
        "[Here's what to do|What I want|The job|Task|Do the following] [with|for] @: S",
    ),
}
JOINERS: tuple[tuple[str, str, str], ...] = (
    (", then ", ", then ", ""),
    (", then ", " and ", ""),
    (", ", " and ", ""),
    (". ", ". ", "."),
    (". Then ", ". Finally ", "."),
    ("; ", "; ", ""),
    (" and then ", " and then ", ""),
    (", then ", ", and finally ", ""),
    (". After that, ", ". Finally, ", "."),
    (" -> ", " -> ", ""),
    (", next ", ", and then ", ""),
    (". Next, ", ". At the end, ", "."),
    (", and ", ", and ", ""),
    ("; then ", "; then ", "."),
    (". Now ", ". Then ", "."),
    (", afterwards ", ", lastly ", ""),
    (" then ", " then ", ""),
)
OPENERS = (
    "",
    "",
    "",
    "first ",
    "first, ",
    "please ",
    "to begin, ",
    "go and ",
    "I want you to ",
    "can you ",
    "you ",
    "let's ",
    "we should ",
    "could you please ",
)
NOUN_ASKS = (
    "[What is|What's|whats|What would be|What are|Give me|Find|Tell me|Compute|Calculate|Show|Show me|I need|I want|Print|Get|Work out|Determine|Return|Can you find|Please give me|Could you tell me|I'd like|Do you know|I would like to know|Say|Output|] N[?|.|]",
)
LASTS = (
    "",
    "",
    "",
    "",
    "what do you get",
    "what is the result",
    "what is left",
    "tell me the result",
    "show the result",
    "print it",
    "what comes out",
    "give me what you get",
)
NOISE_FRONT = (
    "please",
    "hey,",
    "hi,",
    "hello,",
    "ok,",
    "so",
    "quick one:",
    "task:",
    "hi there,",
    "question:",
    "now",
    "well,",
)
NOISE_BACK = ("thanks", "thank you", "please", "thanks!", "pls", "if you can", "ok?", "in python", "using code")


class Asker:
    """Words one program; every phrase it picks belongs to the split."""

    def __init__(self, program: Program, rng: random.Random, split: Split) -> None:
        self.program, self.rng, self.split = program, rng, split
        self.kind = program.steps[0].op.takes

    def pick(self, pattern: str, key: str) -> str:
        """A wording of one pattern."""
        return phrase((pattern,), self.rng, self.split, key)

    def value(self, named: bool = True) -> str:
        """The value as somebody writes it."""
        shown = write_value(self.program.value, self.rng)
        if self.program.second is not None:
            other = write_value(self.program.second, self.rng)
            return self.rng.choice(
                (
                    f"{shown} and {other}",
                    f"the lists {shown} and {other}",
                    f"the two lists {shown} and {other}",
                    f"first {shown}, second {other}",
                    f"{shown} as the first list and {other} as the second",
                )
            )
        return expand(LIST_NAMES[self.kind], self.rng) + " " + shown if named else shown

    def step(self, step: Step, it: str, of: str) -> str:
        """An order for one step."""
        text = phrase(step.op.say, self.rng, self.split, step.op.name)
        text = fill(text, dict(step.params)).replace("{it}", it).replace("{of}", f" {of}" if of else "")
        if step.condition is None or step.other is None:
            return text
        english = step.condition[0]
        pattern = next(words for start, words in CONDITION_WORDS.items() if english.startswith(start))
        found = re.search(r"\d+", english)
        condition = phrase(tuple(pattern.split("; ")), self.rng, self.split, "if").replace(
            "{k}", found[0] if found else ""
        )
        other = self.step(step.other, it, "")
        otherwise = self.rng.choice((", otherwise ", ", else ", ", if not, ", "; otherwise ", ", or else "))
        return self.rng.choice(
            (
                f"if {condition}, {text}{otherwise}{other}",
                f"if {condition} {text}{otherwise}{other}",
                f"{text} if {condition}{otherwise}{other}",
            )
        )

    def steps(self) -> str:
        """All steps, joined."""
        rng = self.rng
        parts = []
        for step in self.program.steps:
            it = expand(ITS[step.op.takes], rng) or "it"
            of = (
                ""
                if rng.random() < 0.8
                else expand("[in|from|of] [it|the list|them]", rng)
                if step.op.takes in "nwd"
                else expand("[in|of] [it|the word]", rng)
            )
            text = self.step(step, it, of)
            parts.append(text)
        last = rng.choice(LASTS)
        if last and not is_question(parts[-1]):
            parts.append(last)
        between, final, stop = rng.choice(JOINERS)
        text = rng.choice(OPENERS) + parts[0] if not is_question(parts[0]) else parts[0]
        for number, part in enumerate(parts[1:], start=2):
            glue = final if number == len(parts) else between
            text += glue + (part[:1].upper() + part[1:] if glue.endswith(". ") else part)
        return text + ("?" if is_question(parts[-1]) and rng.random() < 0.7 else stop)

    def gerunds(self) -> str:
        """All steps but the last as ``after doing ...``, then the last."""
        steps = self.program.steps
        parts = [gerund(self.step(s, "it" if s.op.takes == "s" else "them", "")) for s in steps[:-1]]
        joined = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
        return (
            self.rng.choice(("after ", "after ", "by ", "once you are done ", "when "))
            + joined
            + ", "
            + self.step(steps[-1], "it", "")
        )

    def noun(self) -> str | None:
        """The whole program as one noun phrase, None where a step has none."""
        inner = self.value()
        for step in self.program.steps:
            if not step.op.noun or step.condition:
                return None
            text = phrase(step.op.noun, self.rng, self.split, step.op.name + "/noun")
            inner = fill(text, dict(step.params)).replace("{x}", inner)
        return inner

    def single(self) -> str:
        """One step that names its own object."""
        value = self.value()
        of = expand("[in|from|of|for|among|with]", self.rng) + " " + value
        text = self.step(self.program.steps[0], value, of)
        if value not in text:
            return text + self.rng.choice((": ", " - ", ". ", " for ", " with ")) + value
        return text + ("?" if is_question(text) and self.rng.random() < 0.7 else self.rng.choice(("", ".")))

    def text(self) -> str:
        """A wording of the whole task."""
        rng, size = self.rng, len(self.program.steps)
        roll = rng.random()
        if size <= 3 and roll < 0.3 and self.program.second is None:
            noun = self.noun()
            if noun is not None:
                return noise(self.pick(NOUN_ASKS[0], "ask").replace("N", noun, 1), rng)
        if size == 1 and roll < 0.7 and self.program.second is None:
            return noise(rng.choice(("", "", "please ", "can you ", "could you ", "I want to ")) + self.single(), rng)
        body = (
            self.gerunds() if size > 1 and rng.random() < 0.12 and not self.program.steps[0].condition else self.steps()
        )
        frame = phrase(FRAMES["chain"], rng, self.split, "frame")
        if "STORY" in frame:
            story = self.pick(STORIES[self.kind], "story").replace("@", self.value(named=False))
            return noise(frame.replace("STORY", story, 1).replace(" S", " " + body[:1].upper() + body[1:], 1), rng)
        if frame.endswith(". S"):
            body = body[:1].upper() + body[1:]
        elif "S." in frame:
            body = body.rstrip(".?")
        place = frame.replace("@", "\0", 1)
        place = re.sub(r"(?<![a-z])S(?![a-z])", lambda _: body, place, count=1)
        return noise(place.replace("\0", self.value()), rng)


QUESTION = re.compile(r"^(what|which|how|is|are|does|do|who)\b", re.IGNORECASE)


def is_question(text: str) -> bool:
    """Whether a phrase asks."""
    return QUESTION.match(text) is not None


DOUBLED = {
    "drop",
    "get",
    "cut",
    "flip",
    "put",
    "swap",
    "trim",
    "chop",
    "strip",
    "skip",
    "cap",
    "clip",
    "knock off",
    "plus",
    "sum",
    "bump",
    "grab",
    "run",
    "set",
    "limit",
}


def gerund(order: str) -> str:
    """``keep the even ones`` → ``keeping the even ones``."""
    verb, space, rest = order.partition(" ")
    if is_question(order) or not verb.isalpha():
        return order
    if verb in DOUBLED - {"plus", "limit"}:
        verb += verb[-1] + "ing"
    elif verb.endswith("e") and not verb.endswith("ee"):
        verb = verb[:-1] + "ing"
    else:
        verb += "ing"
    return verb + space + rest


def write_value(value: object, rng: random.Random) -> str:
    """A value as people write it."""
    if isinstance(value, list):
        return write_list(value, rng)
    if isinstance(value, dict):
        if rng.random() < 0.25:
            return repr(value)
        between = rng.choice((": ", ": ", " = ", " "))
        return ", ".join(f"{name}{between}{number}" for name, number in value.items())
    return rng.choice((str(value), str(value), repr(value), f'"{value}"', f'"{value}"'))


def write_list(values: list[object], rng: random.Random) -> str:
    """A list in brackets, with commas, with a last ``and``, or with nothing but spaces."""
    words = [str(v) for v in values]
    quoted = [repr(v) for v in values]
    way = rng.random()
    if way < 0.42:
        return "[" + ", ".join(quoted if rng.random() < 0.5 else words) + "]"
    if way < 0.66:
        return ", ".join(words)
    if way < 0.84:
        return ", ".join(words[:-1]) + rng.choice((" and ", " and ", ", and ")) + words[-1]
    if way < 0.9:
        return " ".join(words)
    return ",".join(words) if way < 0.95 else "(" + ", ".join(words) + ")"


FILLERS = {"the", "a", "all", "then", "of", "only", "just", "first", "please", "that", "are"}


def noise(text: str, rng: random.Random) -> str:
    """What happens to sentences that people type: case, politeness, lost words, slips."""
    text = (
        re.sub(r"  +", " ", text)
        .replace(" ,", ",")
        .replace(" .", ".")
        .replace(" ;", ";")
        .replace("..", ".")
        .replace("?.", "?")
        .strip()
    )
    roll = rng.random()
    if roll < 0.06:
        text = f"{rng.choice(NOISE_FRONT)} {text}"
    elif roll < 0.12:
        text = f"{text.rstrip('.')}{rng.choice((', ', ' ', '. '))}{rng.choice(NOISE_BACK)}"
    if rng.random() < 0.05:
        text = " ".join(w for w in text.split(" ") if w not in FILLERS or rng.random() < 0.5)
    if rng.random() < 0.05:
        text = slip(text, rng)
    if rng.random() < 0.1 and "[" not in text:
        text = text.lower() if "capital" not in text else text
    elif rng.random() < 0.75:
        text = text[:1].upper() + text[1:]
    return text.rstrip(". ") if rng.random() < 0.2 else text


def slip(text: str, rng: random.Random) -> str:
    """One slip of the finger in a long word that is no value."""
    words = text.split(" ")
    places = [i for i, w in enumerate(words) if w.isalpha() and w.islower() and len(w) > 4]
    if not places:
        return text
    i = rng.choice(places)
    j = rng.randrange(1, len(words[i]) - 1)
    w = words[i]
    words[i] = rng.choice((w[:j] + w[j + 1 :], w[:j] + w[j] + w[j:], w[:j] + w[j + 1] + w[j] + w[j + 2 :]))
    return " ".join(words)


def word_task(program: Program, rng: random.Random, split: Split) -> str:
    """The task as a person types it; never one that the split does not own."""
    text = Asker(program, rng, split).text()
    while len(text) >= 420:
        text = Asker(program, rng, split).text()
    return text


__all__ = ["belongs", "noise", "word_task"]
