"""A whole query, and what clicking in a viewer makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from strongroom.audit.query.language.fields import TIME
from strongroom.audit.query.language.tree import And, Is, Not, Or, Term, Text, grouped


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold; none at all finds everything."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        if len(self.terms) == 1 and isinstance(self.terms[0], Or):
            return str(self.terms[0])
        return " ".join(map(grouped, self.terms))

    def with_field(self, field: str, value: str) -> Query:
        """The same query, asking for this value of the field instead of anything else of it."""
        return self._with(self._without_field(field), Is(field, value))

    def without(self, term: Term) -> Query:
        """The same query without this term."""
        return replace(self, terms=tuple(other for other in self.terms if other != term))

    def including(self, field: str, value: str) -> Query:
        """The same query, which takes this value of the field as well, where it takes some.

        Where it takes any, it takes only this one from now on.
        """
        wanted, refused = Is(field, value), Not(Is(field, value))
        kept = [term for term in self.terms if term != refused]
        for place, term in enumerate(kept):
            choices = _choices(term, field)
            if choices:
                kept[place] = _either(dict.fromkeys((*choices, wanted)))
                return Query(tuple(kept))
        return self._with(kept, wanted)

    def excluding(self, field: str, value: str) -> Query:
        """The same query, which takes this value of the field no longer."""
        unwanted = Is(field, value)
        kept: list[Term] = []
        for term in self.terms:
            choices = _choices(term, field)
            if unwanted not in choices:
                kept.append(term)
            elif left := [choice for choice in choices if choice != unwanted]:
                kept.append(_either(left))
        return self._with(kept, Not(unwanted))

    def without_times(self) -> Query:
        """The same query for all time: the terms that speak of nothing but ``time`` are gone."""
        return Query(tuple(self._without_field(TIME)))

    def _without_field(self, field: str) -> list[Term]:
        return [term for term in self.terms if fields_of(term) != {field}]

    @staticmethod
    def _with(terms: Iterable[Term], term: Term) -> Query:
        kept = tuple(terms)
        return Query(kept if term in kept else (*kept, term))


def fields_of(term: Term) -> set[str]:
    """The fields that a term speaks of; an empty name stands for words in any field."""
    if isinstance(term, And | Or):
        return set().union(*map(fields_of, term.parts))
    if isinstance(term, Not):
        return fields_of(term.part)
    return {"" if isinstance(term, Text) else term.field}


def _choices(term: Term, field: str) -> tuple[Term, ...]:
    """What a term lets the field be, where it says so in the plain way."""
    parts = term.parts if isinstance(term, Or) else (term,)
    return parts if all(isinstance(part, Is) and part.field == field for part in parts) else ()


def _either(choices: Iterable[Term]) -> Term:
    some = tuple(choices)
    return some[0] if len(some) == 1 else Or(some)
