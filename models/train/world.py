"""A fictional world: names of few syllables, facts, and one short document a thing."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from models.train.grammar import Split, belongs, phrase
from models.train.relations import ATTRIBUTES, BY_SUBJECT, SUFFIXES, TYPES, Relation
from sale_tui.agent.tools.corpus import Corpus

ONSETS = [
    "Ba",
    "Be",
    "Bo",
    "Bra",
    "Da",
    "Do",
    "Dra",
    "Fe",
    "Fo",
    "Ga",
    "Go",
    "Gri",
    "Ha",
    "He",
    "Ja",
    "Ka",
    "Ke",
    "Kri",
    "La",
    "Lo",
    "Ma",
    "Mo",
    "Na",
    "No",
    "Pa",
    "Pe",
    "Ra",
    "Ro",
    "Sa",
    "So",
    "Ta",
    "To",
    "Tri",
    "Va",
    "Ve",
    "Wi",
    "Za",
    "Zo",
]
ENDS = [
    "bar",
    "bel",
    "ben",
    "dan",
    "del",
    "dor",
    "fan",
    "fel",
    "gan",
    "gor",
    "kan",
    "kel",
    "kin",
    "lan",
    "len",
    "lin",
    "mar",
    "mel",
    "mir",
    "nar",
    "nel",
    "nis",
    "nor",
    "pas",
    "ran",
    "ren",
    "ric",
    "ris",
    "sal",
    "sen",
    "sor",
    "tan",
    "tel",
    "tis",
    "tor",
    "van",
    "vel",
    "vik",
    "zan",
    "zel",
]
COUNTS = {
    "person": 60,
    "town": 24,
    "river": 14,
    "mountain": 12,
    "lake": 9,
    "island": 7,
    "bridge": 11,
    "company": 15,
    "book": 17,
    "school": 11,
    "guild": 12,
    "inn": 12,
    "ship": 15,
    "festival": 11,
    "painting": 15,
    "museum": 8,
    "song": 12,
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that has a document."""

    name: str
    kind: str
    called: str
    """As sentences call it, e.g. ``the river Velmar`` or ``Tamo Deris``."""

    @property
    def document(self) -> str:
        """Its file."""
        return f"{self.name}.md"


@dataclass(slots=True)
class World:
    """Things, facts and documents; the corpus is searched as the product searches."""

    things: list[Thing]
    facts: dict[tuple[str, str], str]
    """(thing's name, relation's name) to the object: a thing's name, or an attribute."""
    by_name: dict[str, Thing] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    corpus: Corpus = field(init=False)

    def finish(self) -> World:
        """Index the documents."""
        self.corpus = Corpus(self.documents)
        return self


def make_name(rng: random.Random, split: Split) -> str:
    """A name of two syllables that belongs to the split."""
    while True:
        name = rng.choice(ONSETS) + rng.choice(ENDS)
        if belongs(f"name:{name}", split, 25):
            return name


def make_things(rng: random.Random, split: Split) -> list[Thing]:
    """All things of a world; some share a word of their names."""
    things: list[Thing] = []
    used: set[str] = set()
    heads: list[str] = []
    for kind, count in COUNTS.items():
        made = 0
        while made < count:
            head = rng.choice(heads) if heads and kind in SUFFIXES and rng.random() < 0.3 else make_name(rng, split)
            if kind == "person":
                name = f"{rng.choice(heads) if heads and rng.random() < 0.25 else make_name(rng, split)} {head}"
            else:
                name = f"{head} {rng.choice(SUFFIXES[kind])}" if kind in SUFFIXES else head
            if name in used or (" " not in name and head in heads):
                continue
            used.add(name)
            heads.append(head)
            things.append(Thing(name, kind, name))
            made += 1
    return things


def make_value(relation: Relation, rng: random.Random, split: Split) -> str:
    """An attribute; numbers belong to the split."""
    if relation.object.startswith("word:"):
        return rng.choice(ATTRIBUTES[relation.object[5:]])
    while True:
        number = (
            rng.randint(1600, 1999)
            if relation.object == "year"
            else rng.randint(3, 19)
            if relation.name == "arches"
            else rng.randint(20, 990)
        )
        if relation.name == "arches" or belongs(f"value:{number}", split):
            return str(number)


def make_world(rng: random.Random, split: Split) -> World:
    """A world of about 260 documents of 40 to 90 tokens."""
    things = make_things(rng, split)
    world = World(things, {}, {t.name: t for t in things})
    pools: dict[str, list[str]] = {}
    for thing in things:
        relations = list(BY_SUBJECT[thing.kind])
        rng.shuffle(relations)
        for relation in relations[: 4 if thing.kind == "person" else 5]:
            if relation.object not in TYPES:
                world.facts[thing.name, relation.name] = make_value(relation, rng, split)
                continue
            # Drawn without replacement as long as it lasts, so that few documents name the same thing.
            key = f"{relation.name}"
            if not pools.get(key):
                pools[key] = [t.name for t in things if t.kind == relation.object]
                rng.shuffle(pools[key])
            target = pools[key].pop()
            if target != thing.name:
                world.facts[thing.name, relation.name] = target
    for thing in things:
        world.documents[thing.document] = write_document(world, thing, rng, split)
    return world.finish()


PRONOUNS = {"person": "[He|She]"}


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


def write_document(world: World, thing: Thing, rng: random.Random, split: Split) -> str:
    """Two or three short paragraphs that state the facts of one thing."""
    facts = [r for r in BY_SUBJECT[thing.kind] if (thing.name, r.name) in world.facts]
    rng.shuffle(facts)
    intro = rng.choice(TYPES[thing.kind])
    pronoun = rng.choice(("He", "She")) if thing.kind == "person" else "It"
    paragraphs: list[list[str]] = [[]]
    for number, relation in enumerate(facts):
        tell = phrase(relation.tells, rng, split, f"tell:{relation.name}")
        subject = (
            named(thing.name, intro)
            if number == 0
            else pronoun
            if tell.startswith("{s}") and rng.random() < 0.75
            else thing.name
        )
        if subject == pronoun and not tell.startswith("{s}"):
            subject = thing.name
        paragraphs[-1].append(
            sentence(tell.replace("{s}", subject).replace("{o}", world.facts[thing.name, relation.name]))
        )
        if number < len(facts) - 1 and len(paragraphs) < 3 and rng.random() < 0.6:
            paragraphs.append([])
    if rng.random() < 0.2:
        other = rng.choice([t for t in world.things if t.kind == thing.kind and t is not thing])
        paragraphs[-1].append(f"{'Not to be confused with' if rng.random() < 0.5 else 'See also'} {other.name}.")
    return "\n\n".join(" ".join(p) for p in paragraphs if p) or f"Little is known of {thing.name}."


def named(name: str, intro: str) -> str:
    """A name with the word that says what it is."""
    return f"{intro} {name}".strip()
