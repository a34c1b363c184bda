"""Searches among others, against the clock, over damaged files, after a fork, and while records move."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.query import Search, Window, parse
from strongroom.audit.query.search import live
from strongroom.audit.query.search.engine import Deadline, Engine, TimeUp
from strongroom.audit.query.search.slots import SLOTS, Slots
from strongroom.errors import ServerFault
from strongroom.store import Store
from tests.unit.making import audit_record, ops_record
from tests.unit.search.laying import Layout, append, lay, made_up, seal

ALWAYS = Window()
SLOW = (
    "SELECT count(*) FROM range(100_000_000_000) AS a, range(10) AS b WHERE a.range % 7 = b.range"
)


@pytest.fixture
def search(store: Store, journal: Journal) -> Iterator[Search]:
    search = Search(store, deadline=30)
    yield search
    search.close()


def numbers(search: Search, query: str = "") -> list[int]:
    page = search.page(parse(query), ALWAYS, limit=1_000)
    assert not page.partial
    return [record["count"] for record in page.records]


def ops(store: Store, journal: Journal, first: int, count: int) -> None:
    records = [ops_record(count=number) for number in range(first, first + count)]
    append(store, journal, Stream.OPS, records)


# Among others


def test_only_so_many_search_at_once(store: Store, search: Search, journal: Journal) -> None:
    ops(store, journal, 0, 10)
    path = store.path.with_name(store.path.name + ".searching")
    others = Slots(path)
    with others.held(0), others.held(0), pytest.raises(ServerFault) as refused:
        search.with_deadline(0.1).page(parse(""), ALWAYS)
    assert (refused.value.reason, refused.value.status) == ("search_busy", 503)
    assert len(numbers(search)) == 10


def _hold(path: Path, held: multiprocessing.synchronize.Event, seconds: float) -> None:
    with Slots(path).held(5):
        held.set()
        time.sleep(seconds)


def test_places_are_shared_by_processes_and_given_back_when_one_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path, held = tmp_path / "slots", [context.Event() for _ in range(SLOTS)]
    others = [context.Process(target=_hold, args=(path, event, 60)) for event in held]
    for other in others:
        other.start()
    for event in held:
        assert event.wait(30)
    slots = Slots(path)
    with pytest.raises(ServerFault), slots.held(0.05):
        pass
    others[0].kill()
    others[0].join()
    with slots.held(5), pytest.raises(ServerFault), slots.held(0.05):
        pass
    others[1].kill()
    others[1].join()


def test_who_waits_gets_a_place_that_is_given_back(tmp_path: Path) -> None:
    slots, done = Slots(tmp_path / "slots", count=1), list[int]()

    def work(number: int) -> None:
        with slots.held(30):
            done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(8))


# Against the clock, and against the limit of memory


def test_what_hangs_is_interrupted_and_the_engine_goes_on(tmp_path: Path) -> None:
    one = Engine(tmp_path)
    with pytest.raises(TimeUp):
        one.rows(SLOW, [], 0.05)
    assert one.rows("SELECT 1", [], 5) == [(1,)]
    one.close()


def test_what_needs_too_much_memory_is_refused_and_the_engine_goes_on(tmp_path: Path) -> None:
    one = Engine(tmp_path, memory_bytes=32 * 2**20)
    wanted = "SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(5_000_000)"
    with pytest.raises(ServerFault) as refused:
        one.rows(wanted, [], 60)
    assert (refused.value.reason, refused.value.status) == ("search_too_large", 503)
    assert one.rows("SELECT 1", [], 5) == [(1,)]
    one.close()


def test_a_deadline_passes() -> None:
    assert Deadline(-1).passed
    assert not Deadline(60).passed


# Files


@pytest.mark.parametrize("damage", ["removed", "cut", "emptied", "overwritten"])
def test_a_damaged_segment_hides_no_other_and_is_named(
    store: Store, journal: Journal, search: Search, damage: str
) -> None:
    for part in range(3):
        ops(store, journal, part * 10, 10)
        seal(store, Stream.OPS)
    ops(store, journal, 30, 10)
    file = archive_folder(store) / "segments" / "ops" / "000000000010.g1.parquet"
    content = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(
            {
                "cut": content[:-40],
                "emptied": b"",
                "overwritten": content[:100] + b"\xff" * (len(content) - 100),
            }[damage]
        )
    page = search.page(parse(""), ALWAYS, limit=100)
    found = [record["count"] for record in page.records]
    assert found == [*range(39, 19, -1), *range(9, -1, -1)]
    (missing,) = page.missing
    assert "10 to 19 of the stream ops" in missing
    assert search.count(parse("count:>=0"), ALWAYS) == (30, False)
    facet = search.facet(parse("count:>=0"), ALWAYS, "count", limit=50)
    assert (len(facet.values), len(facet.missing)) == (30, 1)


def test_segments_with_fewer_columns_are_searched_with_the_others(
    store: Store, journal: Journal, search: Search
) -> None:
    ops(store, journal, 0, 10)
    seal(store, Stream.OPS)
    ops(store, journal, 10, 10)
    seal(store, Stream.OPS)
    for first in (0, 10):
        file = archive_folder(store) / "segments" / "ops" / f"{first:012}.g1.parquet"
        draft = file.with_suffix(".new")
        duckdb.execute(
            f"COPY (SELECT * EXCLUDE ({'filename' if first else 'sha256, folder'}) "
            f"FROM '{file}') TO '{draft}' (FORMAT parquet)"
        )
        draft.replace(file)
        assert numbers(search, "-filename:x -sha256:x") == list(range(19, -1, -1))
        assert numbers(search, "filename:x") == []


# While records move


def test_sealing_between_two_pages_shows_each_record_once(
    store: Store, journal: Journal, search: Search
) -> None:
    ops(store, journal, 0, 300)
    found, cursor = list[int](), None
    while True:
        page = search.page(parse(""), ALWAYS, cursor=cursor, limit=40)
        found += [record["count"] for record in page.records]
        cursor = page.next
        if cursor is None:
            break
        ops(store, journal, 1_000 + len(found), 3)
        seal(store, Stream.OPS)
    assert found == list(range(299, -1, -1))


def test_searches_while_a_sealer_runs_see_everything_once(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHUNK", 64)
    appended, stop = 0, threading.Event()

    def seal_on() -> None:
        while not stop.is_set():
            seal(store, Stream.OPS)

    sealer = threading.Thread(target=seal_on)
    sealer.start()
    search = Search(store, deadline=60)
    try:
        for _ in range(25):
            ops(store, journal, appended, 37)
            appended += 37
            assert numbers(search) == list(range(appended - 1, -1, -1))[:1_000]
            assert search.count(parse("count:>=0"), ALWAYS) == (appended, True)
    finally:
        stop.set()
        sealer.join()
        search.close()


def test_many_threads_search_one_engine(store: Store, journal: Journal) -> None:
    lay(store, made_up(600), Layout.SPLIT)
    search, wrong = Search(store, deadline=60), list[object]()
    expected = {query: numbers(search, query) for query in ("", "level:warning", "ärger")}

    def work() -> None:
        for query, wanted in expected.items():
            found = numbers(search, query)
            if found != wanted:
                wrong.append((query, found))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    search.close()


# Processes


def test_a_child_of_a_fork_searches_for_itself_and_the_parent_goes_on(
    store: Store, journal: Journal, search: Search
) -> None:
    ops(store, journal, 0, 20)
    seal(store, Stream.OPS)
    ops(store, journal, 20, 20)
    assert len(numbers(search)) == 40
    child = os.fork()
    if child == 0:
        try:
            code = 0 if len(numbers(search)) == 40 else 1
        except BaseException:  # noqa: BLE001  # whatever it is, the parent must hear of it
            code = 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ops(store, journal, 40, 5)
    assert len(numbers(search)) == 45


def test_forks_while_others_search(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHUNK", 64)
    ops(store, journal, 0, 300)
    search, stop, failed = Search(store, deadline=60), threading.Event(), list[str]()

    def search_on() -> None:
        while not stop.is_set():
            if len(numbers(search)) < 300:
                failed.append("a record is missing")

    threads = [threading.Thread(target=search_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    codes = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            os._exit(0 if number % 2 or len(numbers(search)) >= 300 else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        if number == 3:
            seal(store, Stream.OPS)
    stop.set()
    for thread in threads:
        thread.join()
    assert (codes, failed) == ([0] * 8, [])
    search.close()


def _search_elsewhere(database: str, count: int, told: multiprocessing.SimpleQueue[int]) -> None:
    store = Store(database)
    search, seen = Search(store, deadline=60), 0
    while seen < count:
        found = numbers(search)
        assert found == list(range(len(found) - 1, -1, -1))
        assert len(found) >= seen
        seen = len(found)
    told.put(seen)


def test_another_process_sees_what_is_committed_here(store: Store, journal: Journal) -> None:
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    database = f"sqlite:///{store.path}"
    other = context.Process(target=_search_elsewhere, args=(database, 400, told))
    other.start()
    search = Search(store, deadline=60)
    for first in range(0, 400, 40):
        ops(store, journal, first, 40)
        assert len(numbers(search)) == first + 40
        if first % 80 == 0:
            seal(store, Stream.OPS)
    other.join(60)
    assert (other.exitcode, told.get()) == (0, 400)
    search.close()


# Bounds


def test_no_more_unsealed_records_are_kept_than_allowed(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHUNK", 50)
    monkeypatch.setattr(live, "MAX_ROWS", 100)
    ops(store, journal, 0, 420)
    search = Search(store, deadline=60)
    for _ in range(2):
        found, cursor = list[int](), None
        while True:
            page = search.page(parse(""), ALWAYS, cursor=cursor, limit=60)
            found += [record["count"] for record in page.records]
            cursor = page.next
            if cursor is None:
                break
        assert found == list(range(419, -1, -1))
    tables = search.tables()
    assert len(tables) <= 420 // 50 + 1
    seal(store, Stream.OPS)
    assert len(numbers(search, "count:7")) == 1
    assert search.tables() == []
    search.close()


def test_a_row_that_no_column_takes_hides_no_other(
    store: Store, journal: Journal, search: Search
) -> None:
    journal.append([audit_record(count=number) for number in range(5)])
    with store.exclusively() as connection:
        connection.exec_driver_sql("UPDATE journal SET timestamp = 9e18, entry = 'x' WHERE seq = 2")
    records = search.page(parse(""), ALWAYS).records
    assert len(records) == 5
    assert sum("damaged" in record.get("extra", {}) for record in records) == 1
