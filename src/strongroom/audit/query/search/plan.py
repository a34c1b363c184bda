"""What a query asks for: in the words of DuckDB, and in those by which sources are left out."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from strongroom.audit.archive.filters import FILTER_OF
from strongroom.audit.journal.people import ids_whose_name
from strongroom.audit.query.compile import Facts, compile_query
from strongroom.audit.query.language import Is, Or, Query, Term
from strongroom.audit.query.language.fields import TIME
from strongroom.audit.query.search.protocol import Window

BY_TIME: Final = frozenset({"event", "level", "stream"})
"""Fields that the roll-ups by time tell apart; a segment has one stream."""

_NAMING: Final = frozenset({"id", "request_id", *FILTER_OF})

Clause = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One query, for one search.

    :param window: outside of which nothing matches
    :param facts: what every match has in common
    :param clauses: the condition in SQL with its parameters, by whether ``rest`` can hold something
    :param simpler: the same where a word is in no text but hashes
    :param exact: the values that are asked for, by field, where that and the window is the whole
        query and they are fields of :data:`BY_TIME`; None for any other query
    """

    window: Window
    facts: Facts
    clauses: Mapping[bool, Clause]
    exact: Mapping[str, Collection[str]] | None
    simpler: Mapping[tuple[bool, frozenset[str]], Clause] = field(default_factory=dict)

    @property
    def is_needle(self) -> bool:
        """Whether few records match, since a value is asked for that names one thing."""
        return not _NAMING.isdisjoint(self.facts.needles)

    def clause(self, has_rest: bool, absent: frozenset[str]) -> Clause:
        """The condition in SQL with its parameters.

        :param absent: words that no text has but hashes
        """
        return self.simpler.get((has_rest, absent), self.clauses[has_rest])

    def window_of(self, stream: str) -> Window:
        """Outside of which nothing matches in this stream."""
        return self.window.within(*self.facts.bounds_of(stream))

    def with_also(self, sql: str, parameters: Sequence[Any]) -> Plan:
        """The same, with one more condition."""
        clauses = {
            has_rest: (f"({sql}) AND ({clause})", [*parameters, *values])
            for has_rest, (clause, values) in self.clauses.items()
        }
        return Plan(self.window, self.facts, clauses, None)


def plan(query: Query, window: Window, connection: Connection) -> Plan:
    """How to search for this.

    :param window: narrows what the query says of time
    :param connection: to look up people by their names
    """
    now, people = time.time_ns() // 1_000, partial(ids_whose_name, connection)
    compiled = {
        has_rest: compile_query(query, now, people, has_rest=has_rest) for has_rest in (False, True)
    }
    facts = compiled[True].facts
    return Plan(
        window=window.within(*facts.bounds),
        facts=facts,
        clauses={has_rest: (done.sql, done.params) for has_rest, done in compiled.items()},
        exact=_exactly(query),
        simpler={
            (has_rest, frozenset({word})): (done.sql, done.params)
            for word in facts.texts - facts.parts
            for has_rest in (False, True)
            for done in [compile_query(query, now, people, has_rest=has_rest, absent={word})]
        },
    )


def _exactly(query: Query) -> Mapping[str, Collection[str]] | None:
    exact: dict[str, set[str]] = {}
    for term in query.terms:
        if getattr(term, "field", None) == TIME:
            continue  # a span: the bounds say it all
        found = _values(term)
        if found is None:
            return None
        field, values = found
        exact[field] = exact[field] & values if field in exact else values
    return exact


def _values(term: Term) -> tuple[str, set[str]] | None:
    parts = term.parts if isinstance(term, Or) else (term,)
    fields = {part.field if isinstance(part, Is) else "" for part in parts}
    if len(fields) != 1 or not fields <= BY_TIME:
        return None
    return fields.pop(), {part.value for part in parts if isinstance(part, Is)}
