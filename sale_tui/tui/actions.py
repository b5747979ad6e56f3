"""One table of everything that a key does: it makes the bindings, the key bar and the help."""

from __future__ import annotations

from typing import Literal

import msgspec
from textual.binding import Binding, BindingType

Scope = Literal[
    "app", "home", "auction", "run", "bid", "page", "what_if", "question", "ledger", "memory", "past", "forget"
]
SCOPES: dict[Scope, str] = {
    "home": "First screen",
    "auction": "Auction",
    "bid": "A bid in full",
    "run": "Run",
    "page": "Why this one, and jury",
    "what_if": "What if",
    "question": "A call that asks for leave",
    "ledger": "Ledger",
    "memory": "Past auctions",
    "past": "A past auction",
    "forget": "Before something is forgotten",
    "app": "Everywhere",
}

MAIN: tuple[Scope, ...] = ("home", "auction", "run")
ANSWERS: tuple[Scope, ...] = ("run", "memory", "past")
"""Where an answer can be marked."""


class Action(msgspec.Struct, frozen=True):
    """What one key, or a few that mean the same, do on some screens."""

    name: str
    """Of the action; a digit key passes itself on."""
    keys: str
    """As textual names them, separated by commas; empty where a widget of the screen listens itself."""
    shown: str
    """The keys as people read them."""
    label: str
    """In the key bar; empty where it stands in the help alone."""
    help: str
    scopes: tuple[Scope, ...]
    rank: int = 5
    """Which go first where the key bar is too narrow; 1 is dearest."""
    priority: bool = False
    """Whether it goes before what the focused widget does with the key."""


