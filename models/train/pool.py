"""What ships beside the models: the corpus of a world with held-out names, and the task files."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from models.train.coding import draw_program
from models.train.grammar import Split
from models.train.lookup import draw_question, word_question
from models.train.plans import result
from models.train.wording import word_task
from models.train.world import World, make_world

SEED = 2026
DEV = {1: 80, 2: 50, 3: 50, 4: 40, 5: 40, 6: 40}
TEST = {1: 100, 2: 40, 3: 40, 4: 40, 5: 40, 6: 40}


def shipped_world() -> World:
    """The world whose documents ship; all its names are held out."""
    return make_world(random.Random(SEED), "test")


def coding_task(size: int, rng: random.Random, wording: Split) -> dict[str, object]:
    """A coding task over held-out data."""
    while True:
        program = draw_program(size, rng, "test")
        if program.size == size:
            answer = str(result(program, program.steps))
            return {"text": word_task(program, rng, wording), "kind": "coding", "steps": size, "answer": answer}


def search_task(world: World, size: int, rng: random.Random, wording: Split) -> dict[str, object]:
    """A search task over the shipped corpus."""
    question = draw_question(world, size, rng)
    return {
        "text": word_question(world, question, rng, wording),
        "kind": "search",
        "steps": size,
        "answer": question.answer,
    }


def make_tasks(
    world: World, counts: dict[int, int], seed: int, wording: Split, avoid: set[str]
) -> list[dict[str, object]]:
    """Task lines; none repeats a text of ``avoid``."""
    rng, tasks = random.Random(seed), list[dict[str, object]]()
    for size, count in counts.items():
        for kind in ("coding", "search"):
            if kind == "search" and size > 5:
                continue
            made = 0
            while made < count:
                task = coding_task(size, rng, wording) if kind == "coding" else search_task(world, size, rng, wording)
                if str(task["text"]) not in avoid:
                    avoid.add(str(task["text"]))
                    tasks.append(task)
                    made += 1
    return tasks


def write_lines(path: Path, lines: list[dict[str, object]]) -> None:
    """JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def make_pool(folder: Path) -> None:
    """Writes corpus and tasks: ``dev`` in words of the training split, ``test`` in held-out words."""
    world = shipped_world()
    corpus = folder / "corpus"
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    for name, text in world.documents.items():
        (corpus / name).write_text(text + "\n", encoding="utf-8")
    texts: set[str] = set()
    write_lines(folder / "tasks" / "dev.jsonl", make_tasks(world, DEV, SEED + 1, "train", texts))
    write_lines(folder / "tasks" / "test.jsonl", make_tasks(world, TEST, SEED + 2, "test", texts))
