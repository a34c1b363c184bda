"""Which names people may have, and when two names are the same one."""

from __future__ import annotations

import unicodedata
from typing import Final

from strongroom.errors import Refused

MAX_CHARACTERS: Final = 64

_REASONS: Final = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "half a character",
    "Co": "a character that every machine shows differently",
    "Cn": "a character that does not exist",
    "Zl": "a line break",
    "Zp": "a line break",
}
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks by their category, and nothing to see."""

_LOOKING_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
"""Scripts, as the names of their letters begin."""


def check_name(name: str) -> str:
    """The name to keep: what was given, in NFC.

    :raises Refused: 400, with ``name_empty``, ``name_too_long`` or ``name_not_allowed``
    """
    if not name.strip():
        raise Refused("name_empty", "There is no name. Give one that people will recognise.")
    if len(name) > MAX_CHARACTERS:
        raise Refused(
            "name_too_long", f"A name may have {MAX_CHARACTERS} characters; this has {len(name)}."
        )
    for character in name:
        _check_character(character)
    if name != name.strip():
        raise _not_allowed("begins or ends with a space, which nobody would see")
    _check_scripts(name)
    kept = unicodedata.normalize("NFC", name)
    if len(kept) > MAX_CHARACTERS:  # a few characters have no composed form and become longer
        raise Refused("name_too_long", f"A name may have {MAX_CHARACTERS} characters.")
    return kept


def name_key(name: str) -> str:
    """What names are compared on: compatible forms and letter case make no difference.

    NFKC, case folding, NFKC: the caseless match of compatible strings (Unicode, section 3.13, D146).
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    key = unicodedata.normalize("NFKC", folded.casefold())
    return key.encode("utf-8", "replace").decode()  # half a character is nobody's, and no SQL


def _check_character(character: str) -> None:
    category = unicodedata.category(character)
    what = _REASONS.get(category)
    if what is None and (character in _BLANK or _is_selector(character)):
        what = _REASONS["Cf"]
    if what is None and category == "Zs" and character != " ":
        what = "an unusual space"
    if what is not None:
        raise _not_allowed(f"contains {what} (U+{ord(character):04X})")


def _check_scripts(name: str) -> None:
    """One word is written in one script of those whose letters look alike.

    A whole word of look-alikes passes: it takes the tables of UTS 39 to find those.
    """
    for word in name.split():
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        if len(scripts & _LOOKING_ALIKE) > 1:
            raise _not_allowed("mixes letters of several scripts that look alike")


def _is_selector(character: str) -> bool:
    """Variation selectors, which only say how the character before them looks."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _not_allowed(why: str) -> Refused:
    return Refused(
        "name_not_allowed",
        f"The name {why}: two people could seem to have one name. Choose another.",
    )
