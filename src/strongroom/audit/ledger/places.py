"""Places off this machine that hold a copy of a checkpoint: a folder, or an HTTP address."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.whole import create_whole, replace_whole
from strongroom.errors import SettingsError

TIMEOUT_SECONDS: Final = 10.0
"""Of one answer of a socket; how long all of it may take is the caller's to say."""

MAX_BYTES: Final = 65_536
"""Of a checkpoint that a place holds already."""

Allow = Callable[[bytes | None], None]
"""Looks at what a place holds, None for nothing, and raises when that must not be replaced."""


def check_place(place: str) -> None:
    """Refuse what is neither a folder nor an address that can be asked.

    :param place: a path, or an ``http://`` or ``https://`` address in the letters of a URL (RFC 3986)
    :raises SettingsError: saying what is wrong with it, without the credentials that it may have
    """
    if "://" not in place:
        return
    label = place.rpartition("@")[2].partition("?")[0]
    try:
        parts = urlsplit(place)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise SettingsError(f"checkpoint_copies: {label} is no address: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise SettingsError(
            f"checkpoint_copies: {shown(place)} is neither a folder nor an http address"
        )
    if not usable:
        raise SettingsError(f"checkpoint_copies: {label} names no host, or a port that is none")
    if not (place.isascii() and place.isprintable()) or " " in place:
        raise SettingsError(
            f"checkpoint_copies: {label} has a space or another letter that no address has; "
            "write it as %20 and so on"
        )


def shown(place: str) -> str:
    """A place without the credentials that its address may have."""
    if "://" not in place:
        return place
    parts = urlsplit(place)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def file_names(signed: Signed) -> tuple[str, str]:
    """The names of a copy in a folder: of the newest, and of the one that is kept of its hour."""
    stem = quote(signed.note.text.partition("\n")[0], safe="").replace("%", "_")
    hour = datetime.fromtimestamp(signed.signed_at / 1e6, UTC).strftime("%Y-%m-%dT%H")
    return f"{stem}.checkpoint", f"{stem}.{hour}.checkpoint"


def copy_to(place: str, signed: Signed, allow: Allow) -> None:
    """Copy a checkpoint there, unless what is there forbids it.

    The first of an hour is kept in a folder, under a name of its own that is never replaced.

    :param allow: what it raises, this raises; nothing was changed then
    :raises OSError: when the place cannot be reached, or does not take it
    :raises ValueError, http.client.HTTPException: when its answer is none
    """
    if "://" in place:
        allow(_get(place))
        _put(place, signed.note.to_bytes())
        return
    newest, hourly = (Path(place).expanduser() / name for name in file_names(signed))
    allow(_content(newest))
    create_whole(hourly, signed.note.to_bytes())
    replace_whole(newest, signed.note.to_bytes())


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except FileNotFoundError:
        return None


def _get(address: str) -> bytes | None:
    try:
        with _opener.open(_request(address, "GET"), timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MAX_BYTES)
    except urllib.error.HTTPError as error:
        error.close()  # nothing there, or only ever taken, not given
        return None
    return content


def _put(address: str, body: bytes) -> None:
    request = _request(address, "PUT", body)
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise


def _request(address: str, method: str, body: bytes | None = None) -> urllib.request.Request:
    parts = urlsplit(address)
    request = urllib.request.Request(  # noqa: S310  # http and https only, see check_place
        urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
        data=body,
        method=method,
        headers={} if body is None else {"Content-Type": "text/plain; charset=utf-8"},
    )
    if parts.username is not None:
        pair = f"{parts.username}:{parts.password or ''}"
        request.add_header("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
    return request


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected PUT would become a GET, and pass for a copy that nobody has."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Not followed: the answer is an error."""


_opener: Final = urllib.request.build_opener(_NoRedirects)
