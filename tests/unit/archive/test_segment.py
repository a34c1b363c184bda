"""A segment gives back the records that were written into it, whatever is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.audit.archive.compare import first_difference
from strongroom.audit.archive.filters import candidates
from strongroom.audit.archive.index import Segment, enter, segment_of
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.archive.writing import SegmentWriter
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal, decode
from strongroom.audit.journal.tables import journal as table
from strongroom.errors import Corrupt
from strongroom.store import Store
from tests.unit.making import audit_record, ops_record

ODD: list[dict[str, Any]] = [
    {"filename": "nul\0 bidi\u202e emoji \U0001f600 quote ' \" \\"},
    {"ip_address": "2001:db8::7", "peer_address": "192.0.2.7"},
    {"ip_address": "not an address", "request_id": "not-a-uuid", "status": "two hundred"},
    {"ip_address": "2001:DB8::7", "user_id": 7, "count": 2**63, "duration_ms": -0.5},
    {"aborted": "yes", "exception": [{"exc_type": "E", "frames": [{"name": "f"}]}]},
    {"extra": {"deep": [{"er": "text"}], "n": 1.5, "none": None}, "folder": None},
    {"unknown": {"a": 1}, "rest": "field", "more_text": "field"},
    {"duration_ms": 12, "count": -(2**63), "bytes_in": 0, "bytes_out": 2**63 - 1},
    {"filename": "", "path": "/" + "x" * 20_000},
]


def fill(journal: Journal, stream: Stream, count: int) -> None:
    make = audit_record if stream is Stream.AUDIT else ops_record
    records = [make(**ODD[number % len(ODD)]) for number in range(count)]
    if stream is Stream.AUDIT:
        journal.append(records)
    else:
        for record in records:
            journal.enqueue(record)


def rows_of(store: Store, stream: Stream) -> list[Any]:
    store.write(lambda _: None)
    wanted = select(table).where(table.c.stream == stream.value).order_by(table.c.seq)
    with store.read() as connection:
        return list(connection.execute(wanted).all())


def write(store: Store, stream: Stream, rows: list[Any]) -> Segment:
    draft = SegmentWriter(archive_folder(store)).write(stream.value, 0, rows)
    draft.publish()
    store.write(lambda connection: enter(connection, draft.sealed))
    return draft.sealed.segment


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_read_back(store: Store, journal: Journal, stream: Stream) -> None:
    fill(journal, stream, 768)
    rows = rows_of(store, stream)
    about = write(store, stream, rows)
    with ArchiveReader(archive_folder(store)) as reader:
        assert list(reader.records(about, 0, 768)) == [decode(row) for row in rows]
        found = list(reader.rows(about, 255, 258))
        assert [decode(row) for row in found] == [decode(row) for row in rows[255:258]]
        exact = ("entry", "content", "content_salt", "network", "network_salt", "timestamp", "id")
        for row, stored in zip(found, rows[255:258], strict=True):
            for name in exact if stream is Stream.AUDIT else ("timestamp", "id", "request_id"):
                assert getattr(row, name) == getattr(stored, name)
    with store.read() as connection:
        assert segment_of(connection, stream.value, 767) == about
        assert segment_of(connection, stream.value, 768) is None
    assert about.has_rest
    assert about.bytes == sum(path.stat().st_size for path in about.files(archive_folder(store)))


def test_filters_know_what_is_there(store: Store, journal: Journal) -> None:
    fill(journal, Stream.OPS, 30)
    write(store, Stream.OPS, rows_of(store, Stream.OPS))
    for field, value in (
        ("ip_address", "2001:db8::7"),
        ("ip_address", "not an address"),
        ("ip_address", "2001:DB8::7"),  # stands in "rest", in its own spelling
        ("user_id", "7"),
        ("target_user_id", "7"),  # has the filter of user_id
        ("filename", ODD[0]["filename"]),
        ("filename", ""),
    ):
        with store.read() as connection:
            assert candidates(connection, {field: [value]}) == {("ops", 0)}, (field, value)
    with store.read() as connection:
        assert candidates(connection, {"filename": ["other"]}) == set()
        assert candidates(connection, {"filename": ["other", ""]}) == {("ops", 0)}
        assert candidates(connection, {"user_id": ["7"], "filename": ["other"]}) == set()
        assert candidates(connection, {"status": ["200"]}) is None  # no filter knows
        assert candidates(connection, {"session_id": ["x"]}) == set()


def test_without_a_filter_anything_may_be_there(store: Store, journal: Journal) -> None:
    fill(journal, Stream.OPS, 30)
    write(store, Stream.OPS, rows_of(store, Stream.OPS))
    store.write(lambda connection: connection.exec_driver_sql("DELETE FROM segment_filter"))
    with store.read() as connection:
        assert candidates(connection, {"filename": ["other"]}) == {("ops", 0)}


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_any_column_altered_shows(store: Store, journal: Journal, stream: Stream) -> None:
    fill(journal, stream, 256)
    rows = rows_of(store, stream)
    about = write(store, stream, rows)
    records = [decode(row) for row in rows]
    with ArchiveReader(archive_folder(store)) as reader:
        parquet = reader.parquet(about)
        names = [name for name in parquet.held() if "salt" not in name and name != "content"]
        found = [row for some in parquet.rows(0, 256, names) for row in some]
    assert first_difference(names, found, records) is None
    assert first_difference(names, found[:-1], records) == 255
    for column, name in enumerate(names):
        if name == "network":
            continue  # its bytes are compared with their digests
        place = next(at for at, row in enumerate(found) if row[column] is not None)
        altered = list(found)
        altered[place] = (*found[place][:column], None, *found[place][column + 1 :])
        assert first_difference(names, altered, records) == place, name


def test_missing_record_is_refused(store: Store, journal: Journal) -> None:
    fill(journal, Stream.OPS, 10)
    rows = rows_of(store, Stream.OPS)
    with pytest.raises(Corrupt, match="record 4 is missing"):
        SegmentWriter(archive_folder(store)).write("ops", 0, [*rows[:4], *rows[5:]])
    assert not [path for path in archive_folder(store).rglob("*") if path.is_file()]


def test_damaged_files_are_told(store: Store, journal: Journal) -> None:
    fill(journal, Stream.AUDIT, 256)
    about = write(store, Stream.AUDIT, rows_of(store, Stream.AUDIT))
    parquet, entries = about.files(archive_folder(store))

    def read() -> None:
        with ArchiveReader(archive_folder(store)) as reader:
            list(reader.rows(about, 0, 256))

    read()
    for path in (parquet, entries):
        content = path.read_bytes()
        for harm in (content[:-1], content[: len(content) // 2], b""):
            path.write_bytes(harm)
            with pytest.raises(Corrupt, match=path.name):
                read()
        path.unlink()
        with pytest.raises(Corrupt, match="missing"):
            read()
        path.write_bytes(content)
    read()


def test_two_databases_in_one_folder(tmp_path: Path) -> None:
    one, other = Store(f"sqlite:///{tmp_path}/a.db"), Store(f"sqlite:///{tmp_path}/b.db")
    assert archive_folder(one) != archive_folder(other)
