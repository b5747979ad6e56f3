"""Pool files: what they mean, and that every fault names the file and the field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.errors import ConfigurationFault
from sale_tui.inference.catalogue import load_pool
from sale_tui.inference.llama.cores import Cores, share
from sale_tui.inference.llama.model import LlamaModel
from sale_tui.inference.pool import build_models, close_all
from sale_tui.inference.pricing import ANCHORS, estimated_price
from sale_tui.inference.scripted import ScriptedModel
from sale_tui.paths import shipped_pools
from sale_tui.types import Sampling

AGENT = '[[agent]]\nname = "{}"\nmodel = "m.gguf"\nprice = {}\n'
TWO = 'name = "x"\n' + AGENT.format("big", 0.3) + AGENT.format("small", 0.1)


def pool_of(tmp_path, text):
    path = tmp_path / "pool.toml"
    path.write_text(text, "utf-8")
    return load_pool(path)


def test_a_full_pool(tmp_path):
    pool = pool_of(
        tmp_path,
        'name = "mine"\nnote = "n"\ncorpus = "docs"\n'
        + AGENT.format("b", 0.1) + 'context = 2048\nthinking = false\nsha256 = "' + "ab" * 32 + '"\n'
        'sampling = { temperature = 0.5, bidding = { temperature = 0.9, seed = 4 }, execution = { top_k = 5 } }\n'
        + AGENT.format("a", 0.1) + '[[sample]]\ntext = "t"\nkind = "search"\n'
        "[auction]\nthrift = 2\nk = 3\nmarks = \"integer\"\nplan_tokens = 99\n"
        "[auction.weights]\ncost = 1.5\nentropy = 0.5\njury = { a = 0, b = 2 }\n"
        "[auction.scales]\ncost = 7\nentropy = 2\nmark = 4\n",
    )  # fmt: skip
    first, second = pool.agents
    assert (first.name, second.name) == ("a", "b"), "equal prices go by name"
    assert second.model == str(tmp_path / "m.gguf")
    assert (second.context, second.thinking, second.sha256) == (2048, False, "ab" * 32)
    assert second.bidding == Sampling(temperature=0.9, seed=4)
    assert second.execution == Sampling(temperature=0.5, top_p=0.95, top_k=5)
    assert first.execution == Sampling(temperature=0.6, top_p=0.95)
    assert pool.corpus == str(tmp_path / "docs")
    assert pool.samples[0].kind == "search"
    assert pool.rules.weights.jury == {"a": 0.0, "b": 2.0}
    assert (pool.rules.thrift, pool.rules.neighbours, pool.rules.marks, pool.rules.plan_tokens) == (2, 3, "integer", 99)
    assert (pool.rules.scales.cost, pool.rules.scales.mark) == (7, 4)


def test_without_rules_the_mix_is_uniform(tmp_path):
    pool = pool_of(tmp_path, TWO)
    assert [agent.name for agent in pool.agents] == ["small", "big"]
    assert pool.rules.weights.cost == 1.0
    assert pool.rules.weights.entropy == pytest.approx(1 / 3)
    assert pool.rules.weights.jury == {"small": pytest.approx(1 / 3), "big": pytest.approx(1 / 3)}
    assert pool.rules.scales.cost == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ('name = "x"', "agent is missing", "agent"),
        ("name = ", "is not TOML", "line"),
        ('name = "x"\nagent = []\n', "agent", ""),
        (TWO.replace("0.1", '"cheap"'), "agent[2].price", "number ≥ 0"),
        (TWO.replace("0.1", "-1"), "agent[2].price", "number ≥ 0"),
        (TWO.replace("0.1", "nan"), "agent[2].price", "plain number"),
        (TWO.replace("0.1", "inf"), "agent[2].price", "plain number"),
        (TWO.replace("0.3", "0.3\nprise = 1"), "agent[1].prise", "`price`"),
        (TWO + "[auction]\nwieghts = 1\n", "auction.wieghts", "`weights`"),
        (TWO + "[auction]\nthrift = 0\n", "auction.thrift", ""),
        (TWO + "[auction.scales]\ncost = 0\n", "auction.scales.cost", ""),
        (TWO + "[auction.weights]\nentropy = 1\n", "auction.weights.jury is missing", ""),
        (TWO + "[auction.weights]\nentropy = 1\njury = { big = 1 }\n", "auction.weights.jury", "small"),
        (TWO + "[auction.weights]\nentropy = 1\njury = { bigg = 1, small = 1 }\n", "jury.bigg", "`big`"),
        (TWO + "[auction.weights]\nentropy = 0\njury = { big = 0, small = 0 }\n", "auction.weights", ""),
        (TWO + "[auction.weights]\nentropy = -1\njury = { big = 0, small = 0 }\n", "auction.weights.entropy", ""),
        (TWO + '[[sample]]\ntext = "t"\nkind = "poem"\n', "sample[1].kind", "search"),
        (TWO.replace("small", "big"), "agent.name 'big'", "its own"),
        (TWO.replace("small", "sm all"), "agent[2].name", "name"),
        (TWO.replace("price = 0.1", "").rstrip(), "agent[2].price is missing", "price"),
        (TWO.replace('"m.gguf"\nprice = 0.1', '"https://x"').rstrip(), "agent[2].price is missing", "price"),
        (TWO + 'context = 1\n', "agent[2].context", "256"),
        (TWO + 'sha256 = "zz"\n', "agent[2].sha256", "64"),
        (TWO + 'sampling = { temprature = 1 }\n', "agent[2].sampling.temprature", "`temperature`"),
    ],
)  # fmt: skip
def test_faults_name_file_and_field(tmp_path, text, field, hint):
    with pytest.raises(ConfigurationFault) as caught:
        pool_of(tmp_path, text)
    assert str(tmp_path / "pool.toml") in caught.value.message
    assert field in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        load_pool(tmp_path / "absent.toml")


def test_prices_are_estimated_from_the_file(tmp_path, tiny):
    pool = pool_of(tmp_path, f'name = "x"\n[[agent]]\nname = "a"\nmodel = "{tiny}"\n')
    assert pool.agents[0].price_estimated
    assert pool.agents[0].price == estimated_price(115_136)


@given(st.floats(5, 12), st.floats(5, 12))
def test_estimated_prices_rise_with_size_and_meet_the_papers(left, right):
    small, large = sorted((int(10**left), int(10**right)))
    assert 0 < estimated_price(small) <= estimated_price(large)
    for parameters, price in ANCHORS:
        assert estimated_price(int(parameters)) == pytest.approx(price, rel=0.01)


async def test_models_of_pools(tmp_path):
    demo = load_pool(Path(__file__).parents[3] / "sale_tui" / "inference" / "demo" / "pool.toml")
    scripted = build_models(demo, tmp_path)
    assert list(scripted) == ["demo-s", "demo-m", "demo-l"]
    assert all(isinstance(model, ScriptedModel) for model in scripted.values())
    await close_all(scripted.values())
    real = build_models(pool_of(tmp_path, TWO), tmp_path)
    assert all(isinstance(model, LlamaModel) for model in real.values())
    await close_all(real.values())
    with pytest.raises(ConfigurationFault, match="agent small"):
        build_models(pool_of(tmp_path, TWO.replace('"m.gguf"\nprice = 0.1', '"https://x"\nprice = 0.1')), tmp_path)


def test_every_shipped_pool_loads():
    files = sorted(shipped_pools().glob("*/pool.toml"))
    assert files
    for file in files:
        assert load_pool(file).agents


class Computing:
    """A worker that notes its threads."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.threads = 1

    def set_threads(self, threads):
        self.threads = threads


@given(
    st.integers(1, 64),
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40),
    st.lists(st.sampled_from([1_000_000, 4_000_000_000]), min_size=5, max_size=5),
)
def test_cores_are_shared_but_nobody_goes_without(total, moves, sizes):
    cores, workers = Cores(total), [Computing(size) for size in sizes]
    calls = [0] * 5
    for number, begins in moves:
        if begins:
            calls[number] += 1
            cores.enter(workers[number])
        elif calls[number]:
            calls[number] -= 1
            cores.leave(workers[number])
        active = [worker for worker, count in zip(workers, calls, strict=True) if count]
        assert all(worker.threads >= 1 for worker in active)
        assert sum(worker.threads for worker in active) <= max(total, len(active))
        assert all(worker.threads == 1 for worker in active if worker.parameters < 5_000_000)


def test_a_lone_large_model_leaves_one_core_free():
    assert [share(cores, 1) for cores in (1, 2, 4, 16)] == [1, 1, 3, 15]
    assert [share(cores, 4) for cores in (1, 2, 4, 16)] == [1, 1, 1, 4]
