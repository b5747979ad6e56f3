"""Whatever models, tools and files say is shown literally: no markup, no escape sequence, no exception."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from textual.events import Paste

from sale_tui.events import AwardProposed, BidDelta, ErrorRaised, ToolCalled, decode, encode
from sale_tui.tui.app import SaleApp
from sale_tui.tui.widgets.prompt import Prompt
from sale_tui.tui.widgets.text import clipped, one_line, words

TUI = Path(__file__).parents[2] / "sale_tui" / "tui"
TEXTS = {
    "text", "plan", "reason", "hint", "message", "task", "losing_plan", "winning_plan", "output", "answer", "summary",
    "code", "thinking", "workspace", "title", "document", "tool", "device", "architecture", "pool", "withheld", "tools",
}  # fmt: skip
HOSTILE = [
    "[/]",
    "[bold",
    "[@click=app.quit]press[/]",
    "$text-error {0} %s =14629,state",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x1b",
    "\x00\x07\x08\r\x7f",
    "漢字かな交じり文" * 30,
    "👩‍👩‍👧‍👦🏳️‍🌈" * 20,
    "abc \u202edlrow\u202c \u2066x\u2069 \u200f",
    "e\u0301\u0302\u0303" * 40,
    "\t\t" + "x" * 500,
    "line\n" * 60,
    "",
]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def poisoned(value, text: str, key: str = ""):
    match value:
        case dict():
            return {name: poisoned(item, text, name) for name, item in value.items()}
        case list():
            return [poisoned(item, text, key) for item in value]
        case str() if key in TEXTS:
            return text
    return value


@pytest.mark.parametrize("text", ["[/]", "", "\n".join(HOSTILE)], ids=["tag", "nothing", "all"])
@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_every_screen_shows_it_literally(log, replay_app, wait_for, text, size):
    events = [decode(json.dumps(poisoned(json.loads(encode(event)), text))) for event in log]
    events.append(ErrorRaised(error="run_failed", message=text, hint=text, exit_code=5, auction="x", seq=0, at=0.0))
    app: SaleApp = replay_app(events)
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: app.state.error is not None and not app.state.busy)
        for keys in (("t",), ("b",), ("v",), ("escape", "question_mark"), ("escape", "n", "n")):
            await pilot.pause(0.06)
            shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
            assert not CONTROL.search(shown.replace("\n", ""))
            await pilot.press(*keys)
        app.say(text)
        await pilot.pause(0.06)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (BidDelta, (20, 6)),
        (AwardProposed, (20, 6)),
        (ToolCalled, (20, 6)),
        (AwardProposed, (99, 50)),
        (BidDelta, (200, 60)),
    ],
)
async def test_any_size_at_any_moment(log, replay_app, wait_for, kind, size):
    place = max(place for place, event in enumerate(log) if isinstance(event, kind))
    app: SaleApp = replay_app(log[: place + 1])
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: app.state.now == log[place].at)
        await pilot.resize_terminal(size[0] + 30, size[1] + 7)
        await pilot.pause(0.1)
        assert app.is_running


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_words_hold_no_control_characters(text):
    assert not CONTROL.search(words(text, (text, "bold")).plain.replace("\n", ""))
    for width in (1, 2, 7, 80):
        assert one_line(text, width).cell_length <= width
        for line in clipped(text, width, 3).split("\n"):
            # A wide character cannot be cut in half.
            assert line.cell_length <= max(width, 2)


def test_a_clipped_text_says_that_it_is():
    assert clipped("one two three four", 7, 2).plain == "one two\nthree…"
    assert clipped("one two three four", 9, 2, tail=True).plain == "…hree\nfour"
    assert clipped("short", 9, 2).plain == "short"


def calls_of(path: Path) -> list[tuple[str, ast.Call]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found.append((name, node))
    return found


def test_only_one_module_makes_text_widgets_and_nobody_reads_markup():
    """Static, Label and the like read markup unless told otherwise; so does ``notify``."""
    forbidden = {"Static", "Label", "Markdown", "Text", "Log", "RichLog", "Button", "from_markup", "render_markup"}
    for path in TUI.rglob("*.py"):
        for name, call in calls_of(path):
            assert name not in forbidden, f"{path.name}: {name}"
            if name == "notify":
                assert any(word.arg == "markup" and not ast.literal_eval(word.value) for word in call.keywords)
        if path.name != "text.py":
            assert "widgets import Static" not in path.read_text("utf-8")
            assert "Content.assemble" not in path.read_text("utf-8")


def test_titles_of_borders_are_words():
    for path in TUI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                target = node.targets[0].attr
                if target in {"border_title", "border_subtitle", "tooltip"}:
                    assert isinstance(node.value, ast.Call)
                    assert getattr(node.value.func, "id", "") == "words"


def test_the_state_knows_nothing_of_textual():
    for path in [*TUI.glob("state*.py"), TUI / "format.py", TUI / "feed.py", TUI / "source.py"]:
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        }
        assert not {name for name in names if name.split(".")[0] in {"textual", "rich"} or "widgets" in name}, path.name


async def test_what_is_pasted_is_literal_and_keeps_its_lines(log, replay_app):
    app = replay_app(log, begin=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one(Prompt).post_message(Paste("one\n\x1b[31mtwo\x07 [/]"))
        await pilot.pause(0.1)
        assert app.screen.query_one(Prompt).text == "one\ntwo [/]"
