"""Deep-search tasks: paths through a world, their questions and the calls that answer them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from models.train.grammar import Split, expand, phrase
from models.train.relations import BY_SUBJECT, RELATIONS, TYPES, Relation
from models.train.wording import noise
from models.train.world import World, named
from sale_tui.agent.tools.corpus import format_hits


@dataclass(frozen=True, slots=True)
class Hop:
    """From one thing to the next by a relation, or back from its object to its subject."""

    relation: Relation
    back: bool
    start: str
    end: str

    @property
    def label(self) -> str:
        """What a plan calls that which the hop finds."""
        return self.relation.subject if self.back else self.relation.label


@dataclass(frozen=True, slots=True)
class Path:
    """A chain of hops; its answer is where it ends."""

    hops: tuple[Hop, ...]

    @property
    def answer(self) -> str:
        """The end."""
        return self.hops[-1].end


@dataclass(frozen=True, slots=True)
class Question:
    """One path, or two that are compared."""

    paths: tuple[Path, ...]
    compare: str = ""
    """``least`` or ``most`` of the two paths' numbers wins; empty for a single path."""

    @property
    def size(self) -> int:
        """Hops in all."""
        return sum(len(p.hops) for p in self.paths)

    @property
    def answer(self) -> str:
        """The right answer."""
        if not self.compare:
            return self.paths[0].answer
        first, second = self.paths
        return (
            (first if (int(first.answer) < int(second.answer)) == (self.compare == "least") else second).hops[-1].start
        )


def subjects(world: World, relation: Relation, target: str) -> list[str]:
    """Things that have the target by the relation."""
    return [
        t.name
        for t in world.things
        if t.kind == relation.subject and world.facts.get((t.name, relation.name)) == target
    ]


def hops_from(world: World, name: str) -> list[Hop]:
    """All hops that lead on from a thing without ambiguity."""
    thing = world.by_name[name]
    hops = [
        Hop(r, False, name, world.facts[name, r.name]) for r in BY_SUBJECT[thing.kind] if (name, r.name) in world.facts
    ]
    for relation in RELATIONS:
        if relation.object == thing.kind and relation.back:
            found = subjects(world, relation, name)
            if len(found) == 1 and back_visible(world, relation, found[0], name):
                hops.append(Hop(relation, True, name, found[0]))
    return hops


def back_visible(world: World, relation: Relation, subject: str, target: str) -> bool:
    """Whether a search for the target shows the subject's page with the target in the excerpt."""
    lines = format_hits(world.corpus.search(target)).split("\n")
    return (
        any(line.startswith(f"[{subject}.md]") and target in line.partition("] ")[2] for line in lines)
        and relation.subject in TYPES
    )


def draw_path(world: World, size: int, rng: random.Random) -> Path:
    """A path of ``size`` hops that visits nothing twice."""
    while True:
        name = rng.choice(world.things).name
        seen, hops = {name}, list[Hop]()
        for number in range(size):
            last = number == size - 1
            options = [h for h in hops_from(world, name) if h.end not in seen and (last or h.end in world.by_name)]
            forward = [h for h in options if not h.back]
            options = forward if forward and rng.random() < 0.85 else options
            if last and rng.random() < 0.35:
                options = [h for h in options if h.relation.object not in TYPES] or options
            if not options:
                break
            hop = rng.choice(options)
            hops.append(hop)
            name = hop.end
            seen.add(name)
        if len(hops) == size:
            return Path(tuple(hops))


COMPARABLE: dict[str, tuple[str, str]] = {
    "born": (
        "[was born earlier|is older|was born first|is the older one]",
        "[was born later|is younger|is the younger one]",
    ),
    "tfounded": (
        "[was founded earlier|is older|was founded first|has existed longer]",
        "[was founded later|is younger|is newer]",
    ),
    "length": ("[is shorter|is the shorter river]", "[is longer|is the longer river|runs longer]"),
    "height": ("[is lower|is less high]", "[is higher|is taller|is the higher one]"),
    "depth": ("[is shallower|is less deep]", "[is deeper|is the deeper lake]"),
    "published": (
        "[was published earlier|came out first|is older|appeared earlier]",
        "[was published later|came out later|is newer]",
    ),
}


def draw_compare(world: World, size: int, rng: random.Random) -> Question:
    """Two things compared by a number; with three hops or more one of them is described by a path."""
    while True:
        relation = rng.choice([r for r in RELATIONS if r.name in COMPARABLE])
        ends = [t.name for t in world.things if (t.name, relation.name) in world.facts]
        if len(ends) < 2:
            continue
        first, second = rng.sample(ends, 2)
        if world.facts[first, relation.name] == world.facts[second, relation.name]:
            continue
        paths = [Path((Hop(relation, False, n, world.facts[n, relation.name]),)) for n in (first, second)]
        if size > 2:
            lead = lead_to(world, first, size - 2, rng)
            if lead is None:
                continue
            paths[0] = Path((*lead, *paths[0].hops))
        return Question(tuple(paths), rng.choice(("least", "most")))


def lead_to(world: World, name: str, size: int, rng: random.Random) -> tuple[Hop, ...] | None:
    """A forward path of ``size`` hops that ends at a thing."""
    hops: list[Hop] = []
    for _ in range(size):
        ways = [
            Hop(r, False, t.name, name)
            for r in RELATIONS
            for t in world.things
            if world.facts.get((t.name, r.name)) == name and t.kind == r.subject
        ]
        if not ways:
            return None
        hop = rng.choice(ways)
        hops.insert(0, hop)
        name = hop.start
    return tuple(hops)


