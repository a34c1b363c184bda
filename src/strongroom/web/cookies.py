"""How a browser keeps the secret of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Request, Response
from flask import request as asked
from werkzeug.sansio.http import parse_cookie

from strongroom.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SECURE_NAME: Final = "__Host-strongroom"
"""A browser keeps a cookie of this name for this very host only, and only if HTTPS set it
(draft-ietf-httpbis-rfc6265bis, section 4.1.3.2)."""


class SessionCookies:
    """One cookie, which scripts cannot read; gone when the browser is closed.

    In the clear its name has the port: browsers keep one set of cookies for all ports of a machine.
    """

    def __init__(self, settings: Settings) -> None:
        self._plain_name = f"strongroom-{settings.listen.port}"

    def secret_in(self, environ: WSGIEnvironment) -> str | None:
        """The secret that the browser sent; None where it sent none."""
        name = SECURE_NAME if environ["wsgi.url_scheme"] == "https" else self._plain_name
        # A neighbour on the same host may have set one that is no UTF-8.
        sent = (
            environ.get("HTTP_COOKIE", "").encode("latin-1", "replace").decode("utf-8", "replace")
        )
        return parse_cookie(sent).get(name) or None

    def session_secret(self, request: Request) -> str | None:
        """The same of a request that is handled."""
        return self.secret_in(request.environ)

    def set_session(self, response: Response, secret: str) -> None:
        """Let the browser keep a new one."""
        from_elsewhere_too = "Lax"  # a link in a mail leads to the page, not to the sign-in
        response.set_cookie(
            self._name(), secret, secure=_secure(), httponly=True, samesite=from_elsewhere_too
        )

    def clear_session(self, response: Response) -> None:
        """Let the browser forget it."""
        response.delete_cookie(self._name(), secure=_secure(), httponly=True, samesite="Lax")

    def _name(self) -> str:
        return SECURE_NAME if _secure() else self._plain_name


def _secure() -> bool:
    return asked.is_secure
