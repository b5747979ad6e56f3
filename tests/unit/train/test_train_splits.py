from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from models.train.coding import common, draw_value
from models.train.grammar import belongs, expand, phrase
from models.train.ops_numbers import LIST, REDUCE
from models.train.ops_words import TEXT, WORDS
from models.train.relations import RELATIONS
from models.train.samples import Maker
from models.train.world import ENDS, ONSETS, make_name, make_world

MICRO = Path(__file__).parents[3] / "models" / "micro"


@pytest.mark.parametrize("key", ["a", "word:apple", "list:[1, 2]"])
def test_every_text_is_of_exactly_one_split(key: str) -> None:
    assert belongs(key, "train") != belongs(key, "test")


def test_words_are_disjoint() -> None:
    assert not set(common("train")) & set(common("test"))
    assert len(common("test")) > 20


def test_names_are_disjoint_and_plenty() -> None:
    rng = random.Random(0)
    train = {make_name(rng, "train") for _ in range(3000)}
    test = {make_name(rng, "test") for _ in range(3000)}
    assert not train & test
    assert len(train) + len(test) <= len(ONSETS) * len(ENDS)
    assert len(test) > 150


def test_lists_are_disjoint() -> None:
    rng = random.Random(0)
    train = {repr(draw_value("n", rng, "train")) for _ in range(4000)}
    test = {repr(draw_value("n", rng, "test")) for _ in range(2000)}
    assert not train & test


@pytest.mark.parametrize("operation", [*LIST, *REDUCE, *WORDS, *TEXT], ids=lambda o: o.name)
def test_every_operation_has_held_out_wordings(operation) -> None:
    rng = random.Random(1)
    train = {phrase(operation.say, rng, "train", operation.name) for _ in range(60)}
    test = {phrase(operation.say, rng, "test", operation.name) for _ in range(60)}
    assert not {t for t in train if not belongs(f"{operation.name}:{t}", "train")}
    assert not train & {t for t in test if belongs(f"{operation.name}:{t}", "test")}


def test_wordings_are_many() -> None:
    rng = random.Random(2)
    counts = [len({expand(rng.choice(o.say), rng) for _ in range(400)}) for o in LIST]
    assert min(counts) > 10
    assert sum(counts) / len(counts) > 60


def test_there_are_enough_operations_and_relations() -> None:
    assert len({o.name for o in (*LIST, *REDUCE, *WORDS, *TEXT)}) >= 90
    assert len({r.name for r in RELATIONS}) == len(RELATIONS) >= 40


def names_of(texts: list[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\b[A-Z][a-z]+\b", text) if is_name(word)}


def is_name(word: str) -> bool:
    return any(word.startswith(onset) and word[len(onset) :] in ENDS for onset in ONSETS)


def test_shipped_corpus_has_only_held_out_names() -> None:
    texts = [path.read_text("utf-8") for path in (MICRO / "corpus").glob("*.md")]
    assert 200 <= len(texts) <= 300
    names = names_of(texts)
    assert len(names) > 100
    assert all(belongs(f"name:{name}", "test", 25) for name in names)


def test_training_never_shows_a_held_out_name() -> None:
    rng = random.Random(3)
    maker = Maker(make_world(rng, "train"), rng, "train")
    samples = [
        maker.make(sort, "search", size)
        for sort in ("bid", "execute", "refine")
        for size in (1, 2, 4)
        for _ in range(10)
    ]
    names = names_of([message.content for sample in samples for message in sample.messages])
    assert names
    assert all(belongs(f"name:{name}", "train", 25) for name in names)


def test_task_files_are_disjoint_and_whole() -> None:
    files = {
        name: [json.loads(line) for line in (MICRO / "tasks" / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in ("dev", "test", "stranger")
    }
    texts = {name: {task["text"] for task in tasks} for name, tasks in files.items()}
    assert not texts["dev"] & texts["test"]
    assert not texts["stranger"] & (texts["dev"] | texts["test"])
    for tasks in files.values():
        assert all(task["kind"] in {"coding", "search"} and task["answer"] and task["steps"] >= 1 for task in tasks)
    for kind in ("coding", "search"):
        assert sum(task["kind"] == kind for task in files["test"]) >= 200
        assert sum(task["kind"] == kind and task["steps"] == 1 for task in files["test"]) >= 100