def draw_question(world: World, size: int, rng: random.Random) -> Question:
    """A question of ``size`` hops."""
    if size >= 2 and rng.random() < 0.14:
        return draw_compare(world, size, rng)
    return Question((draw_path(world, size, rng),))


ASK_FRAMES = (
    (
        "[What is|What is|What's|whats|Tell me|Find|Find out|Name|Give me|Look up|Which is|Please find|Can you find"
        "|I want to know|I need|Do you know|I'm looking for|Search for|Could you tell me|Determine|Identify"
        "|Who or what is|] N"
    ),
)
LEADS = (
    "[||||||||||According to the [documents|pages|files|library|corpus|notes], |Please tell me: |Can you tell me, "
    "|I wonder: |Question: |Look it up: |In this world, |Tell me, |Do you know |I want to know |Find out "
    "|Please look up |could you find out ]"
)


def refer(kind: str, rng: random.Random) -> str:
    """How a later sentence calls what was found."""
    return rng.choice((f"that {kind}", f"that {kind}", f"this {kind}", "that person" if kind == "person" else "it"))


def start_name(world: World, name: str, rng: random.Random) -> str:
    """A name, sometimes with what it is."""
    if rng.random() < 0.15:
        return named(name, rng.choice(TYPES[world.by_name[name].kind]))
    return name


def noun_of(hop: Hop, inner: str, rng: random.Random, split: Split) -> str:
    """The hop's end as a noun phrase."""
    patterns = hop.relation.back if hop.back else hop.relation.nouns
    return phrase(patterns, rng, split, f"{'back' if hop.back else 'noun'}:{hop.relation.name}").replace("{x}", inner)


def ask_of(hop: Hop, inner: str, rng: random.Random, split: Split) -> str:
    """A question for the hop's end."""
    if not hop.back and rng.random() < 0.65:
        return phrase(hop.relation.asks, rng, split, f"ask:{hop.relation.name}").replace("{x}", inner)
    noun = noun_of(hop, inner, rng, split)
    if rng.random() < 0.25 and hop.back and noun.startswith("the "):
        return (
            noun.replace("the ", "which ", 1).replace(" that ", " did ", 1) if " that " in noun else "what is " + noun
        )
    return phrase(ASK_FRAMES, rng, split, "askframe").replace("N", noun, 1) if "N" not in noun else "What is " + noun


def word_path(world: World, path: Path, rng: random.Random, split: Split) -> str:
    """A question for one path: nested, or step by step."""
    inner = start_name(world, path.hops[0].start, rng)
    stepwise = len(path.hops) > 1 and rng.random() < 0.25
    if not stepwise:
        for hop in path.hops[:-1]:
            inner = noun_of(hop, inner, rng, split)
        text = ask_of(path.hops[-1], inner, rng, split)
        lead = expand(LEADS, rng)
        return f"{lead} {text}?" if lead else text + rng.choice(("?", "?", "?", ""))
    parts = [noun_of(path.hops[0], inner, rng, split)]
    parts += [noun_of(hop, refer(world.by_name[hop.start].kind, rng), rng, split) for hop in path.hops[1:-1]]
    last = ask_of(path.hops[-1], refer(world.by_name[path.hops[-1].start].kind, rng), rng, split)
    verb = rng.choice(("Find", "Look up", "Start with", "Take", "Find out", "Go to", "Consider"))
    glue = rng.choice(
        (", then ", ". Then find ", ", from there ", "; then ", ". Next find ", ", then find ", ". Now look up ")
    )
    return f"{verb} {glue.join(parts)}{rng.choice(('. ', '. Then: ', '. ', '; ', ', and: '))}{last}?"


def word_question(world: World, question: Question, rng: random.Random, split: Split) -> str:
    """The question as a person types it."""
    if not question.compare:
        return noise(word_path(world, question.paths[0], rng, split), rng)
    names = []
    for path in question.paths:
        inner = start_name(world, path.hops[0].start, rng)
        for hop in path.hops[:-1]:
            inner = noun_of(hop, inner, rng, split)
        names.append(inner)
    relation = question.paths[0].hops[-1].relation
    least, most = COMPARABLE[relation.name]
    verb = phrase((least if question.compare == "least" else most,), rng, split, f"cmp:{relation.name}")
    who = "Who" if relation.subject == "person" else "Which"
    a, b = names
    text = rng.choice(
        (
            f"{who} {verb}, {a} or {b}?",
            f"{who} {verb}: {a} or {b}?",
            f"Which of {a} and {b} {verb}?",
            f"Compare {a} and {b}: {who.lower()} {verb}?",
            f"Of {a} and {b}, which one {verb}?",
        )
    )
    return noise(text, rng)


def plan_steps(question: Question) -> list[str]:
    """The plan in its plainest words."""
    steps: list[str] = []
    before = ""
    for path in question.paths:
        first = path.hops[0]
        if first.back:
            steps.append(f"search for {first.start} to find the {first.label}")
        else:
            steps.append(f"search for {first.start} and open the page to find the {first.label}")
        before = first.label
        for hop in path.hops[1:]:
            steps.append(
                f"search for that {before} to find the {hop.label}"
                if hop.back
                else f"open the page of that {before} to find the {hop.label}"
            )
            before = hop.label
    if question.compare:
        steps.append(f"answer with the one whose {before} is {'smaller' if question.compare == 'least' else 'larger'}")
    else:
        steps.append(f"answer with the {before}")
    return steps
