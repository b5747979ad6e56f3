from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sale_tui.memory.recall import PastAuction, PastPlan, choose_pairs, pair_of

ROUNDS = ("first", "refined")
TEXTS = ("p", "q", "r", " p ")
NAMES = ("xs", "s", "m", "l")


@st.composite
def past_auctions(draw) -> PastAuction:
    files = {name: draw(st.sampled_from(["A", "B", "C", ""])) for name in NAMES}
    rounds = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(ROUNDS)), unique=True, max_size=6))
    plans = tuple(
        PastPlan(
            agent, files[agent], draw(st.sampled_from([0.05, 0.09])), round_, draw(st.sampled_from(TEXTS)),
            draw(st.none() | st.sampled_from([-1.0, 0.0, 2.0])),
        )
        for agent, round_ in rounds
    )  # fmt: skip
    winner = draw(st.sampled_from(plans)) if plans else None
    return PastAuction(
        id=draw(st.text("0123456789", min_size=3, max_size=3)),
        task="t",
        plans=plans,
        winner=winner.agent if winner else "m",
        winner_sha256=winner.sha256 if winner else "A",
        winning_plan=winner.text if winner else "w",
        executor=draw(st.sampled_from([winner.agent if winner else "m", "l"])),
        run=draw(st.sampled_from([None, "answered", "failed", "limit", "interrupted", "running"])),
        outcome=draw(st.sampled_from(["passed", "failed", "unknown"])),
    )


@given(past=past_auctions(), author=st.sampled_from(["A", "B", "C", "D", ""]))
def test_a_pair_is_of_the_author_and_its_winner_did_not_fail(past, author):
    pair = pair_of(past, author, 0.5)
    if pair is None:
        return
    by_author = {plan.text for plan in past.plans if plan.sha256 == author}
    assert author
    assert pair.losing_plan in by_author or past.winner_sha256 == author
    if past.executor == past.winner:
        assert past.run not in {"failed", "limit", "running"}
        assert past.outcome != "failed"
    assert pair.winning_plan == past.winning_plan
    assert pair.winning_agent == past.winner
    assert pair.losing_agent != past.winner
    assert pair.losing_plan.strip() != pair.winning_plan.strip()


@given(ranked=st.lists(past_auctions(), max_size=8), author=st.sampled_from(["A", "B"]), k=st.integers(0, 4))
def test_the_nearest_usable_ones_are_taken_in_order(ranked, author, k):
    cosines = [1 - n / 10 for n in range(len(ranked))]
    pairs = choose_pairs(zip(ranked, cosines, strict=True), author, k)
    usable = [pair_of(past, author, cosine) for past, cosine in zip(ranked, cosines, strict=True)]
    assert pairs == [pair for pair in usable if pair is not None][:k]


def plan(
    agent: str, text: str, round_: str = "first", total: float | None = 0.0, sha256: str = "", price: float = 0.1
) -> PastPlan:
    return PastPlan(agent, sha256 or f"sha-{agent}", price, round_, text, total)


def past(*plans: PastPlan, winner: str = "m", won: str = "won") -> PastAuction:
    return PastAuction("1", "task", plans, winner, f"sha-{winner}", won, winner, "answered", "unknown")


def test_a_loser_sees_its_own_last_plan():
    auction = past(plan("m", "won"), plan("s", "mine"), plan("s", "mine, refined", "refined"), plan("xs", "other"))
    pair = pair_of(auction, "sha-s", 0.9)
    assert pair is not None
    assert (pair.losing_plan, pair.losing_agent, pair.winning_plan) == ("mine, refined", "s", "won")
    assert pair.similarity == 0.9


def test_a_winner_sees_its_closest_rival():
    rivals = (plan("xs", "far", total=0.5), plan("l", "close", total=0.1), plan("s", "unscored", total=None))
    pair = pair_of(past(plan("m", "won"), *rivals), "sha-m", 0.9)
    assert pair is not None
    assert (pair.losing_plan, pair.losing_agent) == ("close", "l")


def test_equal_rivals_go_by_price_then_name():
    rivals = (plan("s", "dear", price=0.2), plan("xs", "cheap b", price=0.1), plan("l", "cheap a", price=0.1))
    pair = pair_of(past(plan("m", "won"), *rivals), "sha-m", 0.9)
    assert pair is not None
    assert pair.losing_agent == "l"


def test_the_same_file_under_another_name_is_the_same_author():
    pair = pair_of(past(plan("m", "won"), plan("copy", "mine", sha256="sha-s")), "sha-s", 0.9)
    assert pair is not None
    assert pair.losing_agent == "copy"


def test_who_took_no_part_learns_nothing():
    assert pair_of(past(plan("m", "won"), plan("s", "lost")), "sha-l", 0.9) is None


def test_identical_plans_are_no_pair():
    assert pair_of(past(plan("m", "won"), plan("s", " won\n")), "sha-s", 0.9) is None
