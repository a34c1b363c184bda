"""Cursors: where a page ended, as an address carries it. Whatever comes back is looked at."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from strongroom.files.refusals import not_a_cursor


def write_values(values: Sequence[int | str]) -> str:
    """A cursor of these values."""
    written = json.dumps(list(values), ensure_ascii=False)
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def read_values(cursor: str, *kinds: type) -> list[Any]:
    """What :func:`write_values` has written, or somebody else.

    :param kinds: of the values, in their order: ``str``, or ``int`` for what a column can hold
    :raises Refused: 400 ``cursor_not_valid``
    """
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        read = json.loads(written)
        json.dumps(read, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, binascii.Error, RecursionError):
        raise not_a_cursor() from None
    if not isinstance(read, list) or len(read) != len(kinds):
        raise not_a_cursor()
    values: Sequence[Any] = read
    for value, kind in zip(values, kinds, strict=True):
        if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 2**63):
            raise not_a_cursor()
    return list(values)
