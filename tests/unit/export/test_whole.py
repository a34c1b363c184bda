"""An export has what the pages have, in their order, whatever happens to the records meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.export import Export, export_turns, exporting, order
from strongroom.audit.export.formats import Ndjson
from strongroom.audit.export.turns import AT_ONCE
from strongroom.audit.journal import Journal
from strongroom.audit.journal.people import People
from strongroom.audit.query import Search, parse
from strongroom.audit.query.search import live, matches
from strongroom.audit.retention import Rules
from strongroom.errors import ServerFault
from strongroom.store import Store
from tests.unit.export.exported import ALWAYS, export_of, exported, lines, paged
from tests.unit.making import ops_record
from tests.unit.retention.sealed import DAY, history, of, prune
from tests.unit.sealing.sealed import Log
from tests.unit.search.laying import Layout, append, lay, made_up, seal

QUERIES = ("", "level:warning", "ärger", "user_id:u-ada -status:200", "stream:ops count:<100")


@pytest.fixture
def search(store: Store, journal: Journal) -> Iterator[Search]:
    search = Search(store, deadline=60)
    yield search
    search.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Three segments of the streams audit and ops, and some records in the journal."""
    made = history(tmp_path)
    yield made
    made.store.close()


def ops(store: Store, journal: Journal, first: int, count: int) -> None:
    records = [ops_record(count=number) for number in range(first, first + count)]
    append(store, journal, Stream.OPS, records)


@pytest.mark.parametrize("layout", Layout)
def test_it_equals_the_pages(
    store: Store, search: Search, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small pieces and files that do not fit into memory, so that everything is put together.
    monkeypatch.setattr(live, "CHUNK", 100)
    monkeypatch.setattr(matches, "BATCH", 32)
    monkeypatch.setattr(order, "IN_MEMORY", 1)
    store.write(lambda connection: People(store).put(connection, "u-ada", "Ada"))
    lay(store, made_up(500), layout)
    for query in QUERIES:
        wanted = paged(search, query)
        assert exported(store, search, query) == wanted
        assert wanted, query
    assert any(record.get("user") == "Ada" for record in paged(search))


def test_nothing_is_an_export_too(store: Store, search: Search) -> None:
    assert exported(store, search) == []


def test_it_has_what_was_there_when_it_began(
    store: Store, journal: Journal, search: Search
) -> None:
    ops(store, journal, 0, 20)
    export = export_of(store, search)
    ops(store, journal, 20, 20)
    found = lines(b"".join(export.blocks()))
    assert [record["count"] for record in found] == list(range(19, -1, -1))


def test_records_that_are_sealed_meanwhile_come_once(
    store: Store, journal: Journal, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHUNK", 16)
    monkeypatch.setattr(exporting, "BLOCK", 1)
    ops(store, journal, 0, 100)
    blocks = export_of(store, search).blocks()
    first = next(blocks)
    seal(store, Stream.OPS)
    found = lines(first + b"".join(blocks))
    assert [record["count"] for record in found] == list(range(99, -1, -1))


def test_what_is_pruned_meanwhile_is_said_to_be_missing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BLOCK", 1)
    search = Search(log.store, deadline=60)
    whole = paged(search, "stream:ops")
    export = export_of(log.store, search, "stream:ops")
    blocks = export.blocks()
    first = next(blocks)
    assert len(prune(log, of(Stream.OPS))) == 3
    found = lines(first + b"".join(blocks))
    assert found == whole[: len(found)]
    assert 0 < len(found) < len(whole) == 90
    assert export.missing == [
        "records 30 to 59 of the stream ops: pruned meanwhile",
        "records 0 to 29 of the stream ops: pruned meanwhile",
    ]
    search.close()


def test_what_is_forgotten_meanwhile_does_not_leave(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BLOCK", 1)
    search = Search(log.store, deadline=60)
    query = "event:file_uploaded"
    whole = paged(search, query)
    export = export_of(log.store, search, query)
    blocks = export.blocks()
    first = next(blocks)
    prune(log, Rules(network_age=DAY))
    found = lines(first + b"".join(blocks))
    assert [record["id"] for record in found] == [record["id"] for record in whole]
    assert export.missing == []
    assert all("ip_address" in record for record in whole)
    assert "ip_address" not in found[-1]
    search.close()


@pytest.mark.parametrize("damage", ["removed", "overwritten"])
def test_a_damaged_segment_is_said_to_be_missing(
    store: Store, journal: Journal, search: Search, damage: str
) -> None:
    for part in range(3):
        ops(store, journal, part * 10, 10)
        seal(store, Stream.OPS)
    file = archive_folder(store) / "segments" / "ops" / "000000000010.g1.parquet"
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(b"\xff" * file.stat().st_size)
    export = export_of(store, search)
    found = lines(b"".join(export.blocks()))
    assert [record["count"] for record in found] == [*range(29, 19, -1), *range(9, -1, -1)]
    (missing,) = export.missing
    assert "10 to 19 of the stream ops" in missing


# Bounds


def test_it_is_cut_off_at_its_deadline(store: Store, journal: Journal, search: Search) -> None:
    ops(store, journal, 0, 600)
    export = Export(store, search.matches(parse(""), ALWAYS), Ndjson(), seconds=-1)
    with pytest.raises(ServerFault) as cut:
        list(export.blocks())
    assert cut.value.reason == "export_too_slow"


def test_only_so_many_run_at_once(store: Store) -> None:
    turns = [export_turns(store) for _ in range(AT_ONCE)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(ServerFault) as refused, export_turns(store):
        pass
    assert (refused.value.reason, refused.value.status) == ("export_busy", 503)
    turns[0].__exit__(None, None, None)
    with export_turns(store):
        pass
    turns[1].__exit__(None, None, None)


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
def test_nothing_is_left_of_one_that_ends_early_or_of_a_crash(
    store: Store, journal: Journal, search: Search, kind: str
) -> None:
    ops(store, journal, 0, 10)
    place = store.path.with_name(store.path.name + ".exports")
    crashed = place / "crashed"
    crashed.mkdir(parents=True)
    (crashed / "lines.ndjson").write_bytes(b"{}")
    blocks = export_of(store, search, kind=kind).blocks()
    assert next(blocks)
    assert [path.name for path in place.iterdir()] != []
    assert not crashed.exists()
    blocks.close()
    assert list(place.iterdir()) == []


def test_another_export_goes_on_beside_it(
    store: Store, journal: Journal, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BLOCK", 1)
    ops(store, journal, 0, 50)
    pair = [export_of(store, search).blocks() for _ in range(2)]
    one, other = (lines(b"".join(half)) for half in zip(*zip(*pair, strict=True), strict=True))
    assert one == other == exported(store, search)
    assert len(list(chain(one, other))) == 100
