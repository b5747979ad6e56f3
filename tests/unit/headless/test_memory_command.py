"""``memory mark``, ``forget`` and ``export``: what they say, and that forgetting asks."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner

from sale_tui.archive import AuctionSummary
from sale_tui.cli import cli
from sale_tui.errors import UsageFault
from sale_tui.headless.memory import ask_to_forget, export_memory, forget_memory, mark_memory

SUMMARY = AuctionSummary(
    id="0123456789abcd",
    task="which \x1b[31mtown?",
    kind="search",
    pool="micro",
    started=1000.0,
    ended=1010.0,
    status="answered",
    agent="micro-s",
    by="auction",
    overruled=False,
    answer="Velmar",
    outcome="passed",
)


def test_a_mark_is_told(tmp_path):
    out, data = io.StringIO(), io.StringIO()
    assert mark_memory(SUMMARY, out) == mark_memory(SUMMARY, data, as_json=True) == 0
    assert out.getvalue() == "0123456789abcd: the answer was right\n  which town?\n"
    assert json.loads(data.getvalue())["outcome"] == "passed"


@pytest.mark.parametrize(
    ("answer", "meant"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_forgetting_shows_what_and_asks(answer, meant):
    out = io.StringIO()
    assert ask_to_forget([SUMMARY], io.StringIO(answer), out) is meant
    assert "which town?" in out.getvalue()
    assert "[y/N]" in out.getvalue()


def test_what_was_forgotten_and_exported_is_told(tmp_path):
    out, data = io.StringIO(), io.StringIO()
    forget_memory([SUMMARY], out)
    forget_memory([SUMMARY], data, as_json=True)
    assert out.getvalue() == "forgotten: 0123456789abcd\n"
    assert json.loads(data.getvalue()) == {"forgotten": ["0123456789abcd"]}
    out, data = io.StringIO(), io.StringIO()
    export_memory(tmp_path / "a.md", 1, out)
    export_memory(tmp_path / "a.md", 2, data, as_json=True)
    assert out.getvalue().startswith("1 auction in ")
    assert json.loads(data.getvalue()) == {"file": str(tmp_path / "a.md"), "auctions": 2}


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_without_a_terminal_forgetting_needs_a_yes(monkeypatch, tmp_path, flags):
    monkeypatch.setenv("SALE_TUI_HOME", str(tmp_path))
    with pytest.raises(UsageFault, match="confirmed"):
        CliRunner().invoke(cli, ["memory", "forget", "0", *flags], catch_exceptions=False, standalone_mode=False)
