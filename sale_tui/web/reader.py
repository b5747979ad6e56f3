"""Pages of the public web as clean text: fetched behind the guard, parsed in the sandbox, kept for a while."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from sale_tui.sources import DocumentText, RawFile, TextExtractor
from sale_tui.web.cache import WebCache
from sale_tui.web.fetch import Fetched, Fetcher, PageUnavailable

KEPT_SECONDS = 3600.0
MOST_CHARACTERS = 4_000_000
_HTML = frozenset(("text/html", "application/xhtml+xml"))
_PLAIN = frozenset(("application/json", "application/xml", "application/yaml", "application/toml", "application/x-sh"))

_page = msgspec.json.Decoder(DocumentText)


class PageReader:
    """Reads pages."""

    def __init__(self, fetcher: Fetcher, extractor: TextExtractor, cache: WebCache) -> None:
        self._fetcher = fetcher
        self._extractor = extractor
        self._cache = cache

    async def read(self, url: str) -> DocumentText:
        """As the port says. Raises AddressRefused, PageUnavailable, NoSandbox."""
        key = hashlib.sha256(f"page\0{url}".encode("utf-8", "replace")).hexdigest()
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            return _page.decode(kept)
        page = await self._text_of(await self._fetcher.fetch(url))
        await asyncio.to_thread(self._cache.put, key, msgspec.json.encode(page), KEPT_SECONDS)
        return page

    async def close(self) -> None:
        """Close the connections."""
        await self._fetcher.close()

    async def _text_of(self, fetched: Fetched) -> DocumentText:
        kind = fetched.media_type or "text/html"
        if kind in _HTML or kind == "application/pdf":
            raw = RawFile(kind="pdf" if kind == "application/pdf" else "html", content=fetched.body, url=fetched.url)
            [found] = await self._extractor.extract([raw])
            if found.problem:
                raise PageUnavailable(f"the page cannot be read: {found.problem}", "try another page")
            return DocumentText(document=fetched.url, title=found.title, text=found.text, links=found.links)
        if kind.startswith("text/") or kind in _PLAIN or kind.endswith(("+json", "+xml")):
            return DocumentText(document=fetched.url, title="", text=_decoded(fetched)[:MOST_CHARACTERS])
        raise PageUnavailable(f"the address holds {kind[:60]}, which is no text", "try another page")


def _decoded(fetched: Fetched) -> str:
    try:
        return fetched.body.decode(fetched.charset, "replace").replace("\0", "")
    except LookupError:
        return fetched.body.decode("utf-8", "replace").replace("\0", "")