ACTIONS: tuple[Action, ...] = (
    Action("start", "", "Enter", "start", "Start the task that is written in the prompt.", ("home",), 1),
    Action("newline", "", "ctrl+j", "new line", "Begin a new line in the prompt.", ("home",), 6),
    Action(
        "turn_kind",
        "ctrl+t",
        "ctrl+t",
        "kind",
        "Change the kind of the task: auto, search, coding.",
        ("home",),
        2,
        True,
    ),
    Action(
        "samples", "", "↓ or Tab", "samples", "Go to the sample tasks; Enter takes one into the prompt.", ("home",), 3
    ),
    Action("take", "1,2,3,4,5,6,7,8,9", "1-4", "take a bid", "Award the bid of that number instead.", ("auction",), 2),
    Action("choose(-1)", "left,up", "← ↑", "", "Choose the bid before.", ("auction",), 9),
    Action("choose(1)", "right,down", "← →", "choose", "Choose the next bid.", ("auction",), 4),
    Action(
        "confirm",
        "enter",
        "Enter",
        "accept",
        "Accept the proposed award, or take the bid that is chosen.",
        ("auction",),
        1,
    ),
    Action(
        "hold",
        "space",
        "space",
        "hold",
        "Hold the countdown, or let it go on.",
        ("auction", "page", "what_if"),
        1,
    ),
    Action("set_kind", "k", "k", "kind", "Change the kind of the task before bidding begins.", ("auction",), 2),
    Action(
        "view",
        "v",
        "v",
        "view bid",
        "Show the chosen bid in full: plans, marks, terms, what was recalled.",
        ("auction",),
        3,
    ),
    Action("show_run", "b", "b", "run", "Go to the run.", ("auction",), 2),
    Action("show_board", "b", "b", "board", "Go back to the auction.", ("run",), 3),
    Action("save", "s", "s", "save copy", "Save a copy of the workspace into a folder.", ("run",), 2),
    Action("turn_thinking", "t", "t", "thinking", "Show or hide what the model thought.", ("run",), 4),
    Action("mark_right", "y", "y", "right", "Mark the answer as right; again takes it back.", ANSWERS, 3),
    Action("mark_wrong", "x", "x", "wrong", "Mark the answer as wrong; again takes it back.", ANSWERS, 3),
    Action("copy", "c", "c", "copy", "Copy the answer, where the terminal allows it.", ("run", "past"), 4),
    Action("open", "", "↑ ↓ Enter", "open", "Choose a past auction and open it.", ("memory",), 1),
    Action("seek", "slash", "/", "search", "Search by meaning; an empty search lists all.", ("memory",), 1),
    Action("turn_kind", "k", "k", "kind", "List one kind of task, or all.", ("memory",), 3),
    Action("turn_agent", "a", "a", "agent", "List what one agent was awarded, or all.", ("memory",), 3),
    Action("play", "p", "p", "replay", "Play the auction and its run again.", ("past",), 2),
    Action("faster", "f", "f", "faster", "Turn the speed of the replay: 1, 2, 5, 10, 20 times.", ("past",), 4),
    Action("forget", "d", "d", "forget", "Forget it for good; asks first.", ("memory", "past"), 5),
    Action("export", "e", "e", "export", "Write it, or all that is listed, to a file.", ("memory", "past"), 5),
    Action("scroll", "", "↑ ↓", "", "Scroll.", ("ledger", "past"), 9),
    Action("leave", "escape", "Esc", "back", "Go back.", ("ledger", "memory", "past"), 1),
    Action("forget", "y", "y", "forget", "Forget it.", ("forget",), 1),
    Action("keep", "escape,n", "Esc", "keep", "Keep it.", ("forget",), 1),
    Action(
        "app.ledger", "ctrl+l", "ctrl+l", "ledger", "Show what tasks cost, who won, and who was right.", MAIN, 6, True
    ),
    Action("app.memory", "ctrl+o", "ctrl+o", "past", "Look through past auctions.", MAIN, 3, True),
    Action("view(1)", "right", "→", "next bid", "Show the next bid.", ("bid",), 2),
    Action("view(-1)", "left", "←", "bid before", "Show the bid before.", ("bid",), 2),
    Action("leave", "escape,v", "Esc", "back", "Close this view.", ("bid",), 1),
    Action(
        "page('why')",
        "w",
        "w",
        "why",
        "Show the sum that decided: every term of the winner and the runner-up.",
        ("auction", "run", "page", "what_if"),
        3,
    ),
    Action(
        "page('what_if')",
        "f",
        "f",
        "what if",
        "Turn weights and see which awards would have changed, with the bids held fixed.",
        ("auction", "run", "page", "what_if"),
        6,
    ),
    Action(
        "page('jury')",
        "j",
        "j",
        "jury",
        "Show every juror's mark of every bid, self-preference and disagreement.",
        ("auction", "run", "page", "what_if"),
        6,
    ),
    Action("choose(-1)", "up", "↑", "", "Choose the weight before.", ("what_if",), 9),
    Action("choose(1)", "down", "↑ ↓", "choose", "Choose the next weight.", ("what_if",), 3),
    Action("turn(-1)", "left,minus", "←", "less", "Turn the chosen weight down.", ("what_if",), 2),
    Action("turn(1)", "right,plus,equals_sign", "→", "more", "Turn the chosen weight up.", ("what_if",), 2),
    Action("restore", "r", "r", "own weights", "Back to the weights of the auction's own pool.", ("what_if",), 2),
    Action("roll(-1)", "pageup", "PgUp", "", "Scroll up.", ("what_if",), 9),
    Action("roll(1)", "pagedown", "PgDn", "", "Scroll down.", ("what_if",), 9),
    Action("scroll", "", "↑ ↓", "", "Scroll.", ("page",), 9),
    Action("leave", "escape", "Esc", "back", "Close this view.", ("page", "what_if"), 1),
    Action("once", "o", "o", "once", "Allow this call.", ("question",), 1),
    Action("run", "r", "r", "this run", "Allow it and what is like it for the rest of the run.", ("question",), 2),
    Action(
        "always",
        "a",
        "a",
        "always",
        "Allow it and what is like it in later runs, too; `sale-tui approvals` lists and forgets.",
        ("question",),
        3,
    ),
    Action("deny", "d", "d", "deny", "Deny it, with a reason that the model is told.", ("question",), 1),
    Action("back", "escape", "Esc", "back", "Leave the reason and choose again.", ("question",), 4),
    Action("scroll", "", "↑ ↓", "", "Scroll; Tab goes between the steps and the answer.", ("run",), 9),
    Action("new_task", "n,escape", "n", "new task", "Go to the prompt for another task.", ("auction", "run"), 2),
    Action(
        "interrupt",
        "ctrl+c",
        "ctrl+c",
        "stop",
        "Stop the auction or the run now.",
        ("auction", "run", "question"),
        1,
        True,
    ),
    Action("box", "f2", "F2", "sandbox", "Show what the code of models runs in, and its limits.", ("app",), 6),
    Action("help", "question_mark,f1", "?", "help", "Show all keys (F1 while writing).", ("app",), 1),
    Action(
        "quit", "ctrl+q", "ctrl+q", "quit", "Quit and end every model (q outside the prompt, too).", ("app",), 1, True
    ),
)


PAGES = ("page('why')", "page('what_if')", "page('jury')")
"""Names of the actions that open a page over the auction or the run."""


def bindings(scope: Scope) -> list[BindingType]:
    """What a screen, or the app, listens to."""
    made: list[BindingType] = []
    for action in ACTIONS:
        if scope not in action.scopes:
            continue
        for key in filter(None, action.keys.split(",")):
            call = f"{action.name}({int(key)})" if action.name == "take" else action.name
            made.append(Binding(key, call, action.help, show=False, priority=action.priority))
    if scope in MAIN:
        made.append(Binding("q", "app.quit", "Quit", show=False))
    return made


def actions_of(scope: Scope) -> tuple[Action, ...]:
    """The actions of a scope, in the order of the table."""
    return tuple(action for action in ACTIONS if scope in action.scopes)
