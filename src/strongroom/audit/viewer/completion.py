"""What may follow where somebody types a query: fields, then the values that records have."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from strongroom.audit.events.fields import FIELDS
from strongroom.audit.journal.people import NAMED
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query import Query, RecordSearch
from strongroom.audit.query.language import KNOWN, SEARCHABLE
from strongroom.audit.viewer.facets import count_values
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.errors import Refused
from strongroom.store import Store

MOST: Final = 10

_LAST: Final = re.compile(
    r'(?:^|[\s(])-?(?:(?P<field>[A-Za-z_]\w*):(?P<value>"?[^\s"()]*)|(?P<word>\w*))$'
)
"""What is being typed: a field with the beginning of a value, or the beginning of either."""

_SPANS: Final = {"15m": "the last 15 minutes", "24h": "the last 24 hours", "7d": "the last 7 days",
                 "today": "since midnight, UTC"}  # fmt: skip
_NAMES: Final = {field.name: field.meaning for field in NAMED.values()}


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to go on.

    :param insert: what to put in place of the last ``replaces`` characters
    :param label: the same, with invisible characters made visible
    :param note: how many records have it, or what it means
    """

    insert: str
    label: str
    note: str
    replaces: int


def choices(
    search: RecordSearch, store: Store, wanted: ViewerRequest, typed: str
) -> tuple[list[Choice], str]:
    """What may stand where somebody types, the likeliest first; and the field whose values it is.

    Values are those of the span of time that is looked at, whatever the rest of the query says.

    :param typed: the query up to the cursor
    :raises ServerFault: when values cannot be counted now
    """
    match = _LAST.search(typed)
    if match is None:
        return [], ""
    field, value = match["field"], match["value"]
    if field is None:
        return _fields(match["word"]), ""
    if field == "time":
        found = {name: note for name, note in _SPANS.items() if name.startswith(value)}
        return [Choice(f"{name} ", name, note, len(value)) for name, note in found.items()], ""
    if field not in SEARCHABLE:
        return [], ""
    everything = replace(wanted, query=Query())
    prefix = value.removeprefix('"')
    try:
        counted, terms = count_values(search, store, everything, field, limit=MOST, prefix=prefix)
    except Refused:  # no values of it are counted
        return [], ""
    return [
        Choice(
            insert=f"{text} ",
            label=escape(term.value),
            note=f"{count:,}",
            replaces=len(value) + (0 if term.field == field else len(field) + 1),
        )
        for term, (_, count) in zip(terms, counted.values, strict=True)
        for text in [term.condition if term.field == field else str(term)]
    ], field


def _fields(word: str) -> list[Choice]:
    """The fields that begin so, and then those that have it inside."""
    lower = word.lower()
    names = [name for name in KNOWN if name.startswith(lower)] if word else list(_FIRST)
    names += [name for name in KNOWN if lower in name and name not in names] if word else []
    return [Choice(f"{name}:", f"{name}:", _meaning(name), len(word)) for name in names[:MOST]]


def _meaning(name: str) -> str:
    if name in FIELDS:
        return FIELDS[name].meaning
    return _NAMES.get(name, "when it happened: time:24h")


_FIRST: Final = ("event", "level", "user", "filename", "ip_address", "status", "reason", "time")
"""Offered where nothing is typed yet."""
