"""A query as a condition over the relation's columns, with all values as parameters.

No text of a query is ever in the SQL: it is made of the names of our columns and of what is written
here. A value that is compared is a parameter, and so are keys and patterns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from strongroom.audit.archive.columns import TEXTS
from strongroom.audit.query.compile.facts import ANYTHING, Bounds, Facts
from strongroom.audit.query.compile.known import facts
from strongroom.audit.query.compile.writing import Writing
from strongroom.audit.query.language import Query
from strongroom.audit.query.names import Ids, People


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition for ``WHERE``, and what every match has in common.

    :param sql: with ``?`` for each parameter; never NULL for a match, NULL or false for anything else
    :param params: in the order of the question marks
    :param facts: what to leave segments out by
    """

    sql: str
    params: tuple[Any, ...]
    facts: Facts

    @property
    def needles(self) -> Mapping[str, frozenset[str]]:
        """Fields, and the values in text of which each match has one, as Bloom filters have them."""
        return self.facts.needles

    @property
    def bounds(self) -> Bounds:
        """When each match was, in whichever stream."""
        return self.facts.bounds

    @property
    def texts(self) -> frozenset[str]:
        """Words that some text of each match contains, once in small letters."""
        return self.facts.texts

    @property
    def streams(self) -> frozenset[str]:
        """The streams that a match can be in; none where nothing matches."""
        return self.facts.streams


def compile_query(
    query: Query,
    now: int,
    people: People,
    *,
    has_rest: bool = True,
    texts: Sequence[str] = TEXTS,
    absent: Collection[str] = (),
) -> Compiled:
    """Turn a query into SQL.

    :param now: microseconds since 1970-01-01 UTC, which ``time:24h`` counts back from
    :param people: the directory; asked once for each name and word
    :param has_rest: whether the column ``rest`` has anything in it
    :param texts: the columns that words are looked for in: those of all texts that have anything in them
    :param absent: words, as :attr:`Facts.texts` has them, that no text has but hashes
    """
    ids = Ids(people)
    writing = Writing(now, ids, has_rest=has_rest, texts=texts, absent=absent)
    conditions = [writing.condition(term) for term in query.terms]
    known = [facts(term, now, ids) for term in query.terms]
    return Compiled(
        sql=" AND ".join(conditions) or "true",
        params=tuple(writing.params),
        facts=reduce(Facts.both, known, ANYTHING),
    )
