"""How names of people are compared, and how case is forgotten in texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Protocol

from strongroom.audit.journal.people import same_name
from strongroom.audit.query.language import Is, Like, Term, Text

Fits = Callable[[str], bool]


class People(Protocol):
    """The directory of people, as a search needs it."""

    def __call__(self, fits: Fits, /) -> frozenset[str]:
        """The ids of all whose name fits."""


class Ids:
    """The ids of the people whom terms speak of; the directory is asked once for each term."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._known: dict[Term, frozenset[str]] = {}

    def __call__(self, term: Term) -> frozenset[str]:
        """The ids of all whose name is what this term asks for."""
        if term not in self._known:
            self._known[term] = self._people(name_fits(term))
        return self._known[term]


def name_fits(term: Term) -> Fits:
    """Whether a name is what this term asks for.

    A word is contained in it; a value is the whole name, in any case of letters, however composed;
    anything else takes every name.
    """
    if isinstance(term, Text):
        word = _folded(term.text)
        return lambda name: word in _folded(name)
    if isinstance(term, Is):
        value = term.value
        return lambda name: same_name(value, name)
    if isinstance(term, Like):
        pieces = tuple(map(_folded, term.pieces))
        return lambda name: has_pieces(_folded(name), pieces)
    return lambda _name: True


def lowered(text: str) -> str:
    """In small letters, each by itself, as DuckDB's ``lower`` makes them."""
    if "\u0130" in text or "\u03a3" in text:  # where the standard library looks at the neighbours
        return "".join("i" if c == "\u0130" else c.lower() for c in text)
    return text.lower()


def asked(text: str) -> str:
    """A word of a query as it is looked for: composed (NFC), in small letters."""
    return lowered(unicodedata.normalize("NFC", text))


def has_pieces(text: str, pieces: Sequence[str]) -> bool:
    """Whether a text begins with the first piece, ends with the last, and has the others between.

    In time linear in the text for each piece.
    """
    first, *between, last = pieces
    if not text.startswith(first):
        return False
    place = len(first)
    for piece in between:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return len(text) - len(last) >= place and text.endswith(last)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
