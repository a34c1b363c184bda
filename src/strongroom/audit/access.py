"""Who may read the records where the application has not said so: programs on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from flask import request

from strongroom.audit.exchange import addresses

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FORWARDED_KEY: Final = "strongroom.forwarded"
"""In the WSGI environ: the request was forwarded, though its headers no longer say so."""

_FORWARDED: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED")
"""How the names of these headers begin: Forwarded (RFC 7239), X-Forwarded-For, -Host, -Proto …"""

_ALSO_FORWARDED: Final = frozenset(
    {
        "HTTP_VIA",  # RFC 9110, section 7.6.3
        "HTTP_X_REAL_IP",
        "HTTP_CLIENT_IP",
        "HTTP_X_CLIENT_IP",
        "HTTP_X_CLUSTER_CLIENT_IP",
        "HTTP_X_ORIGINAL_FORWARDED_FOR",
        "HTTP_X_ORIGINAL_HOST",
        "HTTP_X_ENVOY_EXTERNAL_ADDRESS",
        "HTTP_TRUE_CLIENT_IP",
        "HTTP_FASTLY_CLIENT_IP",
        "HTTP_CF_CONNECTING_IP",
        "HTTP_CDN_LOOP",  # RFC 8586
    }
)
"""What proxies say besides, in WSGI's spelling (PEP 3333)."""


def from_this_machine() -> bool:
    """Whether the current request was made on this machine, to an address of this machine.

    A name other than ``localhost`` is refused: a page elsewhere could have pointed its own name
    at this machine (DNS rebinding).
    """
    return from_loopback() and _names_this_machine(request.host)


def from_loopback() -> bool:
    """Whether the current request was made on this machine, whatever name it asked for.

    Behind a proxy every request comes from the proxy's address, which may well be this machine's.
    So three things are needed: the connection comes from this machine; the client's address,
    where ``ProxyFix`` has put another in its place, is of this machine as well; and no header
    says that the request was forwarded, whoever wrote it and however far it is believed.

    Enough for an application that checks the Host header itself.
    """
    client, peer = addresses(request.environ)
    return is_loopback(peer) and is_loopback(client) and not _was_forwarded(request.environ)


def forwarding_headers(environ: WSGIEnvironment) -> list[str]:
    """The headers by which proxies say that they forward, as they stand in the environ."""
    return [name for name in environ if name.startswith(_FORWARDED) or name in _ALSO_FORWARDED]


def _was_forwarded(environ: WSGIEnvironment) -> bool:
    return FORWARDED_KEY in environ or bool(forwarding_headers(environ))


def _names_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name.lower() == "localhost" or is_loopback(name.strip("[]"))


def is_loopback(address: str | None) -> bool:
    """Whether this is an address of this machine that no other can reach."""
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
