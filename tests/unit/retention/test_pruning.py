"""Old segments go, the ledger says so, and everything else goes on as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from strongroom.audit.archive.index import read_heads
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.events.system import RecordsPruned
from strongroom.audit.journal.check import check_stream
from strongroom.audit.ledger.entries import sealed_before
from strongroom.audit.ledger.held import entries_between
from strongroom.audit.ledger.serve import ledger_blueprint
from strongroom.audit.ledger.tiles import subtree_root
from strongroom.audit.ledger.verify import verify_ledger
from strongroom.audit.merkle import leaf_hash, verify_checkpoint, verify_inclusion
from strongroom.audit.query import Search, Window, parse
from strongroom.audit.retention import KEEP_EVERYTHING, Pruner, Rules
from strongroom.audit.retention.rules import Rule
from strongroom.audit.shipping import Destination, Shipping
from strongroom.audit.shipping.cursors import move_cursor, open_cursors
from strongroom.errors import Corrupt
from tests.unit.retention.sealed import (
    DAY,
    SPANS,
    TRUST,
    failed,
    files,
    held,
    left,
    of,
    prune,
    pruner,
    spans,
    tomorrow,
    verified,
)
from tests.unit.sealing.sealed import KEY, Log


def recorded(log: Log, name: str) -> list[dict[str, Any]]:
    return [one for one in held(log, Stream.AUDIT) if one["event"] == name]


def test_nothing_goes_by_itself(log: Log) -> None:
    before = files(log)
    assert prune(log, KEEP_EVERYTHING) == []
    assert prune(log, Rules(max_age={Stream.AUDIT: 3 * DAY, Stream.OPS: 3 * DAY})) == []
    assert prune(log, Rules(max_bytes=dict.fromkeys(Stream, 10**9), network_age=3 * DAY)) == []
    assert files(log) == before


@pytest.mark.parametrize("stream", [Stream.AUDIT, Stream.OPS])
def test_what_is_old_goes(log: Log, stream: Stream) -> None:
    kept = log.records(stream)[SPANS[stream][-1][1] + 1 :]
    done = prune(log, of(stream))
    assert [(one.segment.first_seq, one.segment.last_seq) for one in done] == SPANS[stream]
    assert {one.rule for one in done} == {Rule.MAX_AGE}
    assert left(log, stream) == []
    assert not [name for name in files(log) if f"/{stream}/" in name]
    with log.store.read() as connection:
        head = read_heads(connection)[stream.value]
    assert head.pruned_through == head.sealed_through == SPANS[stream][-1][1] + 1
    assert held(log, stream)[: len(kept)] == kept
    report = verified(log)
    assert report.holds, report.failure
    assert verify_ledger(log.store, trust=TRUST).holds
    for each in Stream:
        check_stream(log.store, each, sealed_before)


def test_what_is_too_much_goes_oldest_first(log: Log) -> None:
    first, second, third = left(log, Stream.AUDIT)
    done = prune(log, Rules(max_bytes={Stream.AUDIT: second.bytes + third.bytes}))
    assert [one.segment for one in done] == [first]
    assert done[0].rule is Rule.MAX_BYTES
    done = prune(log, Rules(max_bytes={Stream.AUDIT: second.bytes + third.bytes - 1}))
    assert [one.segment for one in done] == [second]
    assert verified(log).holds


def test_each_pruning_is_recorded(log: Log) -> None:
    with log.store.read() as connection:
        root = subtree_root(connection, 0, 256).hex()
    prune(log, Rules(max_age={Stream.OPS: DAY}))
    prune(log, Rules(max_age={Stream.AUDIT: DAY}))
    said = [one["extra"] for one in recorded(log, RecordsPruned.event_name)]
    assert [(one["stream"], one["first_seq"], one["last_seq"]) for one in said] == [
        (stream.value, *span) for stream in (Stream.OPS, Stream.AUDIT) for span in SPANS[stream]
    ]
    assert said[3]["root"] == root
    assert said[3]["before"] == {"audit": 0, "imported": 0, "ops": 90}
    assert said[4]["before"]["audit"] == 256


def test_it_goes_on_after_it(log: Log) -> None:
    """Also when the records of the first prunings are pruned themselves."""
    for _ in range(4):
        prune(log, Rules(max_age={Stream.AUDIT: DAY, Stream.OPS: DAY}))
        log.fill(300, 30)
        log.seal_all()
        log.sign()
        report = verified(log)
        assert report.holds, report.failure
    assert left(log, Stream.AUDIT)[0].first_seq > 1_000


def test_proofs_of_pruned_records_still_verify(log: Log) -> None:
    entries = _entries(log, 0, 256)
    older = log.ledger.newest()
    prune(log, of(Stream.AUDIT))
    assert older is not None
    for seq in (0, 100, 255):
        proof = log.ledger.proof(seq)
        head = verify_checkpoint(proof.checkpoint, [KEY.verifier])
        verify_inclusion(seq, head.size, leaf_hash(entries[seq]), proof.hashes, head.root)
    assert log.ledger.proof(3, older).hashes


def _entries(log: Log, start: int, end: int) -> list[bytes]:
    with log.store.read() as connection:
        return entries_between(connection, start, end)


class Served:
    """A log as ``/ledger`` knows it."""

    def __init__(self, log: Log) -> None:
        self.store, self.ledger, self.log = log.store, log.ledger, log.record


def test_who_asks_for_the_entries_is_told(log: Log) -> None:
    prune(log, of(Stream.AUDIT))

    app = Flask(__name__)
    app.register_blueprint(ledger_blueprint(Served(log), lambda: True), url_prefix="/ledger")
    client = app.test_client()
    answer = client.get("/ledger/tile/entries/000")
    assert answer.status_code == 404
    assert answer.get_json(force=True)["reason"] == "entries_pruned"
    assert "records_pruned of 20" in answer.get_json(force=True)["detail"]
    assert client.get("/ledger/tile/0/000").status_code == 200
    assert client.get("/ledger/tile/entries/999").get_json(force=True)["reason"] == "tile_not_found"


def test_how_others_were_sealed_is_said_once_more(log: Log) -> None:
    """Else nobody could tell any more whether a segment that stays was altered."""
    prune(log, of(Stream.AUDIT))
    said = [one["extra"] for one in recorded(log, SegmentSealed.event_name)]
    again = [(one["first_seq"], one["last_seq"]) for one in said if one["stream"] == "ops"]
    assert sorted(again) == SPANS[Stream.OPS]
    assert verified(log).holds
    path = left(log, Stream.OPS)[0].path(archive_folder(log.store))
    path.write_bytes(path.read_bytes() + b"x")
    assert "segments" in failed(log)


def test_what_no_checkpoint_covers_stays(tmp_path: Path) -> None:
    log = Log(f"sqlite:///{tmp_path / 'unsigned.db'}", signed=False)
    log.fill(300, 30)
    log.seal_all()
    found = pruner(log, of(Stream.AUDIT)).plan()
    assert found.going == []
    assert [one.why for one in found.kept] == ["no signed checkpoint covers it"]
    log.store.close()


def test_what_is_not_what_was_signed_stays(log: Log) -> None:
    """Whoever altered it would else be rid of the evidence."""
    path = archive_folder(log.store) / "entries" / "000000000000.zip"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(Corrupt):
        prune(log, of(Stream.AUDIT))
    assert spans(left(log, Stream.AUDIT)) == SPANS[Stream.AUDIT]


def test_leftovers_go(log: Log) -> None:
    """A crash after the commit leaves files."""
    aside = {name: (archive_folder(log.store) / name).read_bytes() for name in files(log)}
    prune(log, of(Stream.AUDIT))
    for name, content in aside.items():
        (archive_folder(log.store) / name).write_bytes(content)
    pruner(log, KEEP_EVERYTHING).tidy()
    assert files(log) == sorted(name for name in aside if "/ops/" in name)


def test_a_search_that_knew_them_finds_them_no_more(log: Log) -> None:
    search = Search(log.store)

    def found() -> list[int]:
        numbers, cursor = list[int](), None
        while True:
            page = search.page(parse("stream:ops"), Window(), cursor=cursor, limit=50)
            assert not page.missing
            numbers += [record["seq"] for record in page.records]
            if page.next is None:
                return sorted(numbers)
            cursor = page.next

    first = search.page(parse("stream:ops"), Window(), cursor=None, limit=50)
    assert found() == list(range(90))
    total = sum(about.bytes for about in left(log, Stream.OPS))
    prune(log, Rules(max_bytes={Stream.OPS: total - 1}))
    assert found() == list(range(30, 90))
    rest = search.page(parse("stream:ops"), Window(), cursor=first.next, limit=50)
    assert [record["seq"] for record in rest.records] == list(range(39, 29, -1))
    search.close()


def test_what_was_not_shipped_is_kept(log: Log) -> None:
    destination = Destination("siem", "stdout", streams=(Stream.OPS,))
    log.store.write(lambda connection: open_cursors(connection, destination))
    shipping = Shipping(log.store, [destination], log.record)
    needed = Pruner(
        log.store, log.record, of(Stream.OPS), keeps_from=shipping.keeps_from, now=tomorrow
    )
    first, *_ = needed.plan().kept
    assert first.why == "was not shipped to every destination yet"
    assert needed.run() == []
    log.store.write(lambda connection: move_cursor(connection, "siem", Stream.OPS, 45, 0))
    assert spans([one.segment for one in needed.run()]) == [(0, 29)]
    log.store.write(lambda connection: move_cursor(connection, "siem", Stream.OPS, 90, 0))
    assert spans([one.segment for one in needed.run()]) == [(30, 59), (60, 89)]
