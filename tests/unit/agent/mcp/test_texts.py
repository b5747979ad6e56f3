"""What a server says of its tools, made safe to hand on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.mcp.texts import check_arguments, spec_of, text_of
from sale_tui.agent.tools.base import BadArguments
from sale_tui.literal import literal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
ADD = spec_of("s", "add", "Adds.", {"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]})


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("no spaces", {}),
        ("x" * 65, {}),
        ("\x1b[31m", {}),
        ("", {}),
        ("a", []),
        ("a", {"type": "string"}),
        ("a", {"properties": []}),
        ("a", {"properties": {"x": 3}}),
        ("a", {"required": "x"}),
        ("a", {"required": [{}]}),
        ("a", {"description": "x" * 7000}),
        ("a", json.loads("[" * 100 + "]" * 100)),
    ],
)
def test_a_tool_that_makes_no_sense_is_not_offered(name: str, schema: object) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        spec_of("s", name, "", schema)
    assert "\x1b" not in str(caught.value)


@given(st.text(max_size=30), JSON)
def test_whatever_a_server_says_becomes_a_literal_spec_or_a_reason(description: str, schema: object) -> None:
    try:
        spec = spec_of("s", "t", description, schema)
    except ValueError:
        return
    told = json.dumps([spec.description, spec.parameters], ensure_ascii=False)
    assert json.loads(literal(told)) == json.loads(told)
    assert spec.name == "s_t"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({}, "'a'"), ({"a": "1"}, "integer"), ({"a": True}, "integer"), ({"a": 1.5}, "integer"), ({"b": 1}, "'a'")],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(BadArguments, match=named):
        check_arguments(ADD, arguments)


def test_arguments_that_fit_pass() -> None:
    check_arguments(ADD, {"a": 1, "b": "anything", "more": None})
    closed = spec_of("s", "t", "", {"properties": {}, "additionalProperties": False})
    with pytest.raises(BadArguments, match="more"):
        check_arguments(closed, {"more": 1})


def test_what_is_no_text_is_said_to_be_there() -> None:
    blocks = [
        SimpleNamespace(type="text", text="a\x1b[2Jb"),
        SimpleNamespace(type="image", data="aGk="),
        SimpleNamespace(type="resource_link", uri="https://x.org/\x9b2J"),
        SimpleNamespace(type="resource", resource=SimpleNamespace(text="within")),
    ]
    assert text_of(blocks, None) == "ab\n[image, not shown]\n[link: https://x.org/]\nwithin"
    assert text_of([], {"sum": 3}) == '{"sum": 3}'
    assert text_of([], None) == ""
