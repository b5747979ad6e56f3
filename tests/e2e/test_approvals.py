"""What was allowed for always can be listed and forgotten from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Sale

RULES = [{"call": "open(https://docs.python.org/*)", "action": "allow"}, {"call": "search(*)", "action": "allow"}]


@pytest.fixture
def kept(home: Path) -> Path:
    file = home / "config" / "approvals.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(RULES))
    return file


def test_answers_for_always_are_listed_and_forgotten_one_by_one(sale: Sale, kept: Path) -> None:
    assert sale("approvals", "list", "--json").last == [
        {"number": number, **rule} for number, rule in enumerate(RULES, start=1)
    ]
    assert "2  allow   search(*)" in sale("approvals", "list").stdout
    assert sale("approvals", "forget", "1", "--json").last == {"forgotten": RULES[:1]}
    assert json.loads(kept.read_text()) == RULES[1:]
    assert sale("approvals", "forget", "--all").stdout == "forgotten: search(*)\n"
    assert sale("approvals", "list").stdout == "nothing is allowed for always\n"
    assert sale("approvals", "forget", "--all", "--json").last == {"forgotten": []}


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["3"]])
def test_what_is_not_there_is_not_forgotten(sale: Sale, kept: Path, arguments: list[str]) -> None:
    wrong = sale("approvals", "forget", "--json", *arguments)
    assert (wrong.code, wrong.last["error"]["kind"]) == (2, "usage")
    assert json.loads(kept.read_text()) == RULES
