"""A cursor names the last record of a page: time, stream, sequence number."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from strongroom.errors import Refused

_CURSOR: Final = re.compile(r"(\d{1,18})-([a-z]{1,8})-(\d{1,18})", re.ASCII)


class Cursor(NamedTuple):
    """A place in the order (timestamp, stream, seq)."""

    timestamp: int
    stream: str
    seq: int

    def __str__(self) -> str:
        return f"{self.timestamp}-{self.stream}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a client sent back.

        :raises Refused: when it is not one of ours
        """
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise Refused(
                "cursor_not_valid", "That page address is damaged; start again at the newest."
            )
        return cls(int(match[1]), match[2], int(match[3]))
