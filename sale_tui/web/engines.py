"""Search engines: each asks one service and reads its answer; caching and patience are ``search``'s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import httpx2
import msgspec

from sale_tui.sources import WebHit
from sale_tui.web.fetch import AGENT

SECONDS = 15.0
MAX_BYTES = 4 * 1024 * 1024
BRAVE = "https://api.search.brave.com"
TAVILY = "https://api.tavily.com"
_BUSY = 429
_REFUSED = (401, 403)

Shape = TypeVar("Shape")


class EngineFault(Exception):
    """The service gave no results; the text says why."""

    def __init__(self, message: str, hint: str = "", *, busy: bool = False, wait_seconds: float | None = None) -> None:
        """``busy``: it may answer later, after ``wait_seconds`` where it says so."""
        super().__init__(message)
        self.hint = hint
        self.busy = busy
        self.wait_seconds = wait_seconds


class Engine(Protocol):
    """One search service."""

    @property
    def name(self) -> str:
        """For people, and in the cache."""
        ...

    async def search(self, query: str, limit: int) -> list[WebHit]:
        """Results, best first, at most ``limit``. Raises EngineFault."""
        ...


class _Row(msgspec.Struct, frozen=True):
    title: str | None = None
    url: str | None = None
    content: str | None = None
    description: str | None = None


class _Results(msgspec.Struct, frozen=True):
    results: list[_Row] = []


class _Brave(msgspec.Struct, frozen=True):
    web: _Results | None = None


class SearxEngine:
    """A SearXNG of the user's own: the one address that is asked wherever it lies, because the user has set it."""

    name = "SearXNG"

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url = url.rstrip("/") + "/search"
        self._seconds = seconds

    async def search(self, query: str, limit: int) -> list[WebHit]:
        """Raises EngineFault."""
        request = httpx2.Request("GET", self._url, params={"q": query, "format": "json"}, headers=_headers())
        found = _decode(await _ask(request, self._seconds, self._refused), _Results)
        return _hits(found.results, limit)

    @staticmethod
    def _refused(status: int) -> str:
        if status in _REFUSED:
            return 'its settings.yml must allow JSON: under "search:" write "formats: [html, json]"'
        return "is this the address of a SearXNG?"


class BraveEngine:
    """Brave Search, with a key."""

    name = "Brave"

    def __init__(self, key: str, url: str = BRAVE, seconds: float = SECONDS) -> None:
        self._key = key
        self._url = f"{url}/res/v1/web/search"
        self._seconds = seconds

    async def search(self, query: str, limit: int) -> list[WebHit]:
        """Raises EngineFault."""
        headers = {**_headers(), "X-Subscription-Token": self._key}
        params: dict[str, Any] = {"q": query[:400], "count": limit, "text_decorations": "false"}
        request = httpx2.Request("GET", self._url, params=params, headers=headers)
        found = _decode(await _ask(request, self._seconds, _key_refused), _Brave)
        return _hits(found.web.results if found.web else [], limit)


class TavilyEngine:
    """Tavily, with a key."""

    name = "Tavily"

    def __init__(self, key: str, url: str = TAVILY, seconds: float = SECONDS) -> None:
        self._key = key
        self._url = f"{url}/search"
        self._seconds = seconds

    async def search(self, query: str, limit: int) -> list[WebHit]:
        """Raises EngineFault."""
        headers = {**_headers(), "Authorization": f"Bearer {self._key}"}
        request = httpx2.Request("POST", self._url, json={"query": query, "max_results": limit}, headers=headers)
        return _hits(_decode(await _ask(request, self._seconds, _key_refused), _Results).results, limit)


Lookup = Callable[[str, int, float], list[dict[str, Any]]]
"""Query, results wanted, seconds; rows with ``title``, ``href`` and ``body``."""


class DdgsEngine:
    """Several public engines by the library ddgs, without a key."""

    name = "ddgs"

    def __init__(self, lookup: Lookup | None = None, seconds: float = SECONDS) -> None:
        """``lookup``: who asks; by default the library."""
        self._lookup = lookup or _ddgs
        self._seconds = seconds

    async def search(self, query: str, limit: int) -> list[WebHit]:
        """Raises EngineFault."""
        try:
            async with asyncio.timeout(self._seconds):
                rows = await asyncio.to_thread(self._lookup, query, limit, self._seconds)
        except ImportError:
            raise EngineFault("the library ddgs is not installed", "pip install 'sale-tui[web]'") from None
        except TimeoutError:
            raise EngineFault(f"no answer within {self._seconds:g} s", busy=True) from None
        except Exception as error:
            if "no results" in str(error).lower():
                return []
            raise EngineFault(f"{type(error).__name__}: {str(error)[:200]}", "wait a while", busy=True) from error
        return _hits(
            [_Row(title=row.get("title"), url=row.get("href"), content=row.get("body")) for row in rows], limit
        )


def _ddgs(query: str, limit: int, seconds: float) -> list[dict[str, Any]]:
    from ddgs import DDGS

    return DDGS(timeout=int(seconds)).text(query, max_results=limit)


async def _ask(request: httpx2.Request, seconds: float, hint: Callable[[int], str]) -> bytes:
    """The body of a good answer. Raises EngineFault. Redirects are not followed: a key might go elsewhere."""
    try:
        async with asyncio.timeout(seconds), httpx2.AsyncClient(trust_env=False, timeout=seconds) as client:
            response = await client.send(request, stream=True)
            try:
                if response.status_code != 200:
                    raise _refusal(response, hint)
                return await _read(response.aiter_bytes)
            finally:
                await response.aclose()
    except TimeoutError:
        raise EngineFault(f"no answer within {seconds:g} s", "is it running?", busy=True) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise EngineFault(
            f"it cannot be asked: {type(error).__name__}: {str(error)[:200]}", "is it running?"
        ) from error


async def _read(pieces: Callable[[], Any]) -> bytes:
    body = bytearray()
    async for piece in pieces():
        body += piece
        if len(body) > MAX_BYTES:
            raise EngineFault(f"its answer has more than {MAX_BYTES} bytes")
    return bytes(body)


def _refusal(response: httpx2.Response, hint: Callable[[int], str]) -> EngineFault:
    status = response.status_code
    if status == _BUSY or status >= 500:
        said = response.headers.get("retry-after", "")
        wait = float(said) if said.isdecimal() else None
        why = "it has been asked too often" if status == _BUSY else f"it answered {status}"
        return EngineFault(why, "wait a while", busy=True, wait_seconds=wait)
    return EngineFault(f"it answered {status}", hint(status))


def _key_refused(status: int) -> str:
    return "check the key" if status in _REFUSED else "check the key and the plan that it belongs to"


def _decode(body: bytes, kind: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        raise EngineFault("its answer is not the JSON that was asked for", "is this its address?") from None


def _hits(rows: list[_Row], limit: int) -> list[WebHit]:
    """Those with a web address, each address once."""
    found: dict[str, WebHit] = {}
    for row in rows:
        url = (row.url or "").strip()
        if url.startswith(("http://", "https://")) and not any(character.isspace() for character in url):
            excerpt = " ".join((row.content or row.description or "").split())
            title = " ".join((row.title or "").split())
            found.setdefault(url, WebHit(url=url, title=title[:300], excerpt=excerpt[:1000]))
    return list(found.values())[:limit]


def _headers() -> dict[str, str]:
    return {"User-Agent": AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
