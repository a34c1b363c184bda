"""A segment without some parts of its records is the same segment otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit.archive.filters import candidates
from strongroom.audit.archive.index import Segment, segments
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.readers import reading, remove_unread
from strongroom.audit.archive.rewriting import replace, rewrite
from strongroom.audit.events import Stream
from strongroom.audit.ledger.verify import Trust, verify
from strongroom.errors import Corrupt
from tests.unit.sealing.sealed import KEY, Log

TRUST = Trust.given([KEY.verifier])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'log.db'}")
    made.fill(256, 50)
    made.seal_all()
    made.sign()
    yield made
    made.store.close()


def only(log: Log, stream: Stream) -> Segment:
    with log.store.read() as connection:
        [about] = segments(connection, stream.value)
    return about


def files(log: Log) -> set[str]:
    return {path.name for path in archive_folder(log.store).rglob("*.parquet")}


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        (("network",), {"ip_address"}),
        (("content",), {"filename", "extra"}),
        (("content", "network"), {"ip_address", "filename", "extra"}),
    ],
)
def test_parts_of_some_records(log: Log, parts: tuple[str, ...], gone: set[str]) -> None:
    before = log.records(Stream.AUDIT)
    about = only(log, Stream.AUDIT)
    draft = rewrite(archive_folder(log.store), about, {3: parts, 200: parts})
    replaced = replace(log.store, about, draft, log.record)
    log.sign()
    assert replaced == only(log, Stream.AUDIT)
    assert (replaced.generation, replaced.rows) == (2, 256)
    for old, new in zip(before, log.records(Stream.AUDIT), strict=False):
        left_out = gone if old["seq"] in (3, 200) else set()
        assert new == {name: value for name, value in old.items() if name not in left_out}
    asked = []

    def is_forgotten(seq: int, part: str) -> bool:
        asked.append((seq, part))
        return True

    report = verify(log.store, trust=TRUST, is_forgotten=is_forgotten)
    assert report.holds, report.failure
    assert sorted(asked) == sorted((seq, part) for seq in (3, 200) for part in parts)


def test_fields_of_records_without_parts(log: Log) -> None:
    about = only(log, Stream.OPS)
    draft = rewrite(archive_folder(log.store), about, lambda seq: ("content",) if seq == 7 else ())
    replace(log.store, about, draft, log.record)
    found = log.records(Stream.OPS)
    assert "path" not in found[7]
    assert found[7]["status"] == 200
    assert found[8]["path"] == "/8"
    log.sign()
    assert verify(log.store, trust=TRUST).holds


def test_filters_do_not_know_what_is_gone(log: Log) -> None:
    about = only(log, Stream.AUDIT)

    def may_hold(address: str) -> bool:
        with log.store.read() as connection:
            return bool(candidates(connection, {"ip_address": [address]}))

    assert may_hold("192.0.2.7")
    drop = {
        one["seq"]: ("network",) for one in log.records(Stream.AUDIT) if one["count"] % 200 == 7
    }
    replace(log.store, about, rewrite(archive_folder(log.store), about, drop), log.record)
    assert may_hold("192.0.2.8")
    assert not may_hold("192.0.2.7")


def test_what_was_changed_meanwhile_is_not_replaced(log: Log) -> None:
    about = only(log, Stream.OPS)
    first = rewrite(archive_folder(log.store), about, {1: ("content",)})
    other = rewrite(archive_folder(log.store), about, {2: ("content",)})
    replace(log.store, about, first, log.record)
    with pytest.raises(Corrupt):
        replace(log.store, about, other, log.record)


def test_the_old_file_goes_when_nobody_reads_it(log: Log) -> None:
    about = only(log, Stream.OPS)
    draft = rewrite(archive_folder(log.store), about, {1: ("content",)})
    with reading(log.store), reading(log.store):
        replace(log.store, about, draft, log.record)
        assert about.path(archive_folder(log.store)).exists()
        log.sealer.tidy()
        assert about.path(archive_folder(log.store)).exists()
    log.sealer.tidy()
    assert files(log) == {
        "000000000000.g1.parquet",
        "000000000000.g2.parquet",
    }  # audit's, and its own
    assert not about.path(archive_folder(log.store)).exists()


def test_a_verification_is_such_a_reader(log: Log) -> None:
    """Else one that meets a pruning would say that a segment is missing."""
    seen: list[bool] = []
    path = archive_folder(log.store) / "nothing"
    path.touch()
    asker = threading.Thread(target=lambda: seen.append(remove_unread(log.store, [path])))

    def ask(_progress: object) -> None:
        if not asker.is_alive() and not seen:
            asker.start()
            asker.join()

    assert verify(log.store, trust=TRUST, progress=ask).holds
    assert seen == [False]
    assert remove_unread(log.store, [path])
    assert not path.exists()
