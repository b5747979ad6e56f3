"""One page over the guarded transport: bounded in bytes, also when it is unpacked, in time, and in redirects."""

from __future__ import annotations

import asyncio
import zlib
from urllib.parse import urljoin

import httpx2
import msgspec

from sale_tui import __version__
from sale_tui.errors import SaleError
from sale_tui.web.guard import GuardedTransport

MAX_BYTES = 5 * 1024 * 1024
"""Of a page, as sent and as unpacked."""
SECONDS = 20.0
"""For all of it, redirects included."""
REDIRECTS = 5
AGENT = f"sale-tui/{__version__}"
_ZIPPED = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What an address answered."""

    url: str
    """After redirects."""
    media_type: str
    """Lower case, without parameters; empty where the server gives none."""
    charset: str
    """As the server says; ``utf-8`` where it does not."""
    body: bytes


class PageUnavailable(SaleError):
    """The page cannot be had; the message says why."""

    kind = "page_unavailable"


class Fetcher:
    """Fetches pages. Sends no cookie, no referrer and nothing of the environment."""

    def __init__(
        self, transport: httpx2.AsyncBaseTransport | None = None, seconds: float = SECONDS, max_bytes: int = MAX_BYTES
    ) -> None:
        """``transport``: by default the guarded one, with the system's resolver."""
        self._transport = transport or GuardedTransport()
        self._seconds = seconds
        self._max_bytes = max_bytes

    async def fetch(self, url: str) -> Fetched:
        """One page. Raises AddressRefused, PageUnavailable."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(url)
        except TimeoutError:
            raise PageUnavailable(f"no page within {self._seconds:g} s", "try another page") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, zlib.error, UnicodeError, ValueError) as error:
            raise PageUnavailable(f"the page cannot be fetched: {_cause(error)}", "try another page") from error

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    async def _follow(self, url: str) -> Fetched:
        timeout = httpx2.Timeout(self._seconds)
        accepted = "text/html,application/pdf,text/*;q=0.9,*/*;q=0.1"
        headers = {"User-Agent": AGENT, "Accept": accepted, "Accept-Encoding": "gzip"}
        for _ in range(REDIRECTS + 1):
            # Built here, not by a client: a client would keep cookies and read the environment.
            request = httpx2.Request("GET", url, headers=headers, extensions={"timeout": timeout.as_dict()})
            response = await self._transport.handle_async_request(request)
            try:
                if not response.has_redirect_location:
                    return await self._read(url, response)
                target = urljoin(url, response.headers["location"])
                if httpx2.URL(target).host != request.url.host:
                    # Leave was given for this host; another one is asked for by a call of its own.
                    raise PageUnavailable(
                        f"the page leads to another host: {target}", "open that address if it is wanted"
                    )
                url = target
            finally:
                await response.aclose()
        raise PageUnavailable(f"more than {REDIRECTS} redirects", "open the page that it leads to")

    async def _read(self, url: str, response: httpx2.Response) -> Fetched:
        if response.status_code != 200:
            raise PageUnavailable(f"the server answered {response.status_code}", "try another page")
        media_type, _, parameters = response.headers.get("content-type", "").partition(";")
        body = bytearray()
        unpacker = _unpacker(response.headers.get("content-encoding", ""))
        async for piece in response.aiter_raw():
            room = self._max_bytes + 1 - len(body)
            body += piece if unpacker is None else unpacker.decompress(piece, room)
            if len(body) > self._max_bytes:
                raise PageUnavailable(f"the page has more than {self._max_bytes} bytes", "open a smaller one")
        return Fetched(url=url, media_type=media_type.strip().lower(), charset=_charset(parameters), body=bytes(body))


def _unpacker(encoding: str) -> zlib._Decompress | None:
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return None
    if name not in _ZIPPED:
        raise PageUnavailable(f"the server packs the page as {name[:20]!r}", "try another page")
    return zlib.decompressobj(_ZIPPED[name])


def _charset(parameters: str) -> str:
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() or "utf-8"
    return "utf-8"


def _cause(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
