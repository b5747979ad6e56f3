from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.kind_words import kind_by_words
from sale_tui.memory.hashing import HashingEmbedder, hash_text
from sale_tui.memory.kinds import BUILT_IN, KindClassifier, read_examples, vote


class Counting(HashingEmbedder):
    def __init__(self) -> None:
        self.texts = 0

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.texts += len(texts)
        return await super().embed(texts)


def test_the_built_in_examples_are_many_and_all_different():
    examples = read_examples(BUILT_IN)
    assert min(Counter(example.kind for example in examples).values()) >= 80
    assert len({example.text.lower() for example in examples}) == len(examples)


async def test_the_nearest_examples_decide_and_are_shown(tmp_path):
    classifier = KindClassifier(HashingEmbedder(), tmp_path)
    kind, found = await classifier.nearest(hash_text("Write a function that reverses a string."))
    assert kind == "coding"
    assert found[0] == ("Write a function that reverses a string.", "coding", 1.0)
    assert [cosine for _, _, cosine in found] == sorted((cosine for _, _, cosine in found), reverse=True)
    assert len(found) == 7


async def test_a_pools_own_examples_count_too(tmp_path):
    own = tmp_path / "kinds.jsonl"
    own.write_text("".join(json.dumps({"text": f"zorble the {word}", "kind": "coding"}) + "\n" for word in "abcdefg"))
    classifier = KindClassifier(HashingEmbedder(), tmp_path, (BUILT_IN, own))
    kind, found = await classifier.nearest(hash_text("zorble the h"))
    assert (kind, found[0][1]) == ("coding", "coding")
    assert found[0][0].startswith("zorble")


async def test_examples_are_embedded_once_and_only_what_changed_again(tmp_path):
    first, second = Counting(), Counting()
    await KindClassifier(first, tmp_path / "cache").load()
    await KindClassifier(second, tmp_path / "cache").load()
    assert first.texts == len(read_examples(BUILT_IN))
    assert second.texts == 0
    own = tmp_path / "kinds.jsonl"
    own.write_text('{"text": "a", "kind": "search"}\n')
    await KindClassifier(second, tmp_path / "cache", (BUILT_IN, own)).load()
    assert second.texts == 1


async def test_a_cache_that_was_cut_short_is_made_again(tmp_path):
    await KindClassifier(HashingEmbedder(), tmp_path).load()
    [file] = tmp_path.glob("kinds-*.npy")
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    await KindClassifier(HashingEmbedder(), tmp_path).load()
    assert file.read_bytes() == whole


async def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    kind, _ = await KindClassifier(HashingEmbedder(), tmp_path / "cache").nearest(hash_text("Sort these numbers"))
    assert kind == "coding"


@pytest.mark.parametrize("line", ["not json", '{"text": "a", "kind": "poetry"}', '{"kind": "search"}'])
def test_a_bad_examples_file_is_named(tmp_path, line):
    file = tmp_path / "kinds.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(ConfigurationFault, match=r"kinds\.jsonl"):
        read_examples(file)
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        read_examples(tmp_path / "missing.jsonl")


def test_the_vote_is_weighed_by_cosine():
    assert vote([("a", "search", 0.9), ("b", "coding", 0.3), ("c", "coding", 0.3)]) == "search"
    assert vote([("a", "search", 0.5), ("b", "coding", 0.3), ("c", "coding", 0.3)]) == "coding"


def test_the_words_alone_are_right_nine_times_in_ten():
    examples = read_examples(BUILT_IN)
    right = sum(kind_by_words(example.text) == example.kind for example in examples)
    assert right >= 0.9 * len(examples)
