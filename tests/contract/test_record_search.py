"""What any search over records must do, wherever the records are: in journal, segments, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest

from strongroom.audit.archive import grams, rollups
from strongroom.audit.journal.stored import microseconds
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.query import Search, Window, parse
from strongroom.audit.query.search import live, sources
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.search.laying import SECOND, START, Layout, Record, lay, made_up

COUNT: Final = 800
ALWAYS: Final = Window()


@pytest.fixture(
    scope="module",
    params=[Layout.JOURNAL, Layout.SPLIT, pytest.param(Layout.SEGMENTS, marks=pytest.mark.soak)],
    ids=lambda layout: layout.value,
)
def layout(request: pytest.FixtureRequest) -> Layout:
    """Where the records are."""
    found: Layout = request.param
    return found


@pytest.fixture(scope="module")
def store(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Made-up records of all streams in one of the layouts; segments with many small blocks, and with
    roll-ups that leave values out."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('search') / 'test.db'}")
    migrate(store, AUDIT_SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "BLOCK_ROWS", 60)
        if layout is Layout.SPLIT:
            patch.setattr(rollups, "MAX_VALUES", 2)
        lay(store, made_up(COUNT), layout)
    yield store
    store.close()


@pytest.fixture
def search(layout: Layout, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    """The search; over the split records with tables and batches so small that it needs many."""
    if layout is Layout.SPLIT:
        monkeypatch.setattr(live, "CHUNK", 150)
        monkeypatch.setattr(live, "MAX_ROWS", 300)
        monkeypatch.setattr(sources, "FIRST_ROWS", 200)
    search = Search(store, deadline=60)
    yield search
    search.close()


@cache
def expected() -> tuple[Record, ...]:
    """All records as they are to be found, newest first."""
    numbers: Counter[str] = Counter()
    found = []
    for stream, record in made_up(COUNT):
        found.append({**record, "stream": stream.value, "seq": numbers[stream.value]})
        numbers[stream.value] += 1
    return tuple(sorted(found, key=place, reverse=True))


def place(record: Mapping[str, Any]) -> tuple[int, str, int]:
    return microseconds(record["timestamp"]), record["stream"], record["seq"]


def shown(records: Any) -> list[Record]:
    """Without the ids, which are made anew each time."""
    return [{name: value for name, value in r.items() if name != "id"} for r in records]


def every_page(search: Search, query: str, limit: int, window: Window = ALWAYS) -> list[Record]:
    found, cursor = list[Record](), None
    while True:
        page = search.page(parse(query), window, cursor=cursor, limit=limit)
        assert (page.partial, page.missing) == (False, ())
        found += page.records
        cursor = page.next
        if cursor is None:
            return found
        assert len(page.records) == limit


QUERIES: Final[Mapping[str, Callable[[Record], bool]]] = {
    "": lambda r: True,
    "level:error": lambda r: r["level"] == "error",
    "stream:ops event:request": lambda r: (r["stream"], r["event"]) == ("ops", "request"),
    "status:404": lambda r: r.get("status") == 404,
    'status:"odd" OR status:503': lambda r: r.get("status") in ("odd", 503),
    "status:>=400": lambda r: isinstance(r.get("status"), int) and r["status"] >= 400,
    "-status:200": lambda r: r.get("status") != 200,
    "duration_ms:>100": lambda r: r.get("duration_ms", 0) > 100,
    "user_id:u-eve level:warning": lambda r: (r.get("user_id"), r["level"]) == ("u-eve", "warning"),
    "ip_address:10.0.0.0/8": lambda r: r.get("ip_address") == "10.1.2.3",
    'ip_address:"unix:"': lambda r: r.get("ip_address") == "unix:",
    "ärger": lambda r: r.get("filename") == "ÄRGER.txt",
    "report": lambda r: r.get("filename") == "Report.pdf",
    "-scan": lambda r: r.get("filename") != "scan 7.pdf",
    "scan OR ärger": lambda r: r.get("filename") in ("scan 7.pdf", "ÄRGER.txt"),
    "filename:*.pdf": lambda r: str(r.get("filename")).endswith(".pdf"),
    'filename:"a*b.txt"': lambda r: r.get("filename") == "a*b.txt",
    "aborted:false": lambda r: r.get("aborted") is False,
    "extra.invoice:3": lambda r: r.get("extra", {}).get("invoice") == 3,
    "example": lambda r: "Ms Example" in r.get("extra", {}).get("to", ()),
    "file_size_bytes:9223372036854775808": lambda r: r.get("file_size_bytes") == 2**63,
    "count:700..720": lambda r: 700 <= r["count"] <= 720,
    "request_id:019b7746-6000-739b-aea5-000000000007": lambda r: r["count"] // 4 == 7,
    "event:nothing": lambda r: False,
}


@pytest.mark.parametrize("query", QUERIES)
def test_pages_have_each_match_once_newest_first(search: Search, query: str) -> None:
    wanted = [record for record in expected() if QUERIES[query](record)]
    limit = max(7, len(wanted) // 4)
    found = every_page(search, query, limit)
    assert shown(found) == shown(wanted)


@pytest.mark.parametrize(
    "window",
    [
        Window(start=START + 200 * SECOND),
        Window(end=START + 200 * SECOND),
        Window(START + 100 * SECOND, START + 150 * SECOND),
        Window(START + 100 * SECOND, START + 100 * SECOND),
    ],
)
def test_a_window_has_its_start_inside_and_its_end_outside(search: Search, window: Window) -> None:
    wanted = [record for record in expected() if window.covers(place(record)[0], place(record)[0])]
    assert shown(every_page(search, "", 1_000, window)) == shown(wanted)
    assert search.count(parse(""), window) == (len(wanted), True)


@pytest.mark.parametrize("query", QUERIES)
def test_counts_by_time_and_level(search: Search, query: str) -> None:
    wanted = [record for record in expected() if QUERIES[query](record)]
    assert search.count(parse(query), ALWAYS) == (len(wanted), True)
    for bars in (5, 60):
        told = search.histogram(parse(query), ALWAYS, bars=bars)
        assert not told.partial
        assert len(told.bars) <= bars
        counted = Counter(
            (place(record)[0] // told.width * told.width, record["level"]) for record in wanted
        )
        assert {
            (bar.start, level): n for bar in told.bars for level, n in bar.levels.items()
        } == counted


FIELDS: Final = (
    "event", "level", "stream", "status", "ip_address", "filename", "user_id", "aborted",
)  # fmt: skip


@pytest.mark.parametrize("query", ["", "level:error", "ärger"])
def test_the_most_frequent_values(search: Search, query: str) -> None:
    for field in FIELDS:
        counted = Counter(
            str(r[field]).lower() if isinstance(r[field], bool) else str(r[field])
            for r in expected()
            if QUERIES[query](r) and field in r
        )
        wanted = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        told = search.facet(parse(query), ALWAYS, field, limit=100)
        assert (list(told.values), told.partial) == (wanted, False)
        assert list(search.facet(parse(query), ALWAYS, field, limit=2).values) == wanted[:2]
        begun = [one for one in wanted if one[0].lower().startswith("a")]
        assert list(search.facet(parse(query), ALWAYS, field, prefix="A").values) == begun


@pytest.mark.parametrize("query", ["", "event:request", "level:info status:200"])
def test_how_long_things_took(search: Search, query: str) -> None:
    matches: Callable[[Record], bool] = {
        "": lambda r: True,
        "event:request": lambda r: r["event"] == "request",
        "level:info status:200": lambda r: (r["level"], r.get("status")) == ("info", 200),
    }[query]
    told = search.percentiles(parse(query), ALWAYS, (0.5, 0.9, 1))
    durations: dict[str, list[float]] = {}
    for record in expected():
        if matches(record) and "duration_ms" in record:
            durations.setdefault(record["event"], []).append(record["duration_ms"])
    assert told.counts == {event: len(values) for event, values in durations.items()}
    for event, values in durations.items():
        values.sort()
        for share, value in zip((0.5, 0.9, 1), told.events[event], strict=True):
            exact = values[max(0, -int(-share * len(values) // 1) - 1)]
            assert value == pytest.approx(exact, rel=0.0101)


def test_each_record_by_its_id(search: Search) -> None:
    for record in every_page(search, "count:700..703 OR count:3 OR count:799", 10):
        assert search.record(record["id"]) == record
    assert search.record("019b7746-6000-739b-aea5-966c26f8ad91") is None
    assert search.record("no-such-id") is None


def test_the_records_of_a_request_oldest_first(search: Search) -> None:
    wanted = [r for r in reversed(expected()) if r["count"] // 4 == 70]
    request_id = wanted[0]["request_id"]
    assert shown(search.of_request(request_id)) == shown(wanted)
    assert shown(search.of_request(request_id, limit=2)) == shown(wanted[:2])
    assert search.of_request("019b7746-6000-739b-aea5-966c26f8ad91") == []


def test_what_was_before_and_after_in_time(search: Search) -> None:
    oldest_first = expected()[::-1]
    for at in (0, 3, 500, COUNT - 1):
        before, after = search.neighbours(oldest_first[at], limit=4)
        assert shown(before) == shown(oldest_first[max(0, at - 4) : at])
        assert shown(after) == shown(oldest_first[at + 1 : at + 5])


@pytest.mark.parametrize("limit", [40, 10_000])
def test_tailing_from_the_beginning_has_every_match_once(search: Search, limit: int) -> None:
    positions = dict.fromkeys(search.positions(), 0)
    found: list[Record] = []
    for _ in range(200):
        if positions == search.positions():
            break
        records, positions = search.after(positions, parse("level:warning"), limit=limit)
        found += records
    wanted = [r for r in expected() if r["level"] == "warning"]
    assert sorted(map(place, found)) == sorted(map(place, wanted))
    assert search.after(positions, parse("")) == ([], positions)
