"""Pages, tailing and deadlines: every record exactly once, whatever arrives meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from strongroom.audit.journal import Journal
from strongroom.audit.query import Page, Search, Window, parse
from strongroom.audit.query.search import live, sources
from strongroom.store import Store
from tests.unit.making import audit_record, ops_record

ALWAYS = Window()
TOTAL = 100


@pytest.fixture(params=[7, 8_192], ids=lambda size: f"tables of {size}")
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Records of a table, and of the first batch."""
    size: int = request.param
    monkeypatch.setattr(live, "CHUNK", size)
    monkeypatch.setattr(sources, "FIRST_ROWS", 2 * size)
    return size


def numbers(page: Page) -> list[int]:
    return [record["count"] for record in page.records]


def pages(search: Search, query: str = "", limit: int = 7) -> Iterator[Page]:
    cursor = None
    while True:
        page = search.page(parse(query), ALWAYS, cursor=cursor, limit=limit)
        yield page
        cursor = page.next
        if cursor is None:
            return


def test_pages_visit_each_record_once_while_new_ones_arrive(
    batch: int, store: Store, journal: Journal
) -> None:
    journal.append([audit_record(count=number) for number in range(TOTAL)])
    visited: list[int] = []
    for page in pages(Search(store)):
        visited += numbers(page)
        journal.append([audit_record(count=TOTAL + len(visited))])
    assert visited == list(reversed(range(TOTAL)))


def test_records_of_one_moment_in_both_streams(batch: int, store: Store, journal: Journal) -> None:
    moment = "2026-01-01T00:00:00.000000Z"
    journal.append([audit_record(timestamp=moment, count=number) for number in range(30)])
    for number in range(30, 60):
        journal.enqueue(ops_record(timestamp=moment, count=number))
    store.close()
    visited = [number for page in pages(Search(store)) for number in numbers(page)]
    assert visited == list(reversed(range(60)))


def test_pages_of_a_filter(batch: int, store: Store, journal: Journal) -> None:
    journal.append(
        [audit_record(count=n, filename="odd" if n % 2 else "even") for n in range(TOTAL)]
    )
    search = Search(store)
    for query in ("filename:odd", "ODD"):
        visited = [number for page in pages(search, query) for number in numbers(page)]
        assert visited == list(reversed(range(1, TOTAL, 2)))


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 50])
def test_only_the_last_page_says_it_is_the_last(store: Store, journal: Journal, limit: int) -> None:
    journal.append([audit_record(count=number) for number in range(10)])
    sizes = [len(page.records) for page in pages(Search(store), limit=limit)]
    assert sum(sizes) == 10
    assert all(size == limit for size in sizes[:-1])
    assert sizes[-1] > 0


def test_an_empty_journal_has_one_empty_page(store: Store, journal: Journal) -> None:
    assert list(pages(Search(store))) == [Page([])]


def test_a_deadline_gives_what_was_found_and_a_way_to_go_on(
    monkeypatch: pytest.MonkeyPatch, store: Store, journal: Journal
) -> None:
    monkeypatch.setattr(live, "CHUNK", 5)
    monkeypatch.setattr(sources, "FIRST_ROWS", 1)
    monkeypatch.setattr(sources, "_GROWTH", 1)
    journal.append([audit_record(count=number) for number in range(28)])
    search = Search(store, deadline=60)
    assert len(numbers(search.page(parse(""), ALWAYS))) == 28  # all tables are there
    visited, partial, cursor = list[int](), 0, None
    hurried = search.with_deadline(-1)
    for _ in range(50):
        page = hurried.page(parse("level:info"), ALWAYS, cursor=cursor, limit=50)
        visited += numbers(page)
        partial += page.partial
        cursor = page.next
        if cursor is None:
            break
        assert page.partial
        assert page.reached is not None
    assert visited == list(reversed(range(28)))
    assert partial > 2


def test_a_deadline_that_comes_before_anything_is_found_still_moves_on(
    monkeypatch: pytest.MonkeyPatch, store: Store, journal: Journal
) -> None:
    monkeypatch.setattr(live, "CHUNK", 5)
    monkeypatch.setattr(sources, "FIRST_ROWS", 1)
    journal.append([audit_record(count=number) for number in range(20)])
    search = Search(store, deadline=-1)
    first, *rest = pages(search, "count:0")
    assert (list(first.records), first.partial) == ([], True)
    assert [number for page in rest for number in numbers(page)] == [0]


def test_tailing_sees_each_record_once(store: Store, journal: Journal) -> None:
    journal.append([audit_record(count=-1)])
    search = Search(store)
    positions = search.positions()
    assert positions == {"audit": 1, "ops": 0, "imported": 0}
    seen = []
    for number in range(10):
        journal.append([audit_record(count=2 * number)])
        journal.enqueue(ops_record(count=2 * number + 1))
        store.close()
        records, positions = search.after(positions, parse(""))
        seen += [record["count"] for record in records]
        assert search.after(positions, parse(""))[0] == []
    assert seen == list(range(20))
    assert positions == search.positions()


def test_tailing_in_small_steps_catches_up(store: Store, journal: Journal) -> None:
    search = Search(store)
    positions = search.positions()
    journal.append([audit_record(count=number) for number in range(25)])
    seen = []
    while positions != search.positions():
        records, positions = search.after(positions, parse(""), limit=4)
        seen += [record["count"] for record in records]
    assert seen == list(range(25))


def test_tailing_a_filter_moves_on_past_what_does_not_match(store: Store, journal: Journal) -> None:
    search = Search(store)
    positions = search.positions()
    journal.append([audit_record(count=number) for number in range(25)])
    records, positions = search.after(positions, parse("count:7"))
    assert [record["count"] for record in records] == [7]
    assert positions == search.positions()
