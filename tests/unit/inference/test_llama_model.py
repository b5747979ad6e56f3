"""The model over real llama.cpp in a real worker process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from sale_tui.errors import ModelFault, PromptTooLong
from sale_tui.inference.llama import library
from sale_tui.inference.llama.chat import ChatTemplate
from sale_tui.inference.llama.library import Model, Options, Row
from sale_tui.inference.llama.tokens import SafeTokeniser
from sale_tui.inference.shapes import SHAPES, write_model
from sale_tui.ports import Completion, Delta, Generate, Message
from sale_tui.types import Sampling, ToolSpec

GREEDY = Sampling(temperature=0.0)
TASK = (Message(role="system", content="you are", part="system"), Message(role="user", content="sort it", part="task"))
BID = (*TASK, Message(role="user", content="bid now", part="bid"))
TOOL = ToolSpec(name="python", description="runs code", parameters={"type": "object"})


def marks_of(plans):
    return [(*TASK, Message(role="user", content="mark", part="mark", fields={"plan": plan})) for plan in plans]


async def written(model, **options) -> tuple[list[Delta], Completion]:
    request = Generate(**{"messages": BID, "sampling": GREEDY, "max_tokens": 48, **options})
    items = [item async for item in model.generate(request)]
    assert isinstance(items[-1], Completion)
    return items[:-1], items[-1]


@pytest.fixture(scope="module")
def plain(tiny):
    """The same file through the same library, by a minimal loop in this process."""
    library.quiet()
    options = Options(context=2048, slots=2, batch=512, threads=1, gpu_layers=0, extra_buffers=True)
    return Model(str(tiny), options)


def encoded(plain, messages, tools=(), *, thinking=False) -> list[int]:
    template = ChatTemplate(plain.metadata("tokenizer.chat_template"))
    return SafeTokeniser(plain.vocabulary).encode(template.render(messages, tools, thinking=thinking))


def last_logits(plain, tokens):
    plain.cut(0, 0)
    assert plain.decode([Row(0, 0, np.asarray(tokens, np.int32), True)]) == 0
    return plain.logits(len(tokens) - 1).copy()


def softmax(logits):
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()


async def test_streams_what_a_plain_greedy_loop_writes(model, plain):
    deltas, completion = await written(model)
    tokens = encoded(plain, BID)
    entropies = []
    for token in completion.token_ids:
        logits = last_logits(plain, tokens)
        assert token == int(logits.argmax())
        chances = softmax(logits)
        entropies.append(-float((chances * np.log(chances)).sum()))
        tokens.append(token)
    assert completion.entropy == pytest.approx(np.mean(entropies), abs=1e-5)
    assert "".join(delta.text for delta in deltas) == completion.text
    assert sum(delta.tokens for delta in deltas) == completion.text_tokens
    assert sum(delta.entropy_sum or 0.0 for delta in deltas) == pytest.approx(sum(entropies), abs=1e-3)
    assert completion.usage.prompt_tokens == len(encoded(plain, BID))


async def test_marks_equal_prompts_decoded_alone_and_share_their_prefix(model, plain):
    plans = ["step one", "another plan entirely, and a longer one", "", "x" * 90]
    readings = await model.mark(marks_of(plans), "Mark: ", (TOOL,))
    digits = [plain.vocabulary.tokenise(digit, special=False)[0] for digit in "012345"]
    lengths = []
    for messages, reading in zip(marks_of(plans), readings, strict=True):
        prompt = encoded(plain, messages, (TOOL,)) + plain.vocabulary.tokenise("Mark: ", special=False)
        chances = softmax(last_logits(plain, prompt))[digits]
        assert reading.mass == pytest.approx(chances.sum(), abs=1e-3)
        assert reading.probabilities == pytest.approx(tuple(chances / chances.sum()), abs=1e-3)
        assert reading.usage.prompt_tokens == len(prompt)
        lengths.append(len(prompt))
    cached = [reading.usage.cached_tokens for reading in readings]
    shared = len(encoded(plain, TASK, (TOOL,))) - 3
    assert cached[0] == 0
    assert all(shared <= count < min(lengths) for count in cached[1:])


async def test_a_second_call_reuses_the_task(model):
    await written(model)
    _, again = await written(model)
    assert again.usage.cached_tokens == again.usage.prompt_tokens - 1
    readings = await model.mark(marks_of(["a", "b"]), "Mark: ", ())
    assert all(reading.usage.cached_tokens > 20 for reading in readings)


async def test_cached_prefixes_do_not_change_what_is_written(model, make_model):
    await written(model)
    _, warm = await written(model)
    other = make_model()
    _, cold = await written(other)
    await other.close()
    assert cold.usage.cached_tokens == 0
    assert warm.token_ids[:8] == cold.token_ids[:8]


async def test_past_turns_are_inserted_as_tokens(model, plain):
    _, first = await written(model)
    turn = Message(role="assistant", content="ignored", tokens=first.token_ids)
    longer = (*BID, turn, Message(role="tool", content="12"))
    _, second = await written(model, messages=longer)
    prompt = encoded(plain, longer)
    assert second.usage.prompt_tokens == len(prompt)
    begin = next(at for at in range(len(prompt)) if tuple(prompt[at : at + 48]) == first.token_ids)
    assert second.usage.cached_tokens >= begin + 40


async def test_many_calls_at_once_give_what_they_give_alone(model, plain):
    tasks = [(*TASK, Message(role="user", content="", part="bid", fields={"plan": f"plan {n}"})) for n in range(7)]
    calls = [written(model, messages=messages, max_tokens=24) for messages in tasks]
    marks = model.mark(marks_of(["one", "two", "three"]), "Mark: ", ())
    *together, readings = await asyncio.gather(*calls, marks)
    for messages, (_, completion) in zip(tasks, together, strict=True):
        tokens = encoded(plain, messages)
        for token in completion.token_ids:
            logits = last_logits(plain, tokens)
            # Sums are rounded otherwise in a batch, so that the best two may change places.
            assert logits[token] > logits.max() - 1e-2
            tokens.append(token)
    alone = await model.mark(marks_of(["two"]), "Mark: ", ())
    assert readings[1].probabilities == pytest.approx(alone[0].probabilities, abs=1e-3)


async def test_seeds_repeat_and_differ(model):
    drawn = Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=7)
    _, one = await written(model, sampling=drawn)
    _, two = await written(model, sampling=drawn)
    _, other = await written(model, sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=8))
    assert one.token_ids == two.token_ids
    assert one.token_ids != other.token_ids


async def test_cancelling_is_quick_and_leaves_the_model_usable(model):
    stream = model.generate(Generate(messages=BID, sampling=GREEDY, max_tokens=3500))
    await anext(stream)
    await stream.aclose()
    began = time.monotonic()
    _, completion = await written(model, max_tokens=4)
    assert time.monotonic() - began < 0.5
    assert len(completion.token_ids) == 4


async def test_cancelling_frees_the_cells(model):
    for _ in range(6):
        stream = model.generate(Generate(messages=BID, sampling=GREEDY, max_tokens=3900))
        await anext(stream)
        await stream.aclose()
    _, completion = await written(model, max_tokens=2)
    assert len(completion.token_ids) == 2


async def test_calls_queue_when_cells_run_out(make_model):
    model = make_model(context=512)
    calls = [written(model, max_tokens=300) for _ in range(4)]
    done = await asyncio.gather(*calls)
    await model.close()
    assert [len(completion.token_ids) for _, completion in done] == [300] * 4


async def test_more_marks_than_sequences(make_model):
    model = make_model(context=1024, sequences=2)
    readings = await model.mark(marks_of([f"plan {n} " * 9 for n in range(9)]), "Mark: ", ())
    await model.close()
    assert len(readings) == 9
    assert sum(reading.usage.cached_tokens > 0 for reading in readings) == 8


async def test_a_prompt_that_cannot_fit_says_by_how_much(make_model):
    model = make_model(context=256)
    long = (Message(role="user", content="word " * 200),)
    with pytest.raises(PromptTooLong, match=r"has \d+ tokens, \d+ more than the context of 256"):
        await written(model, messages=long)
    with pytest.raises(PromptTooLong):
        await model.mark([long], "Mark: ", ())
    assert await model.count_tokens(long, ()) > 256
    _, completion = await written(model, max_tokens=5)
    await model.close()
    assert completion.stop == "length"


async def test_output_ends_where_the_context_does(make_model):
    model = make_model(context=256)
    _, completion = await written(model, max_tokens=5000)
    await model.close()
    assert completion.stop == "length"
    assert completion.usage.prompt_tokens + len(completion.token_ids) == 256


async def test_lone_surrogates_and_nulls_pass(model):
    _, completion = await written(model, messages=(Message(role="user", content="a\ud800b\x00c\U0010ffff"),))
    assert completion.token_ids


async def test_a_bad_past_turn_is_one_error(model):
    messages = (*BID, Message(role="assistant", content="x", tokens=(10_000,)))
    with pytest.raises(ModelFault, match="does not have"):
        await written(model, messages=messages)
    assert (await written(model))[1].token_ids


async def test_a_juror_needs_digits_of_one_token(make_model, tmp_path):
    path = tmp_path / "merging.gguf"
    write_model(path, replace(SHAPES["tiny"], splitter="gpt-2"), kind="f32")
    model = make_model(path)
    with pytest.raises(ModelFault, match="'5' after 'Mark: ' is not one token"):
        await model.mark(marks_of(["a"]), "Mark: ", ())
    assert (await written(model))[1].token_ids
    await model.close()


async def test_facts(model, tiny):
    facts = await model.load()
    assert facts.architecture == "qwen3"
    assert facts.vocabulary == 512
    assert facts.file_bytes == tiny.stat().st_size
    assert len(facts.sha256) == 64
    assert facts.device == "CPU"


async def test_pieces_come_twenty_times_a_second_at_most(model):
    request = Generate(messages=BID, sampling=GREEDY, max_tokens=3000)
    began = time.monotonic()
    pieces = [item async for item in model.generate(request) if isinstance(item, Delta)]
    assert len(pieces) <= 20 * (time.monotonic() - began) + 3


def test_a_decode_can_be_stopped_and_leaves_nothing_behind(plain):
    tokens = np.arange(20, 60, dtype=np.int32)
    expected = last_logits(plain, tokens)
    plain.cut(0, 0)
    assert plain.decode([Row(0, 0, tokens[:10], False)]) == 0
    plain.stop(wanted=True)
    assert plain.decode([Row(0, 10, tokens[10:], True)]) == 2
    plain.stop(wanted=False)
    assert plain.decode([Row(0, 10, tokens[10:], True)]) == 0
    assert plain.logits(29) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("extra_buffers", [True, False])
def test_quantised_files_run_with_and_without_repacking(tmp_path, extra_buffers):
    path = tmp_path / "q.gguf"
    write_model(path, SHAPES["tiny"], kind="q4_0")
    options = Options(context=256, slots=2, batch=64, threads=1, gpu_layers=0, extra_buffers=extra_buffers)
    model = Model(str(path), options)
    assert np.isfinite(last_logits(model, [1, 2, 3])).all()


async def test_the_first_token_comes_soon_after_the_start(make_model):
    model = make_model()
    began = time.monotonic()
    await written(model, max_tokens=1)
    seconds = time.monotonic() - began
    await model.close()
    assert seconds < 3.0
    assert 0 < (await model.load()).load_seconds < 3.0
    await model.close()


async def test_the_log_of_llama_is_kept_and_bounded(model):
    assert any("kv_unified" in line for line in model.log)
    assert not any("create_tensor" in line for line in model.log)
    assert len(model.log) <= 200


async def test_threads_can_change_while_it_works(model):
    call = asyncio.create_task(written(model, max_tokens=200))
    for threads in (2, 1, 2, 1):
        model.set_threads(threads)
        await asyncio.sleep(0)
    assert len((await call)[1].token_ids) == 200
