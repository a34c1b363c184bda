"""How any text at all is written in a query, and read again."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from strongroom.audit.query.language.errors import QueryError

_BARE: Final = re.compile(r"(?!-|(?:OR|NOT|AND)$)(?:(?!\.\.)[^\s\"\\()*<>])+")
"""What needs no quotation marks wherever it stands, colons aside."""

_NAMED: Final = {"\n": "n", "\r": "r", "\t": "t", '"': '"', "\\": "\\"}
_MEANT: Final = {letter: character for character, letter in _NAMED.items()}
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)

_UNSEEN: Final = frozenset("\u061c\u200e\u200f\u2028\u2029\ufeff") | frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""Characters that turn or break a line without being seen."""


def is_bare(text: str) -> bool:
    """Whether a value can be written as it is."""
    return _BARE.fullmatch(text) is not None and not any(map(_hidden, text))


def quoted(text: str) -> str:
    """In quotation marks, on one line, with everything visible."""
    return '"' + "".join(map(_escaped, text)) + '"'


def unquoted(token: str, column: int) -> str:
    """The text in quotation marks.

    :param token: with its quotation marks
    :param column: where it begins, counted from 1
    :raises QueryError: for a backslash before something that needs none
    """

    def meant(match: re.Match[str]) -> str:
        number, letter = match.groups()
        if number is not None and (code := int(number, 16)) <= 0x10FFFF:
            if not 0xD800 <= code < 0xE000:
                return chr(code)
        elif letter in _MEANT:
            return _MEANT[letter]
        raise QueryError(
            f'"{match[0]}" means nothing; write \\\\ for a backslash, \\" for a quotation mark, '
            "\\n, \\r, \\t or \\u{200b}",
            column + 1 + match.start(),
        )

    return _ESCAPE.sub(meant, token[1:-1])


def _hidden(character: str) -> bool:
    return character in _UNSEEN or unicodedata.category(character) == "Cc"


def _escaped(character: str) -> str:
    if character in _NAMED:
        return "\\" + _NAMED[character]
    return f"\\u{{{ord(character):x}}}" if _hidden(character) else character
