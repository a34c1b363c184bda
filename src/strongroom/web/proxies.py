"""Who the client is, where proxies stand between: their word is taken only if they are trusted.

It stands outside everything else, so that records, throttling and cookies all see one truth.
Whoever is not trusted says nothing: the headers are taken away before anything can read them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

from strongroom.audit.access import FORWARDED_KEY, forwarding_headers
from strongroom.audit.exchange import PROXY_FIX_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THROUGH_PROXY_KEY: Final = "strongroom.through_proxy"
"""In the WSGI environ: a trusted proxy holds the connection."""

_REPLACED: Final = ("REMOTE_ADDR", "HTTP_HOST", "wsgi.url_scheme")
_WITH_PORT: Final = re.compile(r"\[([^\[\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


class TrustedProxies:
    """A WSGI application around another, which then sees the client in the proxy's place.

    :param trusted: networks of the proxies; none to believe nobody
    """

    def __init__(self, app: WSGIApplication, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Set the environ right, and go on."""
        peer = parse_address(environ.get("REMOTE_ADDR", ""), of_peer=True)
        if peer is not None:
            environ["REMOTE_ADDR"] = str(peer)
        said = {name: environ.pop(name) for name in forwarding_headers(environ)}
        if said:
            environ[FORWARDED_KEY] = True
        if peer is not None and self._trusts(peer):
            environ[FORWARDED_KEY] = environ[THROUGH_PROXY_KEY] = True
            self._believe(environ, peer, said)
        return self._app(environ, start_response)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)

    def _believe(
        self, environ: WSGIEnvironment, peer: IPv4Address | IPv6Address, said: dict[str, str]
    ) -> None:
        environ[PROXY_FIX_KEY] = {name: environ.get(name) for name in _REPLACED}
        client = self._client(peer, said.get("HTTP_X_FORWARDED_FOR", ""))
        if client != peer:
            environ["REMOTE_ADDR"] = str(client)
            environ.pop("REMOTE_PORT", None)
        scheme = _last(said.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(said.get("HTTP_X_FORWARDED_HOST", ""))
        if _HOST.fullmatch(host):
            environ["HTTP_HOST"] = host

    def _client(self, peer: IPv4Address | IPv6Address, chain: str) -> IPv4Address | IPv6Address:
        """Each hop wrote down whom it spoke to, so the chain holds as far as the hops are ours."""
        client = peer
        for entry in reversed(chain.split(",")):
            address = parse_address(entry.strip())
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return client


def parse_address(text: str, *, of_peer: bool = False) -> IPv4Address | IPv6Address | None:
    """An address with or without a port; None for anything else, so that nothing else is recorded.

    :param of_peer: from the kernel, which says the interface of a link-local address as well
    """
    if "%" in text:  # what follows may be any text at all
        if not of_peer:
            return None
        text = text.partition("%")[0]
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address(match[1] or match[2] if match else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _last(values: str) -> str:
    """What the nearest proxy said: any before it may be the client's own words."""
    return values.rpartition(",")[2].strip()
