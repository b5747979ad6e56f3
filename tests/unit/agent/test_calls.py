from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.calls import MAX_CALLS, Call, Malformed, final_answer, parse_calls, without_thinking

PIECES = [
    "<tool_call>", "</tool_call>", "<think>", "</think>", '{"name": "python", "arguments": {"code": "1"}}', "Answer:",
    '{"name": "python"', '"', "\\", "\n", "{", "}", "[", "]", "null", "NaN", "1e999",
    "\ud800", '"\\ud800"', "</tool", "x",
]  # fmt: skip
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


def call(code: str) -> str:
    body = json.dumps({"name": "python", "arguments": {"code": code}})
    return f"<tool_call>\n{body}\n</tool_call>"


def python(code: str) -> Call:
    return Call(name="python", arguments={"code": code})


def reason(text: str) -> str:
    (found,) = parse_calls(text)
    assert isinstance(found, Malformed)
    return found.reason


def test_calls_come_in_order() -> None:
    assert parse_calls(f"First {call('1')} then\n{call('2')}") == (python("1"), python("2"))


def test_answer_has_no_call() -> None:
    assert parse_calls("Answer: 42") == ()


def test_call_in_thinking_is_none() -> None:
    assert parse_calls(f"<think>{call('1')}</think>{call('2')}") == (python("2"),)
    assert parse_calls(f"{call('1')}</think>{call('2')}") == (python("2"),)
    assert parse_calls(f"<think>{call('1')}") == ()


def test_unclosed_call_at_the_end_counts() -> None:
    assert parse_calls(call("1").removesuffix("\n</tool_call>")) == (python("1"),)
    assert parse_calls('<tool_call>{"name": "a", "arguments": {}}<tool_call>{"name": "b"}') == (
        Call(name="a", arguments={}),
        Call(name="b", arguments={}),
    )


def test_code_may_hold_the_tags() -> None:
    code = "print('</tool_call><tool_call>{}')"
    assert parse_calls(call(code)) == (python(code),)


def test_newlines_within_strings_are_read() -> None:
    text = '<tool_call>{"name": "python", "arguments": {"code": "a = 1\nprint(a)\t"}}</tool_call>'
    assert parse_calls(text) == (python("a = 1\nprint(a)\t"),)


def test_arguments_as_text_are_read_again() -> None:
    body = json.dumps({"name": "python", "arguments": json.dumps({"code": "1"})})
    assert parse_calls(f"<tool_call>{body}</tool_call>") == (python("1"),)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not valid JSON"),
        ("python(1)", "not valid JSON"),
        ('{"name": "python", "arguments": {"code": "1}', "Unterminated string"),
        ('{"name": "python", "arguments": {"code": 1,}}', "at character 43"),
        ("[]", "one JSON object"),
        ('"python"', "one JSON object"),
        ('{"arguments": {}}', 'no "name"'),
        ('{"name": 1}', 'no "name"'),
        ('{"name": "a", "arguments": []}', "must be a JSON object"),
        ('{"name": "a", "arguments": "x"}', "not a text"),
        ('{"name": "a"} and more', "text after"),
        ('{"name": "a", "arguments": {"x": "\\ud800"}}', "not valid"),
        ("[" * 100_000, "not valid JSON"),
        ('{"name": "a", "arguments": ' + '{"x":' * 40 + "1" + "}" * 41, "nested deeper"),
        ('{"name": "a", "arguments": {"x": ' + "1" * 5000 + "}}", "not valid JSON"),
    ],
)
def test_malformed_calls_say_why(body: str, words: str) -> None:
    assert words in reason(f"<tool_call>{body}</tool_call>")


def test_malformed_call_does_not_hide_the_next() -> None:
    found = parse_calls(f"<tool_call>{{'name'}}</tool_call>{call('2')}")
    assert isinstance(found[0], Malformed)
    assert found[1:] == (python("2"),)


def test_shown_text_of_a_malformed_call_is_short() -> None:
    (found,) = parse_calls("<tool_call>" + "x" * 10_000)
    assert isinstance(found, Malformed)
    assert found.text.startswith("x" * 400)
    assert found.text.endswith("[... 9600 characters more]")


def test_too_many_calls_are_not_read() -> None:
    found = parse_calls(call("1") * 20)
    assert len(found) == MAX_CALLS + 1
    assert isinstance(found[-1], Malformed)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 42", "42"),
        ("So it is.\n\nAnswer: 41\nNo.\nAnswer: 42\n", "42"),
        ("42", "42"),
        ("  It is 42. ", "It is 42."),
        ("**Answer:** 42", "42"),
        ("It is 42. Answer:", "It is 42. Answer:"),
        ("Answer: 5\nAnswer: ", "5"),
        ("Answer: 4\nAnswer: 5\nAnswer:\nAnswer: ", "5"),
        ("**Answer:** 5\n**Answer:** ", "5"),
        ("So. **Answer:** **Answer:** ", "So. **Answer:** **Answer:**"),
        ("Answer: one\ntwo", "one\ntwo"),
        ("<think>Answer: 1</think>Answer: 2", "2"),
        ("hm Answer: 1</think>2", "2"),
        ("<think>hm", ""),
        ("", ""),
    ],
)
def test_answer_is_what_follows_the_word(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@given(hostile)
def test_no_text_raises_and_all_that_is_read_can_be_written(text: str) -> None:
    for found in parse_calls(text):
        assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
    assert final_answer(text) == final_answer(text).strip()
    assert "<think>" not in without_thinking(text)


@given(st.text("abc_", min_size=1), st.dictionaries(st.text("abc", max_size=3), values, max_size=4))
def test_every_written_call_is_read(name: str, arguments: dict[str, Any]) -> None:
    for escaped in (True, False):
        body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=escaped)
        (found,) = parse_calls(f"So:\n<tool_call>\n{body}\n</tool_call>")
        assert isinstance(found, Call)
        assert found.name == name
        assert json.dumps(found.arguments) == json.dumps(arguments)


@pytest.mark.parametrize(
    "piece",
    [
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        '<tool_call>{"a": "',
        "<tool_call>[",
        "Answer:",
        '{"a":',
        " ",
    ],
)
def test_time_is_linear(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        began = time.perf_counter()
        parse_calls(text)
        final_answer(text)
        return time.perf_counter() - began

    seconds(1000)
    # Quadratic time would take minutes for a text of this size.
    assert seconds(200_000) < 2
