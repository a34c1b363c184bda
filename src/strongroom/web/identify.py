"""Tells who sent a request, before anything of it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from strongroom.accounts.service import Accounts
from strongroom.permissions import IDENTITY_KEY, Identity
from strongroom.web.cookies import SessionCookies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FAILURE_KEY: Final = "strongroom.identity_failure"
"""In the WSGI environ: why it could not be told who sent the request."""

CREDENTIALS_KEY: Final = "strongroom.credentials"
"""In the WSGI environ: ``session`` or ``token``, whichever was sent, whether it is good or not."""


class Identification:
    """Puts the sender's identity into the environ of each request. Thread-safe."""

    def __init__(self, accounts: Accounts, cookies: SessionCookies) -> None:
        self._accounts = accounts
        self._cookies = cookies

    def __call__(self, environ: WSGIEnvironment) -> Mapping[str, object] | None:
        """Who it is, as fields of its records; raises nothing: the gate refuses what it must."""
        try:
            identity = self._find(environ)
        except Exception as failure:  # noqa: BLE001  # whatever it is, nobody gets in by it
            environ[FAILURE_KEY] = failure
            return None
        environ[IDENTITY_KEY] = identity
        return None if identity is None else _fields(identity)

    def _find(self, environ: WSGIEnvironment) -> Identity | None:
        session, bearer = self._cookies.secret_in(environ), _bearer(environ)
        if bearer is not None:
            environ[CREDENTIALS_KEY] = "token"
        elif session is not None:
            environ[CREDENTIALS_KEY] = "session"
        return self._accounts.identify(session=session, bearer=bearer)


def _fields(identity: Identity) -> Mapping[str, object]:
    given = {
        "user_id": identity.user_id,
        "session_id": identity.session_id,
        "token_id": identity.token_id,
    }
    return {name: value for name, value in given.items() if value is not None}


def _bearer(environ: WSGIEnvironment) -> str | None:
    """The token (RFC 6750, section 2.1); another scheme is no business of ours."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
