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

TOO_DEEP: Final = "[too deep]"
CUT: Final = "… [cut]"

_INT64_MIN: Final = -(2**63)
_INT64_MAX: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def plain(value: object, *, depth: int, verbatim: bool = False) -> Any:
    """The value as JSON can hold it.

    :param depth: how many levels of lists and objects may follow
    :param verbatim: do not look for secrets in text (declared names and ids)
    """
    if value is None or value is True or value is False:
        return value
    try:
        if isinstance(value, str):
            return text(value if type(value) is str else str.__str__(value), verbatim=verbatim)
        if isinstance(value, int) and _INT64_MIN <= value <= _INT64_MAX:
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else repr(float(value))
        return _compound(value, depth, verbatim=verbatim)
    except Exception as error:  # noqa: BLE001  # foreign code may raise anything
        return f"<{type(value).__name__} that cannot be read: {type(error).__name__}>"


def _compound(value: object, depth: int, *, verbatim: bool) -> Any:
    if isinstance(value, Enum):
        return plain(value.value, depth=depth, verbatim=verbatim)
    if isinstance(value, Mapping):
        return _object(value, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _array(value, depth)
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


def _object(value: Mapping[Any, Any], depth: int) -> Any:
    if depth <= 0:
        return TOO_DEEP
    found: dict[str, Any] = {}
    for key, member in value.items():
        if len(found) == MAX_ITEMS:
            found["…"] = f"{len(value) - MAX_ITEMS} more"
            break
        name = _name(key)
        secret = names_secret(name[:MAX_TEXT])
        found[text(name, limit=128)] = REDACTED if secret else plain(member, depth=depth - 1)
    return found


def _name(key: object) -> str:
    if isinstance(key, bytes):
        return key.decode("utf-8", "backslashreplace")
    return key if isinstance(key, str) else repr(key)


def _array(value: Iterable[Any], depth: int) -> Any:
    if depth <= 0:
        return TOO_DEEP
    found: list[Any] = []
    for member in value:
        if len(found) == MAX_ITEMS:
            found.append("…")
            break
        found.append(plain(member, depth=depth - 1))
    return found
