"""The values of a field beside the records: how many records have each, and a way to ask for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from strongroom.audit.journal.people import names_of
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query import Query, RecordSearch
from strongroom.audit.query.language import PEOPLE, Is, Not, Or, Term, fields_of
from strongroom.audit.query.search import Facet
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.store import Store

FIELDS: Final = (
    "event", "level", "user", "outcome", "ip_address", "filename", "content_type", "status", "reason",
)  # fmt: skip
"""Beside the records, in this order."""

OPEN: Final = 3
"""So many of them are there from the beginning, and those that the query speaks of."""

SHOWN: Final = 8
"""Values of each."""

NAMES_READ: Final = 200
"""People among whom a name is looked for by its beginning: the most frequent."""


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value, how often it is there, and the searches that ask for it.

    :param share: in per cent of the most frequent
    :param state: ``chosen``, ``refused`` or nothing: what the query says of it
    :param include: arguments of the search with it, or without asking for it any longer
    :param exclude: arguments of the search without it, or no longer without it
    """

    text: str
    term: str
    count: int
    share: int
    state: str
    include: Mapping[str, str]
    exclude: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShownFacet:
    """A field with its most frequent values.

    :param failure: why there are none, in words
    :param reason: the same, in one word
    """

    field: str
    values: Sequence[ShownValue] = ()
    partial: bool = False
    failure: str = ""
    reason: str = ""


def opened(query: Query) -> list[str]:
    """The fields whose values are shown without being asked for."""
    asked = set().union(*map(fields_of, query.terms)) if query.terms else set()
    return [name for place, name in enumerate(FIELDS) if place < OPEN or name in asked]


def count_values(
    search: RecordSearch,
    store: Store,
    wanted: ViewerRequest,
    field: str,
    *,
    limit: int = SHOWN,
    prefix: str = "",
) -> tuple[Facet, list[Is]]:
    """The most frequent values of a field, people by their names; and how a query asks for each.

    Whose name is not known, or no longer, is there by the id.

    :param prefix: only values that begin so, in any case of letters
    :raises Refused: for a field that has no values to count
    :raises ServerFault: when the search cannot be carried out now
    """
    if field not in PEOPLE:
        found = search.facet(wanted.asked, wanted.counted, field, limit=limit, prefix=prefix)
        return found, [Is(field, value) for value, _ in found.values]
    # Names are no values of records, so what they begin with is looked at afterwards.
    most = max(limit, NAMES_READ) if prefix else limit
    found = search.facet(wanted.asked, wanted.counted, PEOPLE[field], limit=most)
    with store.read() as connection:
        names = names_of(connection, [value for value, _ in found.values])
    counts = Counter[Is]()
    for value, count in found.values:
        counts[Is(field, names[value]) if value in names else Is(PEOPLE[field], value)] += count
    best = [
        (term, count)
        for term, count in counts.most_common()
        if term.value.casefold().startswith(prefix.casefold())
    ][:limit]
    values = [(term.value, count) for term, count in best]
    return replace(found, field=field, values=values), [term for term, _ in best]


def shown(search: RecordSearch, store: Store, wanted: ViewerRequest, field: str) -> ShownFacet:
    """The values of one field for the page.

    What the query says of this very field is left aside, so that what else there is can be chosen
    as well.

    :raises Refused: as :func:`count_values`, like :class:`~strongroom.errors.ServerFault`
    """
    same = {field, PEOPLE.get(field, field)}
    own = [term for term in wanted.query.terms if fields_of(term) <= same]
    others = Query(tuple(term for term in wanted.query.terms if term not in own))
    found, terms = count_values(search, store, replace(wanted, query=others), field)
    highest = max((count for _, count in found.values), default=1)
    counts = dict(zip(terms, (count for _, count in found.values), strict=True))
    for term in own:
        for part in _parts(term):
            counts.setdefault(part, 0)  # nothing has it, yet the query asks for it
    values = [_shown(wanted, term, count, highest) for term, count in counts.items()]
    return ShownFacet(field, values, partial=found.partial or bool(found.missing))


def _shown(wanted: ViewerRequest, term: Is, count: int, highest: int) -> ShownValue:
    query, refused = wanted.query, Not(term)
    state = "refused" if refused in query.terms else ""
    if any(term in _parts(said) for said in query.terms if said != refused):
        state = "chosen"
    include = query.including(term.field, term.value)
    exclude = query.excluding(term.field, term.value)
    if state == "chosen":
        include = exclude.without(refused)
    if state == "refused":
        exclude = query.without(refused)
    return ShownValue(
        text=escape(term.value),
        term=escape(str(term)),
        count=count,
        share=max(round(100 * count / highest), 1) if count else 0,
        state=state,
        include=wanted.address(include),
        exclude=wanted.address(exclude),
    )


def _parts(term: Term) -> Iterator[Is]:
    """The single values that a term asks for, or refuses."""
    if isinstance(term, Not):
        term = term.part
    for part in term.parts if isinstance(term, Or) else (term,):
        if isinstance(part, Is):
            yield part


def as_json(found: Facet) -> dict[str, object]:
    """The same for programs."""
    return {
        "field": found.field,
        "values": [{"value": value, "count": count} for value, count in found.values],
        "partial": found.partial,
        "missing": list(found.missing),
    }
