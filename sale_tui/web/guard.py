"""Requests reach public addresses alone, whatever a name, a redirect or a second answer of a resolver says.

A name is resolved once; if any of its addresses is not public the request is refused; the connection then goes to the
very address that was looked at, while Host header, SNI and certificate are those of the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

import httpx2

from sale_tui.errors import SaleError

PORTS = {"http": 80, "https": 443}
"""The schemes that may be fetched, each on its own port only."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a name. Raises OSError."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What ``is_global`` lets through although it leads elsewhere: relays of IPv6 in IPv4, 6to4, and Teredo with its kin.
_REFUSED = tuple(ipaddress.ip_network(network) for network in ("192.88.99.0/24", "2002::/16", "2001::/23"))
# Of IPv6, only what is given out to hosts: neither site-local addresses nor any form of an embedded IPv4 address.
_UNICAST = ipaddress.ip_network("2000::/3")


class AddressRefused(SaleError):
    """This address is not fetched; the message says why."""

    kind = "address_refused"


def is_public(text: str) -> bool:
    """Whether a numeric address belongs to the public internet, and to one host of it."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 6 and (address not in _UNICAST or address.scope_id is not None):
        return False
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def resolve_name(host: str, port: int) -> list[str]:
    """The system's answer, in its order. Raises OSError."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Every request of a client passes here, those that follow a redirect as well."""

    def __init__(self, connect: httpx2.AsyncBaseTransport | None = None, resolve: Resolve = resolve_name) -> None:
        """``connect`` carries requests whose host is an address already; it must not resolve or redirect itself."""
        # No connection is kept: one to an address may be of another name.
        self._connect = connect or httpx2.AsyncHTTPTransport(
            trust_env=False, limits=httpx2.Limits(max_connections=8, max_keepalive_connections=0)
        )
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises AddressRefused, httpx2.TransportError."""
        check_url(request.url)
        address = await self._pinned(request.url)
        host = request.url.raw_host.decode("ascii")
        pinned = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        response = await self._connect.handle_async_request(pinned)
        response.request = request
        return response

    async def aclose(self) -> None:
        """Close what carries the requests."""
        await self._connect.aclose()

    async def _pinned(self, url: httpx2.URL) -> str:
        host = url.raw_host.decode("ascii")
        try:
            addresses = await self._resolve(host, PORTS[url.scheme])
        except (OSError, UnicodeError) as error:
            raise httpx2.ConnectError(f"{host} cannot be found: {getattr(error, 'strerror', None) or error}") from error
        if not addresses:
            raise httpx2.ConnectError(f"{host} has no address")
        if not all(is_public(address) for address in addresses):
            raise AddressRefused(
                f"{host[:80]} leads to an address that is not public, and is not fetched", "open a public page"
            )
        return addresses[0]


def check_url(url: httpx2.URL) -> None:
    """Raises AddressRefused where the address itself says that it is not to be fetched."""
    if url.scheme not in PORTS:
        raise AddressRefused(
            f"only http and https are fetched, not {url.scheme[:20] or 'nothing'!r}", "give a web page"
        )
    if url.userinfo:
        raise AddressRefused("an address with a user name is not fetched", "give it without the part before the @")
    if url.port not in {None, PORTS[url.scheme]}:
        raise AddressRefused(f"port {url.port} is not fetched", "only the web's own ports 80 and 443 are")
    if not url.host:
        raise AddressRefused("the address has no host", "give the whole address of a page")
