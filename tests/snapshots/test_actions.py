"""The one table of actions: every key has something that it does, and every action is in the help."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from sale_tui.tui.actions import ACTIONS, SCOPES, actions_of, bindings
from sale_tui.tui.app import SaleApp
from sale_tui.tui.screens.approval import ApprovalScreen
from sale_tui.tui.screens.auction import AuctionScreen
from sale_tui.tui.screens.bid import BidScreen
from sale_tui.tui.screens.forget import ForgetScreen
from sale_tui.tui.screens.home import HomeScreen
from sale_tui.tui.screens.ledger import LedgerScreen
from sale_tui.tui.screens.memory import MemoryScreen
from sale_tui.tui.screens.pages import Page
from sale_tui.tui.screens.past import PastScreen
from sale_tui.tui.screens.run import RunScreen
from sale_tui.tui.screens.what_if import WhatIfScreen

OWNERS = {
    "app": SaleApp,
    "home": HomeScreen,
    "auction": AuctionScreen,
    "run": RunScreen,
    "bid": BidScreen,
    "page": Page,
    "what_if": WhatIfScreen,
    "question": ApprovalScreen,
    "ledger": LedgerScreen,
    "memory": MemoryScreen,
    "past": PastScreen,
    "forget": ForgetScreen,
}


@pytest.mark.parametrize("scope", list(SCOPES))
def test_every_key_does_something(scope):
    for binding in bindings(scope):
        assert isinstance(binding, Binding)
        name = binding.action.partition("(")[0]
        owner = SaleApp if name.startswith("app.") else OWNERS[scope]
        assert callable(getattr(owner, f"action_{name.removeprefix('app.')}")), binding


@pytest.mark.parametrize("scope", list(SCOPES))
def test_no_key_means_two_things(scope):
    keys = [binding.key for binding in bindings(scope) if isinstance(binding, Binding)]
    assert len(keys) == len(set(keys))


def test_every_action_is_explained_somewhere():
    listed = [action for scope in SCOPES for action in actions_of(scope)]
    assert set(listed) == set(ACTIONS)
    assert all(action.help.endswith(".") and action.shown for action in ACTIONS)
