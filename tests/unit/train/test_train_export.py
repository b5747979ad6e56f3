from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel
from tokenizers.models import BPE

from models.train import tokenizer as tokens
from models.train.data import make_pool
from models.train.export import export, load, read
from models.train.network import SHAPES, Network, count, inherit
from models.train.player import Player
from models.train.tokenizer import PROMPT_WEIGHT, Coder
from models.train.training import Recipe, Trainer, chosen, rate
from models.train.vocabulary import carry_over

CODER = Coder(Path(tokens.__file__).parent / "tokenizer.json")
TEXT = 'Take [3, 14, 15] and \'print\' it.\n\nVelmar\'s page: {"name": "open"}  two  spaces; Ünïcode → 汉'


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint after two steps, and its GGUF."""
    folder = tmp_path_factory.mktemp("run")
    trainer = Trainer("micro-xs", Recipe(minutes=1.0, batch_tokens=512), folder, CODER)
    for batch in make_pool(CODER, 1, 0.0, 512)[:2]:
        trainer.train_step(batch)
    trainer.save()
    export(folder / "state.pt", CODER, folder / "tiny.gguf")
    return folder / "state.pt", folder / "tiny.gguf"


def test_torch_and_llama_agree(trained: tuple[Path, Path]) -> None:
    state, gguf = trained
    player = Player(gguf, CODER)
    ids = CODER.content(TEXT)
    _, network = load(state)
    with torch.no_grad():
        expected = network.logits(network.hidden(torch.tensor([ids])))[0, -1].numpy()
    assert np.abs(player.logits(ids) - expected).max() < 0.02
    player.close()


def test_tokenisers_agree(trained: tuple[Path, Path]) -> None:
    player = Player(trained[1], CODER)
    assert player.tokenize(TEXT, special=False) == CODER.content(TEXT)
    turn = '<tool_call>\n{"name": "open", "arguments": {"document": "Velmar.md"}}\n</tool_call><|im_end|>\n'
    assert player.tokenize(turn, special=True) == CODER.control(turn)
    player.close()


def test_cached_steps_equal_one_pass() -> None:
    torch.manual_seed(0)
    network = Network(SHAPES["micro-xs"]).eval()
    ids = torch.randint(0, 1500, (2, 12))
    caches: list[list[torch.Tensor]] = [[] for _ in network.blk]
    with torch.no_grad():
        whole = network.hidden(ids)
        parts = [network.hidden(ids[:, :5], caches=caches)] + [
            network.hidden(ids[:, i : i + 1], caches=caches) for i in range(5, 12)
        ]
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-4)


def test_training_resumes_where_it_stopped(trained: tuple[Path, Path]) -> None:
    again = Trainer("micro-xs", Recipe(minutes=1.0, batch_tokens=512), trained[0].parent, CODER)
    assert again.step == 0
    _, network = load(trained[0])
    assert all(torch.equal(a, b) for a, b in zip(again.network.parameters(), network.parameters(), strict=True))


def test_rate_warms_up_stays_and_falls() -> None:
    recipe = Recipe(minutes=1.0)
    assert rate(0.0, recipe) < rate(0.005, recipe) < rate(0.02, recipe) == 1.0
    assert rate(0.6, recipe) == pytest.approx(1.0)
    assert rate(0.8, recipe) == pytest.approx(0.5)
    assert rate(1.0, recipe) == 0.0


def test_prompt_targets_are_thinned_and_assistants_kept() -> None:
    weights = torch.tensor([[0.0] + [PROMPT_WEIGHT] * 400 + [1.0] * 10])
    keep, scaled = chosen(weights, torch.Generator().manual_seed(0))
    assert keep[0, 400:].all()
    assert 20 < int(keep[0, :400].sum()) < 120
    assert float(scaled[0, 1]) > PROMPT_WEIGHT


def test_sizes_rise() -> None:
    sizes = [count(Network(shape)) for shape in SHAPES.values()]
    assert sizes == sorted(sizes)
    assert sum(sizes) * 2 < 25e6


@pytest.mark.parametrize("name", SHAPES)
def test_a_new_network_copies_already(name: str) -> None:
    torch.manual_seed(3)
    network = Network(SHAPES[name]).eval()
    once = torch.randint(0, 1500, (8, 40))
    ids = torch.cat((once, once), 1)
    with torch.no_grad():
        guessed = network.logits(network.hidden(ids[:, :-1])).argmax(-1)[:, 41:]
    assert float((guessed == ids[:, 42:]).float().mean()) > 0.5


def test_a_model_with_a_layer_more_begins_as_its_parent() -> None:
    small, grown = Network(SHAPES["micro-xs"]), Network(SHAPES["micro-s"])
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    inherit(grown, small)
    ids = torch.arange(20)[None]
    torch.testing.assert_close(grown.hidden(ids), small.hidden(ids))


def test_a_model_with_a_layer_less_keeps_first_and_last() -> None:
    large, cut = Network(SHAPES["micro-l"]), Network(SHAPES["micro-m"])
    inherit(cut, large)
    for mine, other in zip(cut.layers, [*large.layers[:3], large.layers[4]], strict=True):
        torch.testing.assert_close(mine.attn_v, other.attn_v)
    torch.testing.assert_close(cut.token_embd, large.token_embd)


def test_an_exported_model_can_be_trained_further(trained: tuple[Path, Path], tmp_path: Path) -> None:
    state, tiny = trained
    _, network = load(state)
    trainer = Trainer("micro-xs", Recipe(minutes=1.0, batch_tokens=512, start=tiny), tmp_path, CODER)
    for ours, right in zip(trainer.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, right, atol=2e-3, rtol=2e-3)
    trainer.train_step(make_pool(CODER, 2, 0.5, 512)[0])
    with pytest.raises(ValueError, match="is no micro-l"):
        read(tiny, "micro-l", CODER)


def test_another_vocabulary_begins_with_the_embeddings_of_the_old_pieces() -> None:
    old = ["a", "b", "c", "Ġ", "ab", "Ġab", "Ġabc"]
    rows = np.arange(14, dtype=np.float32).reshape(7, 2)
    target = Tokenizer(BPE(vocab={"ab": 0, "abc": 1, "ca": 2, "b": 3}, merges=[]))
    target.decoder = ByteLevel()
    carried = carry_over(rows, old, ["a b", "Ġ ab", "Ġab c"], target)
    np.testing.assert_array_equal(carried, [rows[4], rows[6], (rows[2] + rows[0]) / 2, rows[1]])
