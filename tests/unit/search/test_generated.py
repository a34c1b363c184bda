"""Generated queries find what a naive filter finds, wherever the records are.

The records of a segment are in blocks of twenty, so that what is left out by the filters of parts of
texts, and what is read in their place, is put to the test by every word.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from strongroom.audit.archive import grams
from strongroom.audit.events import Stream
from strongroom.audit.journal import decode, encode
from strongroom.audit.journal.people import People
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.query import Search, Window, parse
from strongroom.audit.query.language import Query
from strongroom.audit.query.search import plan
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import as_row, row_of
from tests.unit.query.making import (
    NOW,
    NOW_MICROSECONDS,
    PEOPLE,
    queries,
    some_records,
    terms,
    words,
)
from tests.unit.query.naive import Naive
from tests.unit.search.laying import Layout, lay

EXAMPLES: Final = int((os.environ.get("STRONGROOM_SOAK") and 1_000) or 6)
COUNT: Final = 240
STREAMS: Final = (Stream.AUDIT, Stream.OPS, Stream.IMPORTED)

HASHED: Final = "c0ffee" + "0123456789ab" * 4 + "deadbeef01"
"""A hash, of which parts are looked for."""

Place = tuple[str, int]

pytestmark = pytest.mark.timeout(120 if EXAMPLES < 100 else 3_600)


@cache
def made() -> tuple[tuple[Stream, dict[str, Any]], ...]:
    """Some records in each stream, a few of them with a hash."""
    found = []
    for number, record in enumerate(some_records(COUNT, odd=True)):
        more = {"sha256": HASHED} if number % 40 == 7 else {}
        if not isinstance(record.get("request_id"), str):
            record.pop("request_id", None)  # it is a column of the journal
        found.append((STREAMS[number % 3], {**record, **more}))
    return tuple(found)


@cache
def decoded() -> dict[Place, dict[str, Any]]:
    """The same as they are read, by stream and number."""
    numbers: Counter[str] = Counter()
    found = {}
    for stream, record in made():
        seq = numbers[stream.value]
        numbers[stream.value] += 1
        found[stream.value, seq] = decode(as_row(row_of(encode(dict(record), stream), seq)))
    return found


def directory(connection: Connection, *, store: Store) -> None:
    """Enter the people."""
    for user_id, name in PEOPLE.items():
        People(store).put(connection, user_id, name)


@pytest.fixture(scope="module", params=list(Layout))
def search(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Search]:
    """A search over the records in one of the layouts, at a time that stands still."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('generated') / 'test.db'}")
    migrate(store, AUDIT_SCHEMA)
    store.write(partial(directory, store=store))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "BLOCK_ROWS", 20)
        patch.setattr(plan, "time", SimpleNamespace(time_ns=lambda: NOW_MICROSECONDS * 1_000))
        lay(store, [(stream, dict(record)) for stream, record in made()], request.param)
        found = Search(store, deadline=60)
        yield found
        found.close()
    store.close()


def check(search: Search, query: Query) -> None:
    """Page and count agree with the naive filter."""
    naive = Naive(NOW, PEOPLE)
    wanted = {place for place, record in decoded().items() if naive.finds(query, record)}
    page = search.page(query, Window(), limit=COUNT)
    assert {(record["stream"], record["seq"]) for record in page.records} == wanted
    assert len(page.records) == len(wanted)
    assert search.count(query, Window()) == (len(wanted), True)


quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@quickly
@given(query=queries)
def test_any_query(search: Search, query: Query) -> None:
    check(search, query)


@quickly
@given(query=st.lists(words | terms, min_size=1, max_size=3).map(lambda found: Query(tuple(found))))
@example(query=parse("c0ffee"))
@example(query=parse("-c0ffee"))
@example(query=parse("c0ffee report"))
@example(query=parse("c0ffee OR report"))
@example(query=parse("c0ffee 012345 -deadbeef9"))
@example(query=parse("-(c0ffee report.pdf)"))
@example(query=parse("404 2026"))
@example(query=parse("filename:*2026*"))
@example(query=parse('filename:"Report 2026.PDF"'))
@example(query=parse("sha256:c0ffee* -filename:*rep*"))
@example(query=parse("日本語"))
def test_words_and_parts_of_hashes(search: Search, query: Query) -> None:
    check(search, query)


def test_filters_leave_something_out(search: Search) -> None:
    """Else the comparisons above would say nothing of them."""
    folder = search._folder  # the archive's, which no public name gives
    if not any(folder.rglob("*.parquet")):
        return
    with search._store.read() as connection:
        index = search._shared.parts.index
        known = index.snapshot(connection).filtered
    blocks = [
        words
        for (stream, first), filtered in known.items()
        if filtered.places is not None
        for words in grams.Wanted(["c0ffee", "report", "nowhere"]).absent(
            next(folder.rglob(f"{stream}/{first:012}.g1.parquet")), filtered.places
        )
    ]
    assert any("c0ffee" in words for words in blocks)
    assert any("report" not in words for words in blocks)
    assert all("nowhere" in words for words in blocks)
