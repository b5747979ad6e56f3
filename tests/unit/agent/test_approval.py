"""Which calls may be made: globs, their order, what a run has read, and who is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.agent.approval import Policy, covering, format_call, matches
from sale_tui.agent.approval_store import ApprovalBook, ApprovalStore
from sale_tui.errors import ConfigurationFault
from sale_tui.types import ApprovalAction, ApprovalRule, ToolSpec

OPEN = ToolSpec(
    name="open", description="", parameters={"properties": {"document": {}, "page": {}}, "required": ["document"]}
)
ACTIONS: tuple[ApprovalAction, ...] = ("allow", "ask", "deny")


def rule(call: str, action: ApprovalAction = "allow") -> ApprovalRule:
    return ApprovalRule(call=call, action=action)


@pytest.mark.parametrize(
    ("glob", "call", "fits"),
    [
        ("search(*)", "search(any words, even (these))", True),
        ("search(*)", "research(x)", False),
        ("shell(git *)", "shell(git status)", True),
        ("shell(git *)", "shell(git)", False),
        ("open(https://docs.python.org/*)", "open(https://docs.python.org/3/)", True),
        ("open(https://docs.python.org/*)", "open(https://docs.python.org.evil.example/3/)", False),
        ("open(https://docs.python.org/*)", "open(https://evil.example/https://docs.python.org/)", False),
        ("open(https://docs.python.org/*)", "open(https://docs.python.org@evil.example/)", False),
        ("open(https://*.python.org/*)", "open(https://docs.python.org/3/)", True),
        ("open(https://x.org/?q=*)", "open(https://x.org/?q=1)", True),
        ("open(https://x.org/?q=*)", "open(https://x.org/aq=1)", False),
        ("python(*)", "python(print(1)\nprint(2))", True),
        ("*", "", True),
        ("**", "x", True),
        ("a*a", "a", False),
        ("a*b*a", "aba", True),
        ("[ab]", "a", False),
        ("open([x])", "open([x])", True),
    ],
)
def test_what_a_glob_stands_for(glob: str, call: str, fits: bool) -> None:
    assert matches(glob, call) is fits


@given(st.lists(st.text(alphabet="ab(", max_size=4), min_size=1, max_size=5), st.data())
def test_a_glob_stands_for_whatever_fills_its_stars(parts: list[str], data: st.DataObject) -> None:
    fillings = [data.draw(st.text(alphabet="ab)", max_size=3)) for _ in parts[1:]]
    call = parts[0] + "".join(filling + part for filling, part in zip(fillings, parts[1:], strict=True))
    assert matches("*".join(parts), call)


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        ({"document": "a.md"}, "open(a.md)"),
        ({"page": 2, "document": "a.md"}, "open(a.md, page=2)"),
        ({"document": " HTTPS://Docs.Python.ORG"}, "open(https://docs.python.org/)"),
        ({"document": "https://x.org?q=A"}, "open(https://x.org/?q=A)"),
        ({"document": "https://x.org\\@evil.example/"}, "open(https://x.org\\@evil.example/)"),
        ({"page": 2}, "open(page=2)"),
        ({"other": "x", "document": "a"}, 'open(a, other="x")'),
        ({}, "open()"),
    ],
)
def test_a_call_as_text(arguments: dict[str, object], call: str) -> None:
    assert format_call(OPEN, arguments) == call


@pytest.mark.parametrize(
    ("call", "glob"),
    [
        ("search(some words)", "search(*)"),
        ("open(https://docs.python.org/3/)", "open(https://docs.python.org/*)"),
        ("open(https://x.org:8443/)", "open(https://x.org:8443/*)"),
        ("open(https://user@x.org/)", ""),
        ("open(https://*/x)", ""),
    ],
)
def test_what_an_answer_covers(call: str, glob: str) -> None:
    assert covering(call) == glob
    assert not glob or matches(glob, call)


@given(st.text(max_size=40))
def test_what_an_answer_covers_never_reaches_another_host(rest: str) -> None:
    glob = covering(format_call(OPEN, {"document": f"https://good.example{rest}"}))
    assert not glob or not matches(glob, "open(https://evil.example/)")


def test_the_first_rule_that_matches_decides() -> None:
    policy = Policy(settings=(rule("search(a*)", "deny"), rule("search(*)", "allow")))
    assert policy.rule("search(abc)", leaves=True).action == "deny"
    assert policy.rule("search(bcd)", leaves=True).action == "allow"
    assert policy.rule("open(x)", leaves=True).action == "ask"
    assert policy.rule("open(x)", leaves=False).action == "allow"


@given(*[st.sampled_from(ACTIONS)] * 4)
def test_flags_go_before_the_run_before_settings_before_always(
    flag: ApprovalAction, run: ApprovalAction, setting: ApprovalAction, always: ApprovalAction
) -> None:
    ruled = [("flag", flag), ("run", run), ("settings", setting), ("always", always)]
    for place, (source, action) in enumerate(ruled):
        given_rules = [(rule("t(*)", each),) if at >= place else () for at, (_, each) in enumerate(ruled)]
        policy = Policy(flags=given_rules[0], settings=given_rules[2], always=given_rules[3])
        ruling = policy.rule("t(x)", leaves=True, run=given_rules[1])
        assert (ruling.source, ruling.action, ruling.rule) == (source, action, "t(*)")


@given(st.sampled_from(ACTIONS), st.booleans())
def test_an_exposed_run_lets_nothing_out_by_an_older_rule(action: ApprovalAction, always: bool) -> None:
    rules = (rule("t(*)", action),)
    policy = Policy(always=rules) if always else Policy(settings=rules)
    ruled = policy.rule("t(x)", leaves=True, exposed=True).action
    assert ruled == ("ask" if action == "allow" else action)
    assert policy.rule("t(x)", leaves=False, exposed=True).action == action
    assert Policy(flags=rules).rule("t(x)", leaves=True, exposed=True).action == action
    assert Policy().rule("t(x)", leaves=True, run=rules, exposed=True).action == action


def test_always_is_kept_for_later_launches_and_can_be_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "config" / "approvals.json"
    ApprovalBook(store=ApprovalStore(file)).keep(rule("search(*)"))
    assert (file.stat().st_mode & 0o777, [path.name for path in file.parent.iterdir()]) == (0o600, [file.name])
    again = ApprovalStore(file)
    assert ApprovalBook(store=again).policy.rule("search(x)", leaves=True).source == "always"
    again.add(rule("search(*)"))
    assert json.loads(file.read_text()) == [{"call": "search(*)", "action": "allow"}]
    elsewhere = ApprovalStore(file)
    elsewhere.add(rule("open(*)"))
    elsewhere.forget([rule("search(*)")])
    assert [kept.call for kept in again.rules] == ["open(*)"]
    again.add(rule("peer(*)"))
    assert [kept.call for kept in elsewhere.rules] == ["open(*)", "peer(*)"]
    elsewhere.forget(elsewhere.rules)
    assert again.rules == ()


def test_a_broken_file_of_approvals_is_an_error_and_no_leave(tmp_path: Path) -> None:
    file = tmp_path / "approvals.json"
    file.write_text('[{"call": "*", "action": "perhaps"}]')
    with pytest.raises(ConfigurationFault, match=r"approvals\.json"):
        ApprovalStore(file)
