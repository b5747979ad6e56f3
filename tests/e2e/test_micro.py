"""Real auctions of the embedded pool through the installed command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, Finished, Sale
from tests.e2e.processes import children_of, is_alive, kill, wait_until, workers_of
from tests.e2e.tasks import unseen

ROOT = Path(__file__).parents[2]
ONE_STEP = {kind: unseen(kind, 1, 8) for kind in ("coding", "search")}


@pytest.fixture(scope="module")
def coding_run(sale: Sale) -> Finished:
    """One whole task with all its events: the first that the pool answers, be it right or wrong."""
    for task in ONE_STEP["coding"]:
        finished = sale("run", task["text"], "--jsonl")
        if finished.code == 0:
            return finished
        assert finished.code == 5, finished.stdout
    pytest.fail("the pool answers none of these tasks")


def of(finished: Finished, name: str) -> list[dict[str, Any]]:
    """The events of one name."""
    return [event for event in finished.lines if event.get("event") == name]


def test_a_task_ends_in_an_executed_answer(coding_run: Finished) -> None:
    assert coding_run.code == 0
    assert coding_run.lines[0]["event"] == "log_started"
    assert coding_run.lines[0]["sandbox"] == "full"
    assert [event["seq"] for event in coding_run.lines] == list(range(len(coding_run.lines)))
    assert len(of(coding_run, "bid_placed")) >= 4
    assert len([mark for mark in of(coding_run, "mark_given") if mark["round"] == "first"]) == 16
    assert of(coding_run, "tool_called")
    assert of(coding_run, "run_finished")[0]["status"] == "answered"


def test_the_largest_model_solves_most_unseen_tasks(environment: dict[str, str], tmp_path: Path) -> None:
    """docs/measurements.md has the rates on a hundred tasks; five of eight leave room for other roundings."""
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text("\n".join(json.dumps(task) for kind in ONE_STEP for task in ONE_STEP[kind]))
    # In one process: starting the pool takes longer than all these tasks.
    command = [sys.executable, "-m", "benchmarks.micro_tasks", "--agent", "micro-l", "--file", str(tasks)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    solved = {name: rate.split("/") for name, rate in json.loads(done.stdout)["by_bin"].items()}
    assert {name: all_of for name, (_, all_of) in solved.items()} == {"coding 1": "8", "search 1": "8"}
    assert all(int(right) >= 5 for right, _ in solved.values()), solved


def total_of(bid: dict[str, Any], header: dict[str, Any]) -> float:
    """C - V by paper.md section 2, written out without the product's code; every mark is there."""
    weights, scales = header["weights"], header["scales"]
    cost = weights["cost"] * bid["price"] * bid["tokens"] / scales["cost"]
    value = weights["entropy"] * bid["entropy"] / scales["entropy"]
    value += sum(weights["jury"][juror] * mark / scales["mark"] for juror, mark in bid["marks"].items())
    return float(cost - value)


def test_a_stranger_recomputes_every_total_and_the_award(coding_run: Finished, sale: Sale, tmp_path: Path) -> None:
    header = coding_run.lines[0]
    bids = {(bid["agent"], bid["round"]): {**bid, "marks": {}} for bid in of(coding_run, "bid_placed")}
    for mark in of(coding_run, "mark_given"):
        assert mark["mark"] is not None, "this test's arithmetic imputes nothing"
        bids[mark["agent"], mark["round"]]["marks"][mark["juror"]] = mark["mark"]
    totals = {key: total_of(bid, header) for key, bid in bids.items()}
    told = {
        (card["agent"], card["round"]): card["total"]
        for card in of(coding_run, "award_proposed")[0]["scorecards"]
    }  # fmt: skip
    assert told == pytest.approx(totals, abs=1e-9)

    first = min((key for key in totals if key[1] == "first"), key=lambda key: (totals[key], bids[key]["price"]))
    cheaper = [key for key in totals if key[1] == "refined" and bids[key]["price"] < bids[first]["price"]]
    best = min([first, *cheaper], key=lambda key: (totals[key], key != first, bids[key]["price"]))
    award = of(coding_run, "award_decided")[0]["award"]
    assert (award["agent"], award["round"]) == best

    log = tmp_path / "log.jsonl"
    log.write_text(coding_run.stdout)
    scored = sale("rescore", str(log), "--json").last
    assert {(bid["agent"], bid["round"]): bid["total"] for bid in scored["bids"]} == pytest.approx(totals, abs=1e-9)
    assert (scored["award"]["agent"], scored["award"]["round"]) == best
    by_id = sale("rescore", header["auction"], "--json").last
    assert by_id["award"]["agent"] == award["agent"]


