"""Any Python value becomes bounded, valid JSON without secrets. Never raises."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Final

from strongroom.audit.pipeline.redact import REDACTED, names_secret, redact_text

MAX_TEXT: Final = 4_096
"""Characters of one text value."""

MAX_ITEMS: Final = 200
"""Members of one list or object."""

MAX_WORK: Final = 32 * 1024
"""Characters read of one nested value, its members counted as a few each: what is kept is less
still, and a large value must not cost more than it leaves."""

TOO_DEEP: Final = "[too deep]"
CUT: Final = "… [cut]"

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Work:
    """What may still be read of one nested value."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_WORK


def plain(value: object, *, depth: int, verbatim: bool = False, work: _Work | None = None) -> Any:
    """The value as JSON can hold it.

    :param depth: how many levels of lists and objects may follow
    :param verbatim: do not look for secrets in text (declared names and ids)
    :param work: shared with the values around it
    """
    if work is not None:
        work.left -= 8
    if value is None or value is True or value is False:
        return value
    try:
        if isinstance(value, str):
            found = text(value if type(value) is str else str.__str__(value), verbatim=verbatim)
            if work is not None:
                work.left -= len(found)
            return found
        if isinstance(value, int) and _INT64_MIN <= value <= _INT64_MAX:
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else repr(float(value))
        return _compound(value, depth, work, verbatim=verbatim)
    except Exception as error:  # noqa: BLE001  # foreign code may raise anything
        return f"<{type(value).__name__} that cannot be read: {type(error).__name__}>"


def _compound(value: object, depth: int, work: _Work | None, *, verbatim: bool) -> Any:
    if isinstance(value, Enum):
        return plain(value.value, depth=depth, verbatim=verbatim, work=work)
    if isinstance(value, Mapping):
        return _object(value, depth, work)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _array(value, depth, work or _Work())
    if isinstance(value, (bytes, bytearray, memoryview)):
        return text(bytes(value[:MAX_TEXT]).decode("utf-8", "backslashreplace"))
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return text(repr(value))


def text(value: str, *, verbatim: bool = False, limit: int = MAX_TEXT) -> str:
    """Valid Unicode of bounded length; lone surrogates become U+FFFD."""
    # Cut first: the search for secrets must not be fed a megabyte.
    if len(value) > limit:
        value = value[: limit - len(CUT)] + CUT
    if not value.isascii():
        value = _SURROGATE.sub("\ufffd", value)
    return value if verbatim else redact_text(value)


def _object(value: Mapping[Any, Any], depth: int, work: _Work | None) -> Any:
    if depth <= 0:
        return TOO_DEEP
    found: dict[str, Any] = {}
    for key, member in value.items():
        if len(found) == MAX_ITEMS or (work is not None and work.left <= 0):
            found["…"] = f"{len(value) - len(found)} more"
            break
        name = _name(key)
        secret = names_secret(name[:MAX_TEXT])
        # The members of the outermost object do not take from one another.
        share = work or _Work()
        found[text(name, limit=128)] = (
            REDACTED if secret else plain(member, depth=depth - 1, work=share)
        )
    return found


def _name(key: object) -> str:
    if isinstance(key, bytes):
        return key.decode("utf-8", "backslashreplace")
    return key if isinstance(key, str) else repr(key)


def _array(value: Iterable[Any], depth: int, work: _Work) -> Any:
    if depth <= 0:
        return TOO_DEEP
    found: list[Any] = []
    for member in value:
        if len(found) == MAX_ITEMS or work.left <= 0:
            found.append("…")
            break
        found.append(plain(member, depth=depth - 1, work=work))
    return found
