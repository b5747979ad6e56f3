"""Pages as clean text: what is parsed where, what is kept, what is refused."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from sale_tui.errors import ConfigurationFault
from sale_tui.sources import Extracted, RawFile
from sale_tui.web import cache
from sale_tui.web.cache import WebCache
from sale_tui.web.choose import choose_engine
from sale_tui.web.fetch import Fetcher, PageUnavailable
from sale_tui.web.guard import GuardedTransport
from sale_tui.web.reader import PageReader
from tests.unit.web.conftest import Server, answer
from tests.unit.web.test_guard import PUBLIC, Body, Connector, resolve


class Taken:
    """Notes what it is given to extract."""

    def __init__(self, found: Extracted) -> None:
        self.files: list[RawFile] = []
        self._found = found

    async def extract(self, files: Sequence[RawFile]) -> list[Extracted]:
        self.files += files
        return [self._found] * len(files)


def reader(tmp_path: Path, kind: str, body: bytes, extractor: Taken) -> tuple[PageReader, Connector]:
    connector = Connector(lambda request: httpx2.Response(200, headers={"content-type": kind}, stream=Body([body])))
    fetcher = Fetcher(GuardedTransport(connector, resolve))
    return PageReader(fetcher, extractor, WebCache(tmp_path / "web.db", lambda: 1000.0)), connector


@pytest.mark.parametrize(
    ("kind", "parsed"),
    [("text/html; charset=utf-8", "html"), ("application/xhtml+xml", "html"), ("application/pdf", "pdf"), ("", "html")],
)
async def test_html_and_pdf_go_to_the_extractor_alone(tmp_path: Path, kind: str, parsed: str) -> None:
    extractor = Taken(Extracted(text="Clean.", title="A title", links=("https://public.example/b",)))
    pages, connector = reader(tmp_path, kind, b"<p>raw", extractor)
    for _ in range(2):
        page = await pages.read("https://public.example/a")
        assert (page.document, page.title, page.text) == ("https://public.example/a", "A title", "Clean.")
    [file] = extractor.files
    assert (file.kind, file.content, file.url) == (parsed, b"<p>raw", "https://public.example/a")
    assert len(connector.reached) == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text/plain; charset=latin-1", "café\x1b[31m"),
        ("application/json", '{"a": 1}'),
        ("text/csv; charset=x-none", "a,b"),
    ],
)
async def test_plain_text_is_itself(tmp_path: Path, kind: str, text: str) -> None:
    extractor = Taken(Extracted())
    body = text.encode("latin-1") + b"\0"
    pages, _ = reader(tmp_path, kind, body, extractor)
    assert (await pages.read("https://public.example/")).text == text
    assert extractor.files == []


@pytest.mark.parametrize("kind", ["image/png", "application/zip", "video/mp4", "application/octet-stream"])
async def test_what_is_no_text_is_refused(tmp_path: Path, kind: str) -> None:
    pages, _ = reader(tmp_path, kind, b"x", Taken(Extracted()))
    with pytest.raises(PageUnavailable, match="no text"):
        await pages.read("https://public.example/")


async def test_a_page_that_cannot_be_parsed_says_so(tmp_path: Path) -> None:
    pages, _ = reader(tmp_path, "text/html", b"x", Taken(Extracted(problem="it takes more than 5 s to read")))
    with pytest.raises(PageUnavailable, match="more than 5 s"):
        await pages.read("https://public.example/")


class ToLoopback(httpx2.AsyncBaseTransport):
    """The real carrier of requests, but whoever is to be reached is the tests' own server."""

    def __init__(self, server: Server) -> None:
        self._port = httpx2.URL(server.url).port
        self._real = httpx2.AsyncHTTPTransport(trust_env=False)
        self.reached: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.reached.append(request.url.host)
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()


async def test_over_a_real_connection(server: Server) -> None:
    moved = answer(None, "301 Moved", "Location: /b\r\n", raw=b"")
    server.answers = [
        lambda asked: moved,
        lambda asked: answer(None, headers="Content-Type: text/plain\r\n", raw=b"hi"),
    ]
    carrier = ToLoopback(server)
    fetcher = Fetcher(GuardedTransport(carrier, resolve))
    fetched = await fetcher.fetch("http://public.example/a?q=1")
    await fetcher.close()
    assert (fetched.url, fetched.body) == ("http://public.example/b", b"hi")
    assert carrier.reached == [PUBLIC, PUBLIC]
    assert [asked.line for asked in server.asked] == ["GET /a?q=1 HTTP/1.1", "GET /b HTTP/1.1"]
    assert {asked.headers["host"] for asked in server.asked} == {"public.example"}


async def test_a_server_that_is_slow_is_given_up(server: Server) -> None:
    async def slow(asked: object) -> bytes:
        await asyncio.sleep(30)
        return b""

    server.answers = [slow]
    fetcher = Fetcher(GuardedTransport(ToLoopback(server), resolve), seconds=0.3)
    with pytest.raises(PageUnavailable):
        await fetcher.fetch("http://public.example/")
    await fetcher.close()


def test_engines_by_name() -> None:
    def no_key(service: str) -> str:
        return ""

    assert choose_engine("none") is None
    assert getattr(choose_engine("searxng", "http://127.0.0.1:8080"), "name", "") == "SearXNG"
    assert getattr(choose_engine("brave", key_of=lambda service: "key"), "name", "") == "Brave"
    assert getattr(choose_engine("tavily", key_of=lambda service: "key"), "name", "") == "Tavily"
    for name in ("brave", "tavily"):
        with pytest.raises(ConfigurationFault, match="no key"):
            choose_engine(name, key_of=no_key)
    for url in ("", "127.0.0.1:8080", "ftp://x", "http://", "http://[x", "http://x:99999"):
        with pytest.raises(ConfigurationFault, match="searxng_url"):
            choose_engine("searxng", url)


def test_a_cache_that_another_process_holds_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "BUSY_SECONDS", 0.01)
    kept = WebCache(tmp_path / "web.db", lambda: 1000.0)
    kept.put("a", b"1", 10)
    with closing(sqlite3.connect(tmp_path / "web.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        kept.put("b", b"2", 10)
        other.rollback()
    assert (kept.get("a"), kept.get("b")) == (b"1", None)


def test_a_cache_that_is_broken_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "web.db").write_bytes(b"no database at all" * 100)
    kept = WebCache(tmp_path / "web.db", lambda: 1000.0)
    assert kept.get("a") is None
    kept.put("a", b"1", 10)
    assert kept.get("a") == b"1"
