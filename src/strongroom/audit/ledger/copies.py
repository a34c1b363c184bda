"""Copies of the newest checkpoint in places off this machine.

Only a copy that this machine cannot take back shows that the ledger was cut, taken back to an older
state, or written anew. A place is a folder (a mounted share, a stick) or an HTTP address.
"""

from __future__ import annotations

import os
import secrets
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from sqlalchemy import Connection, delete, insert, select

from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.tables import ledger_copy
from strongroom.errors import SettingsError
from strongroom.store import Store

TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Copy:
    """What one place holds.

    :param place: as set, without credentials
    :param size: records covered by the newest checkpoint that it has taken; None while it has none
    :param copied_at: microseconds since 1970-01-01 UTC
    :param error: why the latest attempt failed; None when it did not
    """

    place: str
    size: int | None
    copied_at: int | None
    error: str | None


class Copies:
    """The places that get a copy of each new checkpoint. Thread-safe.

    :param places: folders and ``http://`` or ``https://`` addresses
    :raises SettingsError: when one is neither
    """

    def __init__(self, store: Store, places: Sequence[str]) -> None:
        self._store = store
        self.places = tuple(places)
        for place in places:
            if "://" in place and urlsplit(place).scheme not in ("http", "https"):
                raise SettingsError(
                    f"checkpoint_copies: {shown(place)} is neither a folder nor an http address"
                )

    def send(self, signed: Signed) -> list[Copy]:
        """Copy the checkpoint to every place; what each holds now. Never raises for a place.

        :raises Unavailable: when the outcome cannot be noted in the database
        """
        now = time.time_ns() // 1000
        found = []
        for place, last in zip(self.places, self.held(), strict=True):
            error = _attempt(place, signed)
            if error is None:
                found.append(Copy(last.place, signed.size, now, None))
            else:
                found.append(replace(last, error=error))
        self._store.write(lambda connection: _write(connection, found))
        return found

    def held(self) -> list[Copy]:
        """What each place is known to hold; places that are no longer set are left out."""
        with self._store.read() as connection:
            rows = connection.execute(select(ledger_copy).order_by(ledger_copy.c.place)).all()
        known = {row.place: Copy(row.place, row.size, row.copied_at, row.error) for row in rows}
        names = [shown(place) for place in self.places]
        return [known.get(name, Copy(name, None, None, None)) for name in names]


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


def _attempt(place: str, signed: Signed) -> str | None:
    """Copy to one place; None, or why not."""
    try:
        if "://" in place:
            _put(place, signed.note.to_bytes())
        else:
            for name in file_names(signed):
                _replace(Path(place).expanduser() / name, signed.note.to_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        return f"{type(error).__name__}: {reason}"[:500]
    return None


def _put(address: str, body: bytes) -> None:
    parts = urlsplit(address)
    request = urllib.request.Request(  # noqa: S310  # http and https only, see Copies
        urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
        data=body,
        method="PUT",
        headers={"Content-Type": "text/plain; charset=utf-8"},
    )
    if parts.username is not None:
        pair = f"{parts.username}:{parts.password or ''}"
        request.add_header("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
    with _opener.open(request, timeout=TIMEOUT_SECONDS):
        return


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected PUT would become a GET, and pass for a copy that nobody has."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Not followed: the answer is an error."""


_opener: Final = urllib.request.build_opener(_NoRedirects)


def _replace(path: Path, content: bytes) -> None:
    """Write the file so that it is there whole or not at all, durably."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write(connection: Connection, copies: Sequence[Copy]) -> None:
    for copy in copies:
        connection.execute(delete(ledger_copy).where(ledger_copy.c.place == copy.place))
        connection.execute(
            insert(ledger_copy),
            {
                "place": copy.place,
                "size": copy.size,
                "copied_at": copy.copied_at,
                "error": copy.error,
            },
        )
