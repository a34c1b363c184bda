"""The syntax tree of a query, and its printed form."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from strongroom.audit.events.fields import FIELDS

PEOPLE: Final = frozenset({"user", "target_user"})
"""Names of people: joined to the ids that records hold, by the search."""

SEARCHABLE: Final = PEOPLE | frozenset(
    name for name, field in FIELDS.items() if field.type not in ("object", "number")
) - {"timestamp", "exception", "extra"}
"""Fields that ``field:value`` may name."""

_BARE: Final = re.compile(r"(?!-|(?:OR|NOT|AND)$)(?:(?!\.\.)[^\s\"\\:()*<>])+")
"""A word that needs no quotes."""


@dataclass(frozen=True, slots=True)
class TextTerm:
    """A word or phrase that some text field contains, in any case of letters."""

    text: str

    def __str__(self) -> str:
        return _quoted(self.text)


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """A field that has exactly this value."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}:{_quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold; none at all finds everything."""

    terms: tuple[FieldTerm | TextTerm, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def with_field(self, field: str, value: str) -> Query:
        """The same query, asking for this value of the field instead of any other."""
        kept = tuple(t for t in self.terms if not (isinstance(t, FieldTerm) and t.field == field))
        return replace(self, terms=(*kept, FieldTerm(field, value)))

    def without(self, term: FieldTerm | TextTerm) -> Query:
        """The same query without this term."""
        return replace(self, terms=tuple(other for other in self.terms if other != term))


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
