"""A word that only our own pages know, sent back with whatever changes something.

It stands beside the check of Origin and Sec-Fetch-Site, which programs may leave out and which
proxies may take away. A token has no need of it: no browser sends one by itself.
"""

from __future__ import annotations

import hmac
from typing import Final

from flask import Request, request
from markupsafe import Markup

from strongroom.permissions import Identity, identity_of

HEADER: Final = "X-CSRF-Token"
FIELD: Final = "csrf_token"

_SMALL_FORM: Final = "application/x-www-form-urlencoded"


def shows_csrf_token(asked: Request, identity: Identity) -> bool:
    """Whether the request bears the word of its session, in a header, its address or its form.

    A form with files is not read for it: its word is in the address.
    """
    if identity.csrf_token is None:
        return True
    sent = asked.headers.get(HEADER) or asked.args.get(FIELD)
    if sent is None and asked.mimetype == _SMALL_FORM:
        sent = asked.form.get(FIELD)
    return hmac.compare_digest((sent or "").encode(), identity.csrf_token.encode())


def csrf_field() -> Markup:
    """For templates: the field of a form; nothing where nobody is signed in."""
    token = _token()
    return (
        Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)
        if token
        else Markup()
    )


def csrf_query() -> dict[str, str]:
    """For templates: parameters of the address that a form with files is sent to."""
    token = _token()
    return {FIELD: token} if token else {}


def _token() -> str | None:
    identity = identity_of(request)
    return None if identity is None else identity.csrf_token
