"""The one place where it is decided whether a request may go on: deny by default.

Every route declares what it needs, its own with :func:`~strongroom.permissions.needs`, those of the
audit system in ``web/app.py``. One that nobody has declared is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, make_response, redirect, request, url_for

from strongroom.audit.access import from_loopback
from strongroom.audit.events.web import AccessDenied, UnhandledException
from strongroom.audit.extension import AuditLog
from strongroom.audit.pipeline.context import add_to_context
from strongroom.audit.watch import SAFE_METHODS
from strongroom.errors import Refused, ServerFault
from strongroom.permissions import (
    IDENTITY_KEY,
    Access,
    Identity,
    Need,
    Permission,
    Role,
    declared,
    identity_of,
)
from strongroom.web.csrf import csrf_field, csrf_query, shows_csrf_token
from strongroom.web.errors import answer, is_for_programs, is_htmx
from strongroom.web.identify import CREDENTIALS_KEY, FAILURE_KEY

_MAY: Final[Mapping[Permission, str]] = {
    Permission.FILES_READ: "see the files",
    Permission.FILES_WRITE: "change files",
    Permission.LOGS_READ: "read the logs",
    Permission.ACCOUNTS_MANAGE: "manage accounts",
    Permission.METRICS_READ: "read the metrics",
}


class Gate:
    """Compares what a route needs with what the sender may.

    :param everybody: who everyone is, where there is no sign-in; None where there is
    :param others: what the endpoints need that do not say so themselves
    """

    def __init__(
        self, audit: AuditLog, everybody: Identity | None, others: Mapping[str, Need]
    ) -> None:
        self._audit = audit
        self._everybody = everybody
        self._others = others

    def protect(self, app: Flask) -> None:
        """Check every request of the application; and tell the templates who is there."""
        app.before_request(self.check)
        app.context_processor(self._told_templates)
        app.jinja_env.globals |= {"csrf_field": csrf_field, "csrf_query": csrf_query}

    def check(self) -> Response | None:
        """Let the current request pass, or answer it.

        :raises Refused: 403; recorded
        :raises ServerFault: 503 while it cannot be told who it is; recorded
        """
        if request.url_rule is None or request.endpoint is None:
            return None  # there is nothing at this address, for anybody
        need = self.need_of(request.endpoint)
        if need is Access.ANYBODY:
            self._check_csrf(self._identity())
            return None
        if self._everybody is not None and not from_loopback():
            raise self._denied(
                "forwarded_without_sign_in",
                "This server asks nobody to sign in (no_auth), so it only answers programs on its "
                "own machine, and this request was forwarded by a proxy. Serve without no_auth.",
            )
        if need is None:
            raise self._denied("route_not_declared", "This address is not open to anybody yet.")
        self._ask_late()
        if failure := request.environ.get(FAILURE_KEY):
            raise self._cannot_tell(need, failure)
        identity = self._identity()
        if identity is None:
            return self._sign_in_first(need)
        if not identity.may(need):
            raise self._denied("permission_missing", _missing(need, identity), missing=_word(need))
        if (
            need is Permission.ACCOUNTS_MANAGE
            and identity.token_id is not None
            and request.method not in SAFE_METHODS
        ):
            # Whoever makes accounts can make one that may everything: no scope would hold it.
            raise self._denied(
                "token_not_enough",
                "Accounts are changed by people who sign in, not with tokens. On the server's own "
                "machine, scripts have: strongroom user",
                missing="session",
            )
        self._check_csrf(identity)
        return None

    def need_of(self, endpoint: str) -> Need | None:
        """What an endpoint of the current application needs; None where nobody has said so."""
        return declared(current_app.view_functions[endpoint]) or self._others.get(endpoint)

    def _ask_late(self) -> None:
        """Of a request that is counted nobody has asked yet who sent it; mostly none need know."""
        environ, identify = request.environ, self._audit.identify
        if identify is not None and IDENTITY_KEY not in environ and FAILURE_KEY not in environ:
            add_to_context(**(identify(environ) or {}))

    def _identity(self) -> Identity | None:
        return self._everybody or identity_of(request)

    def _told_templates(self) -> dict[str, Any]:
        identity = self._identity()

        def may(need: str) -> bool:
            return identity is not None and identity.may(Permission(need))

        return {"identity": identity, "may": may}

    def _check_csrf(self, identity: Identity | None) -> None:
        if request.method in SAFE_METHODS or identity is None:
            return
        if not shows_csrf_token(request, identity):
            raise self._denied(
                "csrf_token_missing",
                "This form is from before you last signed in, or from another site, so it was not "
                "carried out. Reload the page and try again.",
            )

    def _denied(self, reason: str, message: str, *, missing: str | None = None) -> Refused:
        self._audit.log(AccessDenied(reason=reason, status=403, missing=missing))
        return Refused(reason, message, status=403)

    def _cannot_tell(self, need: Need, failure: Exception) -> ServerFault:
        """Not 401: whoever has a good session must not be led to believe that it has ended."""
        self._audit.log(UnhandledException(), error=failure)
        fault = ServerFault(
            "accounts_not_readable",
            "The server cannot tell now who may come in, so it lets nobody in. Nothing was "
            "changed; try again in a moment.",
            status=503,
        )
        self._audit.log(AccessDenied(reason=fault.reason, status=503, missing=_word(need)))
        return fault

    def _sign_in_first(self, need: Need) -> Response:
        sent = str(request.environ.get(CREDENTIALS_KEY))
        reason = {"token": "token_not_valid", "session": "session_not_valid"}.get(
            sent, "not_signed_in"
        )
        asks = not is_for_programs() and not is_htmx() and request.method in ("GET", "HEAD")
        status = 303 if asks else 401
        self._audit.log(AccessDenied(reason=reason, status=status, missing=_word(need)))
        if asks:
            return make_response(redirect(_sign_in(request.full_path.removesuffix("?")), 303))
        response = answer(401, reason, _UNKNOWN[reason])
        if is_htmx():
            response.headers["HX-Redirect"] = _sign_in(_page_of_htmx())
        else:
            # RFC 6750, section 3; a browser that knows no such scheme asks for no password.
            invalid = ', error="invalid_token"' if sent == "token" else ""
            response.headers["WWW-Authenticate"] = f'Bearer realm="Strongroom"{invalid}'
        return response


_UNKNOWN: Final = {
    "not_signed_in": "Sign in first. Programs send a token, which everybody can make on the page of "
    "their account: Authorization: Bearer srt_…",
    "session_not_valid": "Your session has ended. Sign in again; nothing was changed.",
    "token_not_valid": "This token is wrong, expired or revoked. Make a new one on the page of your "
    "account.",
}


def _sign_in(wanted: str) -> str:
    return url_for("accounts.sign_in", next=wanted)


def _page_of_htmx() -> str:
    """The page that the fragment was for; whoever signs in wants to come back to it."""
    try:
        parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "") or "/"


def _word(need: Need) -> str:
    return "session" if isinstance(need, Access) else need.value


def _missing(need: Need, identity: Identity) -> str:
    if isinstance(need, Access):
        return "This page is for people who sign in with their password, not for tokens."
    if identity.token_id is not None:
        return f"This token may not {_MAY[need]} ({need.value}). Make one that may, or sign in."
    told = "an auditor" if identity.role is Role.AUDITOR else f"a {identity.role.value}"
    return f"You may not {_MAY[need]}: your account is {told}. Ask an administrator for more."
