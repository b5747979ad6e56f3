"""No spelling, redirect or second answer of a resolver leads to an address that is not public."""

from __future__ import annotations

import gzip
import ipaddress
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sale_tui.errors import SaleError
from sale_tui.web.fetch import REDIRECTS, Fetcher, PageUnavailable
from sale_tui.web.guard import AddressRefused, GuardedTransport, is_public, resolve_name

PUBLIC = "93.184.215.14"

REFUSED = [
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/",
    "http://0177.0.0.1/", "http://017700000001/", "http://127.000.000.001/", "http://localhost/", "http://LOCALHOST./",
    "http://0/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::]/", "http://[2001:0:7f00:1::]/", "http://[fec0::1]/",
    "http://[fe80::1]/", "http://[fe80::1%25lo]/", "http://[fd00::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/",
    "http://[fd00:ec2::254]/", "http://127.0.0.1./", "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://127.0.0.1:80/",
    "http://user@127.0.0.1/", "http://public.example@127.0.0.1/", "http://user:word@public.example/",
    "http://public.example:8080/", "https://public.example:80/", "http://public.example:22/", "ftp://public.example/",
    "file:///etc/passwd", "gopher://public.example/", "data:text/plain,x", "//public.example/", "http:///etc/passwd",
    "http://", "", "http://%31%32%37.0.0.1/", "http://127.0.0.1\t/", "http://127.0.0.1\\@public.example:8080/",
    "http://mixed.example/", "http://inside.example/", "http://mapped.example/", "http://nat64.example/",
    "http://relay.example/", "http://metadata.example/", "http://carrier.example/", "http://nobody.example/",
]  # fmt: skip

NAMES = {
    "public.example": [PUBLIC],
    "both.example": [PUBLIC, "2606:4700::1111"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "inside.example": ["10.1.2.3"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "relay.example": ["192.88.99.1"],
    "metadata.example": ["169.254.169.254"],
    "carrier.example": ["100.64.0.1"],
}


async def resolve(host: str, port: int) -> list[str]:
    """Names from the table; numeric spellings as the system reads them, which asks nobody."""
    if host in NAMES:
        return NAMES[host]
    if host.rstrip(".").lower() == "localhost":
        return ["127.0.0.1", "::1"]
    if any(character in "abcdefghijklmnopqrstuvwxyz%" for character in host) and ":" not in host and "x" not in host:
        raise OSError("no such name")
    return await resolve_name(host, port)


class Connector(httpx2.AsyncBaseTransport):
    """Takes the place of the network: notes whom it is to reach, and answers from a table."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.reached: list[str] = []
        self.seen: list[httpx2.Request] = []
        self._answer = answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.reached.append(request.url.host)
        self.seen.append(request)
        return self._answer(request)


def page(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/plain"}, stream=Body([b"hello"]))


class Body(httpx2.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            yield piece


@pytest.mark.parametrize("url", REFUSED)
async def test_refused(url: str) -> None:
    connector = Connector(page)
    with pytest.raises(SaleError):
        await Fetcher(GuardedTransport(connector, resolve)).fetch(url)
    assert connector.reached == []


def test_there_are_enough_spellings() -> None:
    assert len(set(REFUSED)) == len(REFUSED) >= 31


@pytest.mark.parametrize("url", ["http://public.example/a?b=c", "https://public.example:443/", "https://both.example/"])
async def test_the_very_address_that_was_looked_at_is_reached(url: str) -> None:
    connector = Connector(page)
    fetched = await Fetcher(GuardedTransport(connector, resolve)).fetch(url)
    assert (fetched.body, fetched.url) == (b"hello", url)
    assert connector.reached == [PUBLIC]
    [request] = connector.seen
    host = httpx2.URL(url).host
    assert request.headers["host"] == host
    assert request.extensions["sni_hostname"] == host
    assert not {"cookie", "referer", "authorization"} & set(request.headers)


async def test_a_second_answer_of_the_resolver_is_never_asked_for() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    connector = Connector(page)
    fetcher = Fetcher(GuardedTransport(connector, rebinding))
    await fetcher.fetch("http://rebinding.example/")
    assert connector.reached == [PUBLIC]
    with pytest.raises(AddressRefused):
        await fetcher.fetch("http://rebinding.example/")
    assert connector.reached == [PUBLIC]


@pytest.mark.parametrize("target", [url for url in REFUSED if url and not url.startswith("//")])
async def test_a_redirect_leads_nowhere_else(target: str) -> None:
    def redirect(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers=[(b"location", target.encode())])

    connector = Connector(redirect)
    with pytest.raises(SaleError):
        await Fetcher(GuardedTransport(connector, resolve)).fetch("http://public.example/")
    assert set(connector.reached) == {PUBLIC}


async def test_another_host_is_named_not_followed() -> None:
    """Leave was given for one host; a redirector there must not carry a secret to another."""
    connector = Connector(lambda request: httpx2.Response(302, headers={"location": "http://other.example/?secret"}))
    with pytest.raises(PageUnavailable, match=r"another host: http://other\.example/\?secret"):
        await Fetcher(GuardedTransport(connector, resolve)).fetch("http://public.example/")
    assert len(connector.reached) == 1


async def test_redirects_end() -> None:
    connector = Connector(lambda request: httpx2.Response(301, headers={"location": "/again"}))
    with pytest.raises(PageUnavailable, match="redirects"):
        await Fetcher(GuardedTransport(connector, resolve)).fetch("http://public.example/")
    assert len(connector.reached) == REDIRECTS + 1


async def test_a_large_page_is_given_up_while_it_comes() -> None:
    body = Body([b"x" * 1024] * 1000)
    connector = Connector(lambda request: httpx2.Response(200, stream=body))
    with pytest.raises(PageUnavailable, match="bytes"):
        await Fetcher(GuardedTransport(connector, resolve), max_bytes=10_000).fetch("http://public.example/")
    assert body.given <= 11


async def test_a_page_is_unpacked_within_its_bounds() -> None:
    def packed(content: bytes, encoding: str = "gzip") -> Connector:
        headers = {"content-encoding": encoding, "content-type": 'Text/Plain; Charset="Latin-1"'}
        return Connector(lambda request: httpx2.Response(200, headers=headers, stream=Body([content])))

    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(PageUnavailable, match="bytes"):
        await Fetcher(GuardedTransport(packed(bomb), resolve)).fetch("http://public.example/")
    with pytest.raises(PageUnavailable, match="packs"):
        await Fetcher(GuardedTransport(packed(b"x", "br"), resolve)).fetch("http://public.example/")
    with pytest.raises(PageUnavailable):
        await Fetcher(GuardedTransport(packed(b"no gzip at all"), resolve)).fetch("http://public.example/")
    fetched = await Fetcher(GuardedTransport(packed(gzip.compress(b"hello")), resolve)).fetch("http://public.example/")
    assert (fetched.body, fetched.media_type, fetched.charset) == (b"hello", "text/plain", "latin-1")


@pytest.mark.parametrize("status", [204, 206, 304, 401, 404, 500])
async def test_no_page_no_text(status: int) -> None:
    connector = Connector(lambda request: httpx2.Response(status))
    with pytest.raises(PageUnavailable, match=str(status)):
        await Fetcher(GuardedTransport(connector, resolve)).fetch("http://public.example/")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_public_is_global_and_in_no_translation(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        if address.version == 6:
            assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)
