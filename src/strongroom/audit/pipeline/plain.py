"""Any Python value becomes bounded, valid JSON without secrets. Never raises."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from itertools import islice
from typing import Any, Final

from strongroom.audit.pipeline.redact import MAX_NAME, REDACTED, names_secret, redact_text
from strongroom.audit.pipeline.share import fair_share

MAX_TEXT: Final = 4_096
"""Characters of one text value."""

MAX_ITEMS: Final = 200
"""Members of one list or object."""

MAX_WORK: Final = 14 * 1024
"""Characters read of one value, its members counted as a few each: no more than fits into a record,
as a large value must not cost more than it leaves."""

MAX_NAMES: Final = 8 * 1024
"""Characters read of the names in the outermost object."""

BEYOND: Final = 256
"""Characters behind a cut that are searched as well: where a secret ends there, or what makes it
one stands there, its beginning must not be kept."""

LEAST: Final = 64
"""Characters kept of a text however much was read before it."""

MAX_KEY: Final = 128
"""Characters kept of the name of a member."""

TOO_DEEP: Final = "[too deep]"
CUT: Final = "… [cut]"

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Work:
    """What may still be read of one nested value, in characters."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_WORK) -> None:
        self.left = left


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
            whole = value if type(value) is str else str.__str__(value)
            return text(whole, verbatim=verbatim, limit=_spend(work, len(whole)))
        if isinstance(value, int) and _INT64_MIN <= value <= _INT64_MAX:
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else repr(float(value))
        return _compound(value, depth, work, verbatim=verbatim)
    except Exception as error:  # noqa: BLE001  # foreign code may raise anything
        return f"<{type(value).__name__} that cannot be read: {type(error).__name__}>"


def _spend(work: _Work | None, length: int) -> int:
    """How much of a text of this length may be kept; what is read for it is taken off."""
    if work is None:
        return MAX_TEXT
    limit = min(MAX_TEXT, max(work.left, LEAST))
    work.left -= min(length, limit)
    return limit


def _compound(value: object, depth: int, work: _Work | None, *, verbatim: bool) -> Any:
    if isinstance(value, Enum):
        return plain(value.value, depth=depth, verbatim=verbatim, work=work)
    if isinstance(value, Mapping):
        return _object(value, depth, work)
    if isinstance(value, (list, tuple)):
        return _pair(value, depth, work or _Work()) or _array(value, depth, work or _Work())
    if isinstance(value, (set, frozenset)):
        return _array(value, depth, work or _Work())
    if isinstance(value, (bytes, bytearray, memoryview)):
        # No character of UTF-8 is longer than four bytes.
        whole = bytes(value[: 4 * (MAX_TEXT + BEYOND)]).decode("utf-8", "backslashreplace")
        return text(whole, limit=_spend(work, len(whole)))
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if hasattr(type(value), "keys") and hasattr(type(value), "items"):
        return _object(value, depth, work)  # headers of Werkzeug, which are no Mapping
    whole = repr(value)
    return text(whole, limit=_spend(work, len(whole)))


def text(value: str, *, verbatim: bool = False, limit: int = MAX_TEXT) -> str:
    """Valid Unicode of bounded length; lone surrogates become U+FFFD."""
    if len(value) <= limit:
        if not value.isascii():
            value = _SURROGATE.sub("\ufffd", value)
        return value if verbatim else redact_text(value)
    # Cut first: the search for secrets must not be fed a megabyte.
    beyond = 0 if verbatim else min(BEYOND, limit // 4)
    value = value[: limit + beyond]
    if not value.isascii():
        value = _SURROGATE.sub("\ufffd", value)
    if not verbatim:
        value = redact_text(value, cut=True)
    # The end of what was searched is never kept, also where the rest of it became shorter.
    return value[: max(0, min(limit - len(CUT), len(value) - beyond))] + CUT


def _object(value: Any, depth: int, work: _Work | None) -> Any:
    if depth <= 0:
        return TOO_DEEP
    found: dict[str, Any] = {}
    members = value.items()
    share, longest = 0, MAX_KEY
    if work is None:
        # The members of the outermost object do not take from one another.
        members = list(islice(members, MAX_ITEMS + 1))
        share = fair_share([_want(member) for _, member in members[:MAX_ITEMS]], MAX_WORK)
        if len(members) > MAX_NAMES // MAX_KEY:
            longest = min(MAX_KEY, fair_share([_want(name) for name, _ in members], MAX_NAMES))
    for key, member in members:
        if len(found) == MAX_ITEMS or (work is not None and work.left <= 0):
            found["…"] = f"{len(value) - len(found)} more"
            break
        name = _name(key)
        if work is not None:
            work.left -= min(len(name), MAX_NAME)
        found[text(name, limit=longest)] = (
            REDACTED
            if names_secret(name[: MAX_NAME + 1])
            else plain(member, depth=depth - 1, work=work or _Work(share))
        )
    return found


def _want(value: object) -> int:
    """Roughly what has to be read of a value."""
    kind = type(value)  # isinstance asks the value, which may raise
    if issubclass(kind, str):
        return min(str.__len__(value), MAX_TEXT)  # type: ignore[arg-type]  # it is one
    return 16 if value is None or issubclass(kind, (int, float)) else MAX_WORK


def _name(key: object) -> str:
    if isinstance(key, bytes):
        return key[: MAX_NAME + 1].decode("utf-8", "backslashreplace")
    return key if isinstance(key, str) else repr(key)


def _pair(value: Sequence[Any], depth: int, work: _Work) -> list[Any] | None:
    """A name and its secret, as in the items of a form or of headers; None if it is not that."""
    if len(value) != 2 or depth <= 0:
        return None
    name = value[0]
    if not isinstance(name, (str, bytes)) or not names_secret(_name(name)[: MAX_NAME + 1]):
        return None
    return [plain(name, depth=depth - 1, work=work), REDACTED]


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
