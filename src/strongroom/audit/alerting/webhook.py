"""Alerts to an HTTP address, as JSON."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from strongroom.audit.alerting.message import Message
from strongroom.errors import NotDelivered, SettingsError
from strongroom.version import __version__

TIMEOUT_SECONDS: Final = 10.0
"""Of connecting, and of each answer of the socket."""

REASON_CHARS: Final = 200


class Webhook:
    """Posts each message to one address. Thread-safe.

    :param address: ``http://`` or ``https://``; its path and query may hold a secret, which is never
        shown
    :raises SettingsError: when it is no such address
    """

    name: Final = "webhook"

    def __init__(self, address: str) -> None:
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            parts, usable = urlsplit(""), None
        if not usable or not (address.isascii() and address.isprintable()) or " " in address:
            raise SettingsError(
                "alert_webhook: it is no http address; write https://host/path with %20 and the "
                "like for other letters"
            )
        if "@" in parts.netloc:
            raise SettingsError(
                "alert_webhook: an address with a user before the @ is not supported; "
                "put the secret into its path or query"
            )
        self._address = address
        self.shown = f"{parts.scheme}://{parts.netloc}"
        """Where it goes, without secrets."""

    def send(self, message: Message) -> str:
        """Post it; what came back.

        :raises NotDelivered: when nobody has taken it, and why
        """
        request = urllib.request.Request(  # noqa: S310  # http and https only, see above
            self._address,
            data=message.as_json(),
            method="POST",
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"strongroom/{__version__}",
            },
        )
        try:
            with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return f"HTTP {answer.status} {answer.reason}".strip()
        except urllib.error.HTTPError as error:
            error.close()
            raise NotDelivered(f"HTTP {error.code} {error.reason}"[:REASON_CHARS]) from None
        except urllib.error.URLError as error:
            raise NotDelivered(str(error.reason)[:REASON_CHARS]) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            said = f"{type(error).__name__}: {error}"
            raise NotDelivered(said[:REASON_CHARS]) from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and pass for an alert that nobody has read."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Not followed: the answer is an error."""


_opener: Final = urllib.request.build_opener(_NoRedirects)
