"""Who may talk to the server at all, and what a browser may do with its answers.

Checked from the first day, before there are accounts: a server on loopback is still reachable
by every page that a browser on the same machine has open. The Host header is checked against
DNS rebinding, Origin and Sec-Fetch-Site against forged requests from other sites.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request

from strongroom.audit.access import is_loopback
from strongroom.audit.events.web import AccessDenied
from strongroom.audit.exchange import addresses
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused
from strongroom.settings import Settings
from strongroom.web.proxies import THROUGH_PROXY_KEY

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
"""Set on every answer that has not set its own."""

_HSTS: Final = "max-age=31536000"
"""For a year, this very name is asked for with TLS only; other names of the domain are not ours."""

FORM_BYTES: Final = 64 * 1024
"""Of a body that is no upload: the longest form has two passwords in it."""

CHOOSING: Final[Mapping[str, int]] = {"files.download_chosen": 256 * 1024}
"""Bytes of forms that name each of what was chosen, and change nothing: room for 6,000 ids."""

FORM_PARTS: Final = 100

UPLOADS: Final = frozenset(
    {"files.upload", "files_api.put_file", "tus.create", "tus.append", "tus.override"}
)
"""Routes that read their bodies themselves, with limits of their own."""

_CODE: Final = frozenset(
    {"script", "style", "worker", "sharedworker", "serviceworker", "object", "embed", "xslt"}
)
"""Destinations (W3C Fetch Metadata) of what runs inside a page."""

_ASSET_SECONDS: Final = 365 * 24 * 3600


class Guard:
    """Refuses requests that no page of ours sent."""

    def __init__(self, settings: Settings, audit: AuditLog) -> None:
        self._audit = audit
        self._hosts = {"localhost", "127.0.0.1", "[::1]"}
        if not settings.listen.is_everywhere:
            self._hosts.add(str(settings.listen).rpartition(":")[0].lower())
        self._hosts.update(name.lower() for name in settings.allowed_hosts)
        self._only_through_proxy = not (
            settings.has_tls or settings.insecure_http or settings.listen.is_loopback
        )

    def protect(self, app: Flask) -> None:
        """Check every request of the application, and set headers on every answer."""
        app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
        app.config["MAX_FORM_PARTS"] = FORM_PARTS
        app.before_request(self.check)
        app.after_request(set_headers)

    def check(self) -> None:
        """Refuse the current request or let it pass.

        :raises Refused: 403 for another site's request or one in the clear, 413 for too large a
            form, 421 for another server's; recorded
        """
        if not _may_be_large():
            request.max_content_length = request.max_form_memory_size = _most()
        refusal = self._refusal()
        if refusal is not None:
            self._audit.log(AccessDenied(reason=refusal.reason, status=refusal.status))
            raise refusal

    def _refusal(self) -> Refused | None:
        if self._only_through_proxy and not _is_protected():
            return Refused(
                "not_through_proxy",
                "This request came in the clear and past the proxy that speaks TLS for this "
                "server, so it was not answered. Use the address of the proxy. Whoever runs the "
                "server can name other proxies in the setting trusted_proxies.",
                status=403,
            )
        if _host_name(request.environ.get("HTTP_HOST", "")) not in self._hosts:
            return Refused(
                "host_not_allowed",
                "This server does not answer to that name. "
                "Whoever runs it can add the name to the setting allowed_hosts.",
                status=421,
            )
        if _embedded() if request.method in _SAFE else not self._same_origin():
            return Refused(
                "origin_not_allowed",
                "This request came from another site, so it was not carried out.",
                status=403,
            )
        if _as_code():
            return Refused(
                "destination_not_allowed",
                "A file that somebody stored is handed out to be saved, never to be run.",
                status=403,
            )
        return None if _may_be_large() else _oversize()

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


def _as_code() -> bool:
    """Whether a page, which could only be one of ours, wants to run or embed what is no asset."""
    return request.headers.get("Sec-Fetch-Dest") in _CODE and not _is_asset()


def _may_be_large() -> bool:
    """Whether the body is an upload, or nobody will read it."""
    return request.endpoint is None or request.endpoint in UPLOADS


def _most() -> int:
    """Bytes that the form of this request may have."""
    return CHOOSING.get(request.endpoint or "", FORM_BYTES)


def _oversize() -> Refused | None:
    """Why the body is not read."""
    if "Transfer-Encoding" in request.headers:
        # Werkzeug would cut off what comes after the limit, and never say so.
        return Refused(
            "length_required",
            "The form came without its length, so it was not read. Send it with a Content-Length.",
            status=411,
        )
    if (request.content_length or 0) > _most():
        return Refused(
            "form_too_large",
            f"What was sent is larger than {_most():,} bytes, which no such form is, so it "
            "was not read. Shorten it; files belong on the page of files.",
            status=413,
        )
    return None


def _is_protected() -> bool:
    """Whether nobody on the way could read the request: a proxy saw to it, or there is no way."""
    _, peer = addresses(request.environ)
    return THROUGH_PROXY_KEY in request.environ or is_loopback(peer)


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
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = _HSTS
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
