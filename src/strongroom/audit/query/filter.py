"""Whether a record is what a query asks for; names are looked up before the first one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from strongroom.audit.journal.people import NAMED, has_person, ids_whose_name, same_name
from strongroom.audit.query.language import Query, TextTerm
from strongroom.audit.query.search import Record

_ID_OF: Final = {field.name: name for name, field in NAMED.items()}
"""The field with the id, by the field with the name."""


class Filter:
    """One query, for as long as one search takes.

    Records hold ids; so a name stands for the ids of all who have it now.

    :param connection: to read the directory of people, where the query can speak of somebody
    """

    def __init__(self, query: Query, connection: Connection) -> None:
        self._fields: list[tuple[str, str]] = []
        self._people: list[tuple[str, frozenset[str]]] = []
        self._words: list[tuple[str, frozenset[str]]] = []
        for term in query.terms:
            if isinstance(term, TextTerm):
                word = term.text.casefold()
                self._words.append((word, ids_whose_name(connection, partial(_contains, word))))
            elif term.field in _ID_OF:
                ids = ids_whose_name(connection, partial(same_name, term.value))
                self._people.append((_ID_OF[term.field], ids))
            else:
                self._fields.append((term.field, term.value))

    @property
    def finds_nothing(self) -> bool:
        """Whether it is asked for somebody whom nobody knows."""
        return any(not ids for _, ids in self._people)

    def matches(self, record: Record) -> bool:
        """Whether all of the query holds for the record, as it is stored."""
        for field, value in self._fields:
            if field not in record or _as_text(record[field]) != value:
                return False
        for field, ids in self._people:
            if not has_person(record, field) or record[field] not in ids:
                return False
        if not self._words:
            return True
        people = {record[field] for field in NAMED if has_person(record, field)}
        texts = [text.casefold() for text in _texts(record)]
        return all(
            any(word in text for text in texts) or not ids.isdisjoint(people)
            for word, ids in self._words
        )


def _contains(word: str, name: str) -> bool:
    return word in name.casefold()


def _texts(value: Any) -> Iterator[str]:
    """Every text in a record, nested ones and numbers included; not the names of fields."""
    if isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    elif value is not None:
        yield _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode("utf-8")
