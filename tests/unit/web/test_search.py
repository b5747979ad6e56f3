"""Search services as they answer, fail, stall and lie; real requests to a server on loopback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sale_tui.clock import SystemClock
from sale_tui.sources import WebHit
from sale_tui.web.cache import WebCache
from sale_tui.web.engines import BraveEngine, DdgsEngine, Engine, SearxEngine, TavilyEngine
from sale_tui.web.keys import find_key
from sale_tui.web.search import SearchUnavailable, WebSearcher
from tests.unit.web.conftest import Asked, Server, answer

ROWS: list[dict[str, Any]] = [
    {"title": "Kettles\n of  the world", "url": "https://kettles.example/", "content": "All <b>about</b> them."},
    {"title": "Twice", "url": "https://kettles.example/", "content": "the same"},
    {"title": "Odd", "url": "javascript:alert(1)", "content": "x"},
    {"title": None, "url": "https://nameless.example/", "content": None},
]
HITS = [
    WebHit(url="https://kettles.example/", title="Kettles of the world", excerpt="All <b>about</b> them."),
    WebHit(url="https://nameless.example/", title="", excerpt=""),
]
KEY = "very-secret-key"


class Time(SystemClock):
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def time() -> Time:
    return Time()


def searcher(engine: Engine, tmp_path: Path, time: Time) -> WebSearcher:
    return WebSearcher(engine, WebCache(tmp_path / "web.db", time.now), time, retry_seconds=0.01)


async def test_searxng(server: Server) -> None:
    server.answers = [lambda asked: answer({"query": "x", "results": ROWS, "answers": []})]
    assert await SearxEngine(server.url + "/").search("kettle & co", 8) == HITS
    [asked] = server.asked
    target = urlsplit(asked.line.split()[1])
    assert (target.path, parse_qs(target.query)) == ("/search", {"q": ["kettle & co"], "format": ["json"]})


async def test_brave(server: Server) -> None:
    rows = [{**row, "description": row["content"]} for row in ROWS]
    server.answers = [lambda asked: answer({"web": {"results": rows}})]
    assert await BraveEngine(KEY, server.url).search("kettle", 1) == HITS[:1]
    assert server.asked[0].headers["x-subscription-token"] == KEY
    server.answers = [lambda asked: answer({"type": "search"})]
    assert await BraveEngine(KEY, server.url).search("kettle", 1) == []


async def test_tavily(server: Server) -> None:
    server.answers = [lambda asked: answer({"results": ROWS})]
    assert await TavilyEngine(KEY, server.url).search("kettle", 5) == HITS
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(server.asked[0].body) == {"query": "kettle", "max_results": 5}


async def test_ddgs() -> None:
    def lookup(query: str, limit: int, seconds: float) -> list[dict[str, Any]]:
        if query == "nothing":
            raise RuntimeError("No results found.")
        if query == "often":
            raise RuntimeError("202 Ratelimit")
        return [{"title": row["title"], "href": row["url"], "body": row["content"]} for row in ROWS]

    engine = DdgsEngine(lookup)
    assert await engine.search("kettle", 8) == HITS
    assert await engine.search("nothing", 8) == []
    with pytest.raises(Exception, match="202 Ratelimit"):
        await engine.search("often", 8)


async def test_the_same_question_is_asked_once_a_day(server: Server, tmp_path: Path, time: Time) -> None:
    server.answers = [lambda asked: answer({"results": ROWS})]
    for _ in range(2):
        # Another searcher, as another session has one.
        assert await searcher(SearxEngine(server.url), tmp_path, time).search("  kettle ") == HITS
    assert len(server.asked) == 1
    time.at += 25 * 3600
    await searcher(SearxEngine(server.url), tmp_path, time).search("kettle")
    assert len(server.asked) == 2


async def test_a_broken_cache_costs_nothing_else(server: Server, tmp_path: Path, time: Time) -> None:
    (tmp_path / "web.db").write_bytes(b"nonsense" * 1000)
    server.answers = [lambda asked: answer({"results": ROWS})]
    for _ in range(2):
        assert await searcher(SearxEngine(server.url), tmp_path, time).search("kettle") == HITS
    assert len(server.asked) == 1


async def test_busy_once_is_asked_again(server: Server, tmp_path: Path, time: Time) -> None:
    server.answers = [lambda asked: answer({}, "500 Oops"), lambda asked: answer({"results": ROWS})]
    assert await searcher(SearxEngine(server.url), tmp_path, time).search("kettle") == HITS


async def test_busy_for_long_is_left_alone(server: Server, tmp_path: Path, time: Time) -> None:
    server.answers = [lambda asked: answer({}, "429 Too Many", "Retry-After: 60\r\n")]
    search = searcher(BraveEngine(KEY, server.url), tmp_path, time)
    with pytest.raises(SearchUnavailable, match="search unavailable: Brave: it has been asked too often"):
        await search.search("kettle")
    assert len(server.asked) == 1
    with pytest.raises(SearchUnavailable, match="left alone for another 60 s"):
        await search.search("other")
    assert len(server.asked) == 1
    time.at += 61
    server.answers = [lambda asked: answer({"web": {"results": ROWS}})]
    assert len(await search.search("other")) == 2


async def hang(asked: Asked) -> bytes:
    await asyncio.sleep(30)
    return b""


FAULTS: list[tuple[str, Any, str]] = [
    ("forbidden", lambda asked: answer({}, "403 Forbidden"), "formats: [html, json]"),
    ("not found", lambda asked: answer({}, "404 Not Found"), "is this the address of a SearXNG?"),
    ("server error", lambda asked: answer({}, "500 Oops"), "wait a while"),
    ("not json", lambda asked: answer(None, raw=b"<html>"), "is this its address?"),
    ("not utf-8", lambda asked: answer(None, raw=b'{"results": "\xff"}'), "is this its address?"),
    ("wrong shape", lambda asked: answer({"results": "none"}), "is this its address?"),
    ("hang-up", lambda asked: b"", "is it running?"),
    ("half an answer", lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "is it running?"),
    ("no http", lambda asked: b"SSH-2.0-OpenSSH\r\n", "is it running?"),
    ("elsewhere", lambda asked: answer({}, "302 Found", "Location: http://127.0.0.1:1/\r\n"), "is this the address"),
    ("endless", lambda asked: answer(None, raw=b" " * (5 * 1024 * 1024)), ""),
    ("slow", hang, "is it running?"),
]


@pytest.mark.parametrize(("reply", "hint"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
async def test_faults_are_told(server: Server, tmp_path: Path, time: Time, reply: Any, hint: str) -> None:
    server.answers = [reply]
    with pytest.raises(SearchUnavailable) as caught:
        await searcher(SearxEngine(server.url, seconds=0.5), tmp_path, time).search("kettle")
    assert caught.value.message.startswith("search unavailable: SearXNG: ")
    assert hint in caught.value.hint


async def test_nobody_there(tmp_path: Path, time: Time) -> None:
    with pytest.raises(SearchUnavailable, match="cannot be asked"):
        await searcher(SearxEngine("http://127.0.0.1:9"), tmp_path, time).search("kettle")


@pytest.mark.parametrize("status", ["401 No", "403 No", "422 No", "429 No", "500 No"])
async def test_a_key_is_never_told(server: Server, tmp_path: Path, time: Time, status: str) -> None:
    server.answers = [lambda asked: answer({"echo": asked.headers}, status)]
    for engine in (BraveEngine(KEY, server.url), TavilyEngine(KEY, server.url)):
        with pytest.raises(SearchUnavailable) as caught:
            await searcher(engine, tmp_path, time).search("kettle")
        assert KEY not in f"{caught.value.message} {caught.value.hint} {caught.value!r} {caught.value.__cause__!r}"
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_keys_come_from_the_environment() -> None:
    assert find_key("brave", {"SALE_TUI_BRAVE_KEY": " a ", "BRAVE_API_KEY": "b"}) == "a"
    assert find_key("tavily", {"TAVILY_API_KEY": "c"}) == "c"