def test_a_pinned_agent_runs_without_an_auction(sale: Sale) -> None:
    finished = sale("run", ONE_STEP["coding"][1]["text"], "--agent", "micro-l", "--jsonl")
    assert finished.code in (0, 5)
    assert {bid["agent"] for bid in of(finished, "bid_placed")} == {"micro-l"}
    assert of(finished, "mark_given") == []
    assert of(finished, "run_started")[0]["agent"] == "micro-l"


def test_memory_lists_finds_and_shows_what_was_run(coding_run: Finished, sale: Sale) -> None:
    auction = coding_run.lines[0]["auction"]
    assert auction in sale("memory", "list", "--limit", "200").stdout
    text = of(coding_run, "task_received")[0]["text"]
    assert auction in sale("memory", "search", text).stdout
    assert sale("memory", "show", auction, "--json").last["task"]["text"] == text


def test_a_log_replays_as_text(coding_run: Finished, sale: Sale, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(coding_run.stdout)
    told = sale("replay", str(log), "--speed", "1000")
    assert told.code == 0
    for line in of(coding_run, "run_finished")[0]["answer"].splitlines():
        assert line in told.stdout


@pytest.mark.parametrize("moment", ["bid_started", "mark_given", "step_started"])
def test_killed_workers_leave_a_finished_auction_or_one_error(environment: dict[str, str], moment: str) -> None:
    task = ONE_STEP["coding"][2]["text"]
    process = subprocess.Popen(
        [COMMAND, "run", task, "--kind", "coding", "--jsonl"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if f'"event":"{moment}"' in line.replace(": ", ":"):
            break
    victims = workers_of(process.pid)
    assert victims
    kill(victims[0])
    rest, narration = process.communicate(timeout=60)
    last = json.loads((lines + rest.splitlines())[-1])
    assert "Traceback" not in narration
    assert process.returncode in (0, 3, 4, 5)
    assert (process.returncode == 0) == ("error" not in last or "event" in last)


def test_all_workers_killed_is_one_clear_error(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [COMMAND, "run", ONE_STEP["coding"][2]["text"], "--kind", "coding", "--jsonl"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if '"bid_started"' in line:
            break
    for worker in workers_of(process.pid):
        kill(worker)
    rest, narration = process.communicate(timeout=60)
    assert process.returncode == 4
    assert json.loads(rest.splitlines()[-1])["error"]["kind"] == "no_valid_bid"
    assert "Traceback" not in narration


def test_the_command_killed_leaves_a_readable_memory_and_no_worker(environment: dict[str, str], sale: Sale) -> None:
    process = subprocess.Popen(
        [COMMAND, "run", ONE_STEP["coding"][3]["text"], "--kind", "coding", "--jsonl"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    shown: list[dict[str, Any]] = []
    for line in process.stdout:
        shown.append(json.loads(line))
        if shown[-1]["event"] == "mark_given":
            break
    family = children_of(process.pid)
    assert workers_of(process.pid)
    kill(process.pid)
    shown += [json.loads(line) for line in process.stdout.readlines()]
    process.wait()
    assert wait_until(lambda: not any(is_alive(pid) for pid in family), 5)

    stored = sale("memory", "show", shown[0]["auction"], "--json").last
    assert stored["summary"]["status"] == "interrupted"
    plans = [event["plan"] for event in shown if event["event"] == "bid_placed"]
    assert plans
    assert all(plan in [bid["plan"] for bid in stored["bids"]] for plan in plans)
