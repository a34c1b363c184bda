"""Names inside a zip: what any system can unpack, and no two that one of them takes for the same.

Our own names hold no ``/``, ``\\``, ``.`` or ``..``, so no member leaves the folder it is unpacked
into. What is left is what Windows reads otherwise (drives, streams, devices, names that end in a
dot or blank), and letters that Windows and macOS do not tell apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from strongroom.files.names import MAX_BYTES

_FORBIDDEN: Final = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
"""By Windows. A colon would name a drive, or a stream of another file."""

_TAIL: Final = re.compile(r"[. ]+\Z")
"""Windows drops these, so that ``a.txt.`` would be written over ``a.txt``."""

_DEVICE: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³]) *(\..*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Windows opens the device, whatever follows the dot."""

_SUFFIX: Final = re.compile(r"(?<=.)\.[^. ]{1,16}\Z", re.DOTALL)
"""What tells of which kind a file is; stays at the end when a name is numbered."""


def portable(name: str) -> str:
    """The name itself, where every system can have it; else one that is like it.

    :param name: of a file or folder of ours, see :func:`strongroom.files.names.check_filename`
    """
    safe = _TAIL.sub(lambda hit: "_" * len(hit[0]), name.translate(_FORBIDDEN))
    if not unicodedata.normalize("NFKC", safe).strip(". "):
        return "_" * len(safe)  # dots that only look otherwise, and are made plain by some
    if _DEVICE.fullmatch(safe):
        stem, dot, rest = safe.partition(".")
        return _fitted(stem, f"_{dot}{rest}")
    return safe


def portable_names(names: Sequence[str]) -> list[str]:
    """Names for all that is in one folder, in the same order, each of them different everywhere.

    :param names: all different
    """
    found = [portable(name) for name in names]
    taken: set[str] = set()
    again: list[int] = []
    # Who has a name by right goes before who would get it by a change.
    for index in sorted(range(len(names)), key=lambda i: (found[i] != names[i], names[i])):
        if (key := _key(found[index])) in taken:
            again.append(index)
        taken.add(key)
    numbers: dict[str, int] = {}
    for index in again:
        found[index] = _numbered(found[index], numbers, taken)
    return found


def _numbered(name: str, numbers: dict[str, int], taken: set[str]) -> str:
    """The name with a number that is free.

    :param numbers: the last one given for each, so that many alike take no time to tell apart
    """
    hit = _SUFFIX.search(name)
    suffix = "" if hit is None else hit[0]
    stem, base = name.removesuffix(suffix), _key(name)
    while True:
        numbers[base] = number = numbers.get(base, 1) + 1
        numbered = _fitted(stem, f" ({number}){suffix}")
        if (key := _key(numbered)) not in taken:
            taken.add(key)
            return numbered


def _fitted(stem: str, tail: str) -> str:
    """Both, of the stem as much as there is room for."""
    end = tail.encode()[:MAX_BYTES]
    start = stem.encode()[: MAX_BYTES - len(end)]
    return start.decode("utf-8", "ignore") + end.decode("utf-8", "ignore")


def _key(name: str) -> str:
    """The same for all names that some system takes for one: case, accents' form, joiners."""
    plain = unicodedata.normalize("NFD", name).upper().casefold()
    plain = unicodedata.normalize("NFD", plain)
    return "".join(c for c in plain if unicodedata.category(c) != "Cf")
