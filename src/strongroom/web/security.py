"""Who may talk to the server at all, and what a browser may do with its answers.

Checked from the first day, before there are accounts: a server on loopback is still reachable
by every page that a browser on the same machine has open. The Host header is checked against
DNS rebinding, Origin and Sec-Fetch-Site against forged requests from other sites.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request

from strongroom.audit.events.web import AccessDenied
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused
from strongroom.settings import Settings

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Set on every answer that has not set its own."""

_ASSET_SECONDS: Final = 365 * 24 * 3600


class Guard:
    """Refuses requests that no page of ours sent."""

    def __init__(self, settings: Settings, audit: AuditLog) -> None:
        self._audit = audit
        self._hosts = {"localhost", "127.0.0.1", "[::1]"}
        self._hosts.add(str(settings.listen).rpartition(":")[0].lower())
        self._hosts.update(name.lower() for name in settings.allowed_hosts)

    def protect(self, app: Flask) -> None:
        """Check every request of the application, and set headers on every answer."""
        app.before_request(self.check)
        app.after_request(set_headers)

    def check(self) -> None:
        """Refuse the current request or let it pass.

        :raises Refused: 403 for another site's request, 421 for another server's; recorded
        """
        refusal = self._refusal()
        if refusal is not None:
            self._audit.log(AccessDenied(reason=refusal.reason, status=refusal.status))
            raise refusal

    def _refusal(self) -> Refused | None:
        if _host_name(request.environ.get("HTTP_HOST", "")) not in self._hosts:
            return Refused(
                "host_not_allowed",
                "This server does not answer to that name. "
                "Whoever runs it can add the name to the setting allowed_hosts.",
                status=421,
            )
        if request.method in _SAFE:
            if not _embedded():
                return None
        elif self._same_origin():
            return None
        return Refused(
            "origin_not_allowed",
            "This request came from another site, so it was not carried out.",
            status=403,
        )

    def _same_origin(self) -> bool:
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site")
        if origin is None and site is None:
            return True  # no browser: a script on this machine
        if site is not None and site not in ("same-origin", "none"):
            return False
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc.lower()) == (request.scheme, request.host.lower())


def _embedded() -> bool:
    """Whether another site's page asks, without its user having gone to us.

    Such a page cannot read the answer, but could make a download look like its user's act.
    """
    if request.headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site"):
        return False
    destination = request.headers.get("Sec-Fetch-Dest")
    return (request.headers.get("Sec-Fetch-Mode"), destination) != ("navigate", "document")


def set_headers(response: Response) -> Response:
    """Headers of every answer."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if _is_asset() and response.status_code in (200, 304):
        if "v" in request.args:
            response.headers["Cache-Control"] = f"public, max-age={_ASSET_SECONDS}, immutable"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _is_asset() -> bool:
    return request.endpoint is not None and request.endpoint.rpartition(".")[2] == "static"


def _host_name(host: str) -> str:
    """The Host header without its port, in lower case."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() else host.lower()
