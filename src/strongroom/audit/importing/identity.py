"""The same line gives the same id again, so that an import can be repeated.

The id is a UUIDv7 (RFC 9562, section 5.7): the record's own time in milliseconds, and in its 74
random bits the beginning of a SHA-256 over the application's name, the line's bytes, and for a line
that occurs again in its file, how often it came before. Who can choose lines can make two of their
own collide with some 2^37 tries, and so hide one of them; somebody else's line takes 2^74.
"""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import Final

from strongroom.errors import Unavailable

_DOMAIN: Final = b"strongroom import 1\0"
"""So that no other use of the hash gives the same bytes."""

_COUNT: Final = (
    "INSERT INTO seen VALUES (?, 0) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"
)


def line_digest(app: str, text: bytes, earlier: int = 0) -> bytes:
    """The hash that tells lines apart.

    :param earlier: how many identical lines stand before it in its file
    """
    name = app.encode("utf-8", "surrogateescape")
    digest = sha256(b"".join((_DOMAIN, len(name).to_bytes(4), name, text))).digest()
    return sha256(digest + earlier.to_bytes(8)).digest() if earlier else digest


def record_id(microseconds: int, digest: bytes) -> str:
    """A UUIDv7 of this time, whose random bits are the digest's first.

    :param microseconds: since 1970, before the year 10000
    """
    random = int.from_bytes(digest[:10]) >> 6
    high = (microseconds // 1000) << 16 | 0x7000 | random >> 62
    low = 0x8000_0000_0000_0000 | random & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Occurrences:
    """Counts identical lines of one file, exactly, in constant memory.

    Uses a temporary database of SQLite, which moves to a temporary file once it has grown. Keys are
    ids, which begin with the time, so a log in order of time touches its end only. Use from one thread.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute(
            "CREATE TABLE seen (id TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def earlier(self, first_id: str) -> int:
        """How often this was asked before.

        :param first_id: the id that the line has when it is the first of its kind
        :raises Unavailable: when the temporary file cannot grow
        """
        try:
            [times] = self._database.execute(_COUNT, (first_id,)).fetchone()
        except sqlite3.Error as error:
            raise Unavailable(f"the temporary database cannot be written: {error}") from error
        found: int = times
        return found

    def close(self) -> None:
        """Forget everything; the temporary file goes."""
        self._database.close()
