"""Which names files and folders may have. A name is refused with a reason or kept to the letter."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from strongroom.errors import Refused

MAX_BYTES: Final = 255
"""Of the name in UTF-8: what other systems take, so that downloads can be saved."""

MAX_DEPTH: Final = 64
"""Folders in one another: what other systems can unpack, and a bound on every walk upwards."""

MAX_PATH_BYTES: Final = 4_096
"""Of a folder's path in UTF-8: what other systems take, and a bound on what a list of many names holds.
A file's path has its name beside."""

_BIDI: Final = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e")
_ISOLATES: Final = frozenset("\u2066\u2067\u2068\u2069")

_INVISIBLE: Final = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
)
"""Characters that leave no mark where they stand: blanks, the Braille pattern without a dot, and all with
the property Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt)."""


def check_filename(name: str) -> str:
    """The name itself, when a file may have it.

    :raises Refused: 400, with ``filename_empty``, ``filename_too_long`` or ``filename_not_allowed``
    """
    if not name.strip():
        raise Refused("filename_empty", "A name is missing. Give one and try again.")
    if name in (".", ".."):
        raise _not_allowed(f"“{name}” names a folder")
    for character in name:
        if character in "/\\":
            raise _not_allowed(f"it contains “{character}”")
        if character in _BIDI or character in _ISOLATES:
            raise _not_allowed(
                f"it contains the invisible character U+{ord(character):04X}, "
                "which can make a name look like another"
            )
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise _not_allowed(f"it contains the control character U+{ord(character):04X}")
    if _INVISIBLE.fullmatch(name):
        raise _not_allowed("nothing of it can be seen")
    if (size := len(name.encode("utf-8"))) > MAX_BYTES:
        raise Refused(
            "filename_too_long",
            f"The name takes {size} bytes; at most {MAX_BYTES} are possible. Shorten it.",
        )
    return name


def split_path(path: str, most: int = MAX_DEPTH) -> list[str]:
    """The names in a path, from the root down; none for the root, ``/`` or nothing at all.

    One ``/`` may stand before the first and after the last name.

    :param most: how many there may be; one more where the last may be a file's
    :raises Refused: 400, as :func:`check_filename` for each name, ``path_too_deep`` or
        ``path_too_long``
    """
    inner = path.removeprefix("/").removesuffix("/")
    if not inner and len(path) < 2:
        return []
    names = [check_filename(name) for name in inner.split("/")]
    if len(names) > most:
        raise Refused(
            "path_too_deep",
            f"Folders can be {MAX_DEPTH} deep; this would be {len(names)}. Choose a place higher up.",
        )
    folders = names[: len(names) + MAX_DEPTH - most]
    check_path_size(sum(len(name.encode()) + 1 for name in folders))
    return names


def check_path_size(size: int) -> None:
    """Refuse a folder whose path would be too long.

    :param size: bytes of the path in UTF-8
    :raises Refused: 400 ``path_too_long``
    """
    if size > MAX_PATH_BYTES:
        raise Refused(
            "path_too_long",
            f"The path of a folder can have {MAX_PATH_BYTES:,} bytes; this would have {size:,}. "
            "Choose a place higher up, or shorter names.",
        )


def name_key(name: str) -> str:
    """What names are sorted and searched by: without case, and look-alike forms made one."""
    return unicodedata.normalize("NFKC", name).casefold()


def _not_allowed(why: str) -> Refused:
    return Refused("filename_not_allowed", f"This name cannot be kept: {why}. Choose another.")
