"""The scripted model behaves like a model: it streams, counts, marks, fails and hangs on cue."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.auction.prompting import MARK_PREFIX, bid_messages, execute_messages, mark_messages
from sale_tui.errors import ConfigurationFault, ModelFault, PromptTooLong
from sale_tui.inference.scripted import Script, ScriptedModel, ScriptMark, ScriptTurn, load_script, spread_mark
from sale_tui.ports import Completion, Delta, Generate, Message
from sale_tui.types import AgentSpec

SPEC = AgentSpec(name="a", model="scripted:x", price=0.1, context=400)
DEMO = Path(__file__).parents[3] / "sale_tui" / "inference" / "demo" / "script.toml"


def model_of(*entries, **options) -> ScriptedModel:
    turns = tuple(entry for entry in entries if isinstance(entry, ScriptTurn))
    marks = tuple(entry for entry in entries if isinstance(entry, ScriptMark))
    return ScriptedModel(SPEC, Script(turn=turns, mark=marks), **options)


async def play(model, messages=None, **options) -> tuple[list[Delta], Completion]:
    request = Generate(messages=messages or bid_messages("a task", ()), **options)
    items = [item async for item in model.generate(request)]
    return items[:-1], items[-1]


async def test_streams_token_by_token_with_its_entropies():
    model = model_of(ScriptTurn(text="one two  three\n", entropy=(0.2, 0.4)))
    deltas, end = await play(model)
    assert "".join(delta.text for delta in deltas) == end.text == "one two  three\n"
    assert [delta.entropy_sum for delta in deltas] == [0.2, 0.4, 0.2, 0.4]
    assert end.text_tokens == len(end.token_ids) == 4
    assert end.entropy == pytest.approx(0.3)
    assert end.stop == "end"


async def test_thinking_only_where_asked_and_length_limits():
    model = model_of(ScriptTurn(text="one two", thinking="so be it"))
    _, plain = await play(model)
    _, thought = await play(model, thinking=True)
    _, short = await play(model, thinking=True, max_tokens=4)
    assert (plain.thinking, thought.thinking) == ("", "so be it")
    assert thought.usage.thinking_tokens == 3
    assert (short.text, short.stop) == ("one", "length")


async def test_entries_match_by_part_task_step_and_times():
    model = model_of(
        ScriptTurn(part="bid", task="other", text="no"),
        ScriptTurn(part="bid", times=1, text="first"),
        ScriptTurn(part="bid", text="second"),
        ScriptTurn(part="execute", step=2, text="done"),
        ScriptTurn(part="execute", text="call"),
    )
    assert [(await play(model))[1].text for _ in range(3)] == ["first", "second", "second"]
    run = execute_messages("a task", "plan")
    assert (await play(model, run))[1].text == "call"
    longer = (*run, Message(role="assistant", content="call"), Message(role="tool", content="x"))
    assert (await play(model, longer))[1].text == "done"
    with pytest.raises(ModelFault, match="no turn for refine"):
        await play(model, (Message(role="user", content="x", part="refine"),))


async def test_marks_by_plan():
    model = model_of(ScriptMark(plan="good", mark=4.25), ScriptMark(mark=1, mass=0.3))
    prompts = [mark_messages("t", plan) for plan in ("a good one", "a bad one")]
    good, bad = await model.mark(prompts, MARK_PREFIX, ())
    assert sum(digit * p for digit, p in enumerate(good.probabilities)) == pytest.approx(4.25)
    assert bad.mass == 0.3
    with pytest.raises(ModelFault, match="no mark"):
        await model_of().mark(prompts, MARK_PREFIX, ())


@given(st.floats(0, 5))
def test_spread_marks_have_the_expected_value(mark):
    chances = spread_mark(mark)
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= 0
    assert sum(digit * chance for digit, chance in enumerate(chances)) == pytest.approx(mark)


async def test_faults_on_cue_and_a_fresh_load():
    model = model_of(ScriptTurn(text="one two three", fault="it fell over", tokens=2, times=1), ScriptTurn(text="ok"))
    stream = model.generate(Generate(messages=bid_messages("t", ())))
    assert [(await anext(stream)).text for _ in range(2)] == ["one", " two"]
    with pytest.raises(ModelFault, match="it fell over"):
        await anext(stream)
    with pytest.raises(ModelFault, match="it fell over"):
        await model.mark([bid_messages("t", ())], MARK_PREFIX, ())
    await model.load()
    assert (await play(model))[1].text == "ok"


async def test_hangs_until_its_deadline_or_until_cancelled():
    model = model_of(ScriptTurn(text="one two", hang=True, tokens=1))
    with pytest.raises(ModelFault, match="deadline"):
        await play(model, deadline_seconds=0.01)
    await model.load()
    stream = model.generate(Generate(messages=bid_messages("t", ())))
    await anext(stream)
    hanging = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_delays_go_through_the_injected_pause():
    waited = []

    async def pause(seconds):
        waited.append(seconds)

    await play(model_of(ScriptTurn(text="a b c", delay=0.25), pause=pause))
    assert waited == [0.25] * 3


async def test_facts_tell_scripts_and_agents_apart():
    one, same, other = model_of(ScriptTurn(text="a")), model_of(ScriptTurn(text="a")), model_of(ScriptTurn(text="b"))
    hashes = [(await model.load()).sha256 for model in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    failing = ScriptedModel(SPEC, Script(load_fault={"a": "no memory"}))
    with pytest.raises(ModelFault, match="no memory"):
        await failing.load()


async def test_a_prompt_that_is_too_long():
    with pytest.raises(PromptTooLong):
        await play(model_of(ScriptTurn(text="x")), bid_messages("word " * 500, ()))


async def test_the_demo_script_knows_its_tasks():
    script = load_script(DEMO)
    model = ScriptedModel(AgentSpec(name="demo-l", model="x", price=1.0), script)
    for task in ("Sort the list [3, 1, 2] in descending order.", "In which town does the sister of Velmar live?"):
        assert (await play(model, bid_messages(task, ())))[1].text
        assert "<tool_call>" in (await play(model, execute_messages(task, "p")))[1].text


@pytest.mark.parametrize("text", ["turn = 3", "[[turn]]\ntxt = 'a'", "[[mark]]\nmark = 9", "["])
def test_bad_scripts(tmp_path, text):
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationFault, match="script"):
        load_script(path)
