"""Exports as tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from strongroom.audit.export import FORMATS, Export
from strongroom.audit.query import Search, Window, parse
from strongroom.store import Store

Record = dict[str, Any]
ALWAYS = Window()


def export_of(store: Store, search: Search, query: str = "", kind: str = "ndjson") -> Export:
    """An export that has not begun."""
    return Export(store, search.matches(parse(query), ALWAYS), FORMATS[kind])


def lines(content: bytes) -> list[Record]:
    """The records of NDJSON."""
    return [json.loads(line) for line in content.splitlines()]


def exported(store: Store, search: Search, query: str = "") -> list[Record]:
    """All records by an export, which must miss none."""
    export = export_of(store, search, query)
    found = lines(b"".join(export.blocks()))
    assert export.missing == []
    assert export.count == len(found)
    return found


def paged(search: Search, query: str = "") -> list[Record]:
    """All records by pages of the search."""
    return list(_paged(search, query))


def _paged(search: Search, query: str) -> Iterator[Record]:
    cursor = None
    while True:
        page = search.page(parse(query), ALWAYS, cursor=cursor, limit=1_000)
        assert not page.partial
        yield from page.records
        cursor = page.next
        if cursor is None:
            return
