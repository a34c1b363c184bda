"""Who may read the records where the application has not said so: programs on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from flask import Request, request

from strongroom.audit.exchange import PROXY_FIX_KEY

_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def from_this_machine() -> bool:
    """Whether the current request was made on this machine, to an address of this machine.

    Behind a proxy every request comes from the proxy's address, which may well be this machine's.
    So a request that says it was forwarded is refused, unless the application uses ``ProxyFix``,
    which puts the client's own address in place. A name other than ``localhost`` is refused too: a
    page elsewhere could have pointed its own name at this machine (DNS rebinding).
    """
    if PROXY_FIX_KEY not in request.environ and _was_forwarded(request):
        return False
    return from_loopback() and _names_this_machine(request.host)


def from_loopback() -> bool:
    """Whether the current request comes from an address of this machine, whatever it asked for.

    Enough for an application that checks the Host header itself, and that no proxy leads to.
    """
    return _is_loopback(request.remote_addr)


def _was_forwarded(asked: Request) -> bool:
    return any(name in asked.headers for name in _FORWARDED)


def _names_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name.lower() == "localhost" or _is_loopback(name.strip("[]"))


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
