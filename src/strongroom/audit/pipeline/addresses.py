"""Addresses in text lose what may be secret in them: credentials, query string, fragment.

Written for what people log and not only for what RFC 3986 allows: a password that was put into an
address as it is may contain ``/``, ``?``, ``#`` and quotation marks.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]{0,20})://(?=\S)", re.IGNORECASE)
_BLANK: Final = re.compile(r"\s|\Z")

_HEAD: Final = re.compile(r"[^\s/?#'\"<>]*")
"""What the authority is, if the address was written by the rules."""

_PLACE: Final = re.compile(r"[^\s'\"<>]*")
"""How far an address goes in which there is no odd password."""

_HOST: Final = re.compile(r"(?:\[[0-9a-f:.]*\]|[^:\[\]]*)(?::\d{0,5})?", re.IGNORECASE)
"""A host and its port (RFC 3986, section 3.2), and so no beginning of a password."""

_WEB: Final = frozenset({"http", "https", "ws", "wss"})


def redact_addresses(text: str, *, cut: bool = False) -> str:
    """The text; every address in it is without credentials, query string and fragment.

    :param cut: the text goes on where this one ends, so that the end of an address may be missing
    """
    found: list[str] = []
    position = end = 0
    while match := _URL.search(text, position):
        start = match.end()
        if start > end:  # else there was no blank since the last address
            end = _first(_BLANK, text, start).start()
        found.append(text[position:start])
        head = _first(_HEAD, text, start).group()
        at, missing = -1, cut and start + len(head) == len(text)
        if _has_password(match[1].lower(), head):
            at, missing = text.rfind("@", start, end), cut and end == len(text)
        elif "@" in head:
            at = text.index("@", start)
        if at < 0 and missing:
            return "".join([*found, REDACTED])
        if at >= 0:
            found.append(f"{REDACTED}@")
            start = at + 1
        place = _first(_PLACE, text, start)
        path = re.split(r"[?#]", place.group(), maxsplit=1)
        found.append(path[0])
        if len(path) > 1 and path[1]:
            found.append(f"?{REDACTED}")
        position = place.end()
    return "".join(found) + text[position:]


def _has_password(scheme: str, head: str) -> bool:
    """Whether the beginning of an address is that of credentials, to the last ``@`` there is.

    ``u:p/w@host`` has no authority that could be one. A password of digits looks like a port, so
    only where addresses with ports and paths are common it is taken for one.
    """
    if ":" not in head:
        return False
    return "@" in head or scheme not in _WEB or _HOST.fullmatch(head) is None


def _first(pattern: re.Pattern[str], text: str, start: int) -> re.Match[str]:
    """The first match of a pattern that matches something in every text."""
    match = pattern.search(text, start)
    assert match is not None
    return match
