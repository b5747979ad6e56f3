"""``python -m models.train STAGE``: tokenizer, train, export, pool, evaluate; ``all`` is every stage in order."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

RUNS = Path(__file__).parent / "runs"
TOKENIZER = Path(__file__).parent / "tokenizer.json"
MINUTES = {"micro-xs": 60.0, "micro-s": 20.0, "micro-l": 120.0, "micro-m": 20.0}
"""Of training, in the order of it: two models begin with the weights of another."""
SEED = 1
MICRO = Path(__file__).parent.parent / "micro"


def make_tokenizer() -> None:
    """A vocabulary from a few thousand conversations of the training split."""
    from models.train.data import draw_sample
    from models.train.ops_words import COMMON
    from models.train.samples import Maker
    from models.train.tokenizer import SPECIAL
    from models.train.vocabulary import train_vocabulary
    from models.train.world import ENDS, ONSETS, make_world

    rng = random.Random(SEED)
    texts: list[str] = []
    for _ in range(60):
        maker = Maker(make_world(rng, "train"), rng, "train")
        for _ in range(120):
            sample = maker.make(*draw_sample(rng, 0.6))
            texts += [
                text
                for m in sample.messages[1:]
                for text in (m.fields.values() if m.part in {"bid", "mark", "refine", "execute"} else (m.content,))
            ]
            texts.append("tools: " + " ".join(sample.tools))
    # Every number below 100 is one piece, every name two, its syllables, also in small letters.
    texts += [str(number) for number in range(100)] * 400
    texts += [part for onset in ONSETS for part in (onset, onset.lower()) for _ in range(600)] + list(ENDS) * 600
    train_vocabulary(texts, [*COMMON, *ONSETS], len(SPECIAL), TOKENIZER)


def train(names: list[str], options: argparse.Namespace) -> None:
    """Trains models one after the other, each resumed where it stopped."""
    from models.train.tokenizer import Coder
    from models.train.training import Recipe, Trainer

    for name in names:
        minutes = options.minutes or MINUTES[name]
        recipe = Recipe(
            minutes=minutes,
            seed=options.seed,
            threads=options.threads,
            begin=options.begin,
            start=MICRO / f"{name}.gguf" if options.further else None,
            compiled=options.compile,
        )
        Trainer(name, recipe, RUNS / name, Coder(TOKENIZER)).run()


def export_all(names: list[str]) -> None:
    """Writes the GGUF of every model that has a checkpoint."""
    from models.train.export import export
    from models.train.tokenizer import Coder

    for name in names:
        state = RUNS / name / "state.pt"
        if state.exists():
            export(state, Coder(TOKENIZER), MICRO / f"{name}.gguf")


def evaluate_all(names: list[str], tasks: Path, limit: int | None, show: int) -> None:
    """Prints the tables of every exported model."""
    from models.train.evaluate import report
    from models.train.tokenizer import Coder

    for name in names:
        report(MICRO / f"{name}.gguf", tasks, MICRO / "corpus", Coder(TOKENIZER), limit, show)


def main() -> None:
    """Runs a stage."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("stage", choices=("tokenizer", "train", "export", "pool", "evaluate", "all"))
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--begin", type=float, default=0.0, help="point of the run at which the curriculum begins")
    parser.add_argument("--further", action="store_true", help="begin with the weights of the exported model")
    parser.add_argument("--compile", action="store_true", help="fuse layers; needs a C++ compiler")
    parser.add_argument("--tasks", type=Path, default=MICRO / "tasks" / "dev.jsonl", help="of the evaluation")
    parser.add_argument("--limit", type=int, help="tasks of each kind and number of steps")
    parser.add_argument("--show", type=int, default=0, help="failures to print")
    arguments = parser.parse_args()
    names = arguments.names or list(MINUTES)
    if arguments.stage in {"tokenizer", "all"}:
        make_tokenizer()
    if arguments.stage in {"train", "all"}:
        train(names, arguments)
    if arguments.stage in {"pool", "all"}:
        from models.train.pool import make_pool

        make_pool(MICRO)
    if arguments.stage in {"export", "all"}:
        export_all(names)
    if arguments.stage in {"evaluate", "all"}:
        evaluate_all(names, arguments.tasks, arguments.limit, arguments.show)


if __name__ == "__main__":
    main()
