"""Data that cannot steer a terminal, tables, errors."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.errors import ConfigurationFault
from sale_tui.events import Notice, decode, encode
from sale_tui.headless.formats import dollars, json_line, print_error, table


@given(st.text(max_size=40))
def test_json_is_the_same_value_without_steering(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert "\n" not in line
    assert not [c for c in line if 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\u2066"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_an_event_line_reads_back_as_the_event(text: str) -> None:
    event = Notice(text=text, auction="a", seq=3, at=1.5)
    assert decode(json_line(encode(event))) == event


def test_errors_for_people_and_for_machines() -> None:
    fault = ConfigurationFault("bad \x1b[31mfield", "mend it")
    people, machine = io.StringIO(), io.StringIO()
    print_error(fault, people, machine=False)
    print_error(fault, machine, machine=True)
    assert people.getvalue() == "error: bad field\n  try: mend it\n"
    assert json.loads(machine.getvalue()) == {
        "error": {"kind": "configuration", "message": "bad \x1b[31mfield", "hint": "mend it"}
    }


def test_a_table_is_aligned_and_literal() -> None:
    lines = table(["name", "x"], [["a\x1b[2J\nb", 1.0], ["longer name", None], ["c", 22.5]])
    assert lines == ["name               x", "a b           1.0000", "longer name        –", "c            22.5000"]


@pytest.mark.parametrize(("amount", "shown"), [(0.0, "$0"), (1.25, "$1.250000"), (0.0000012345, "$1.2e-06")])
def test_dollars(amount: float, shown: str) -> None:
    assert dollars(amount) == shown
