"""The contract of the command line: exit codes, stdout is data, errors are one object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Sale


def first_bid(agent: str, price: float, marks: dict[str, float]) -> dict[str, object]:
    """A bid as a record holds it; only price and marks differ."""
    return {
        "agent": agent, "price": price, "round": "first", "plan": "p", "tokens": 100, "entropy": 0.4,
        "marks": marks, "recalled": [],
    }  # fmt: skip


BIDS = [first_bid("a", 0.05, {"a": 3.0, "b": 2.0}), first_bid("b", 0.10, {"a": 5.0, "b": 5.0})]
RECORD: dict[str, object] = {
    "format": 1,
    "task": {"text": "t", "kind": "coding"},
    "weights": {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5, "b": 0.5}},
    "scales": {"cost": 10.0, "entropy": 1.0, "mark": 5.0},
    "bids": BIDS,
    "award": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["run"], 2, "usage"),
        (["run", "x", "--kind", "poetry"], 2, "usage"),
        (["run", "  "], 2, "usage"),
        (["frobnicate"], 2, "usage"),
        (["run", "x", "--bananas"], 2, "usage"),
        (["run", "x", "--pool", "nonesuch"], 3, "configuration"),
        (["run", "x", "--thrift", "-1"], 3, "configuration"),
        (["run", "x", "--agent", "nobody"], 3, "configuration"),
        (["run", "x", "--workspace", "/nonexistent"], 3, "configuration"),
        (["run", "x", "--corpus", "/nonexistent"], 3, "configuration"),
        (["memory", "show", "zzzz"], 3, "configuration"),
        (["rescore", "/nonexistent.json"], 3, "configuration"),
        (["pool", "show", "nonesuch"], 3, "configuration"),
    ],
)
def test_bad_input_is_one_error_with_cause_and_cure(sale: Sale, arguments: list[str], code: int, kind: str) -> None:
    machine = sale(*arguments, "--jsonl" if arguments[0] in ("run", "frobnicate") else "--json")
    assert machine.code == code
    error = machine.last["error"]
    assert error["kind"] == kind
    assert error["message"]
    assert set(error) == {"kind", "message", "hint"}

    human = sale(*arguments)
    assert human.code == code
    assert human.stdout == ""
    assert error["message"].splitlines()[0] in human.stderr


def test_without_a_terminal_there_is_no_app(sale: Sale) -> None:
    finished = sale()
    assert finished.code == 2
    assert "terminal" in finished.stderr
    assert "sale-tui run" in finished.stderr


def test_rescore_reads_a_file_or_stdin_alike(sale: Sale, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(RECORD))
    from_file = sale("rescore", str(file), "--json")
    from_stdin = sale("rescore", "-", "--json", stdin=json.dumps(RECORD))
    assert from_file.code == from_stdin.code == 0
    assert from_file.last == from_stdin.last
    scored = from_file.last
    assert [bid["cost"] for bid in scored["bids"]] == pytest.approx([0.5, 1.0], abs=1e-12)
    assert [bid["value"] for bid in scored["bids"]] == pytest.approx([0.7, 1.2], abs=1e-12)
    assert scored["provisional"] == "a"
    assert scored["award"]["agent"] == "a"
    assert scored["award"]["by"] == "auction"


def test_weights_and_thrift_replace_the_records(sale: Sale, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps(RECORD))
    dear = sale("rescore", str(file), "--thrift", "0.1", "--json").last
    assert dear["award"]["agent"] == "b"
    weights = tmp_path / "weights.json"
    weights.write_text(
        json.dumps({"weights": {"cost": 1.0, "entropy": 0.0, "jury": {"a": 4.0, "b": 4.0}}, "scales": RECORD["scales"]})
    )
    assert sale("rescore", str(file), "--weights", str(weights), "--json").last["award"]["agent"] == "b"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": 2}, "format"),
        ({"scales": {"cost": 0, "entropy": 1.0, "mark": 5.0}}, "scales.cost"),
        ({"weights": {"cost": 1.0, "entropy": 0.5, "jury": {"a": 0.5}}}, "b"),
        ({"bids": []}, "bid"),
    ],
)
def test_a_bad_record_names_its_field(sale: Sale, change: dict[str, object], named: str) -> None:
    finished = sale("rescore", "-", "--json", stdin=json.dumps({**RECORD, **change}))
    assert finished.code in (3, 4)
    assert named in finished.last["error"]["message"]


def test_a_record_whose_bids_have_no_marks_is_exit_4(sale: Sale) -> None:
    bids = [{**bid, "marks": {}} for bid in BIDS]
    finished = sale("rescore", "-", "--json", stdin=json.dumps({**RECORD, "bids": bids}))
    assert finished.code == 4
    assert finished.last["error"]["kind"] == "no_valid_bid"


def test_help_and_version_are_quick_and_plain(sale: Sale) -> None:
    assert sale("--version").stdout.startswith("sale-tui, version ")
    for command in ("run", "bid", "rescore", "replay", "memory", "pool", "doctor"):
        finished = sale(command, "--help")
        assert finished.code == 0
        assert finished.stdout.startswith("Usage: sale-tui")
