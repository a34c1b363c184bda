"""Verification: what holds, what it says of what does not, and what it takes to be trusted."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import LogVerified, SigningKeyChanged, VerificationFailed
from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger, Signed
from strongroom.audit.ledger.verify import (
    Outside,
    Progress,
    Report,
    State,
    Trust,
    outcome,
    read_outside,
    verify,
    verify_ledger,
)
from strongroom.audit.merkle import Checkpoint, SigningKey
from strongroom.errors import SettingsError, Unavailable
from strongroom.store import Store
from tests.unit.making import audit_record, ops_record

KEY = SigningKey("example.org/log", b"k" * 32)
NEW = SigningKey("example.org/log", b"n" * 32)
OTHER = SigningKey("example.org/log", b"o" * 32)
TRUST = Trust.given([KEY.verifier])
LONG_AGO = "2024-02-29T23:59:59.000001Z"


@pytest.fixture
def ledger(store: Store, journal: Journal) -> Ledger:
    return Ledger(store)


def append(journal: Journal, count: int, **fields: object) -> None:
    journal.append([audit_record(filename=f"{n}.txt", **fields) for n in range(count)])


def sign(ledger: Ledger, *keys: SigningKey) -> Signed:
    signed = ledger.advance(*(keys or (KEY,)))
    assert signed is not None
    return signed


def states(report: Report) -> dict[str, State]:
    return {verdict.name: verdict.state for verdict in report.verdicts}


def failing(report: Report) -> dict[str, tuple[int | None, str | None]]:
    return {verdict.name: (verdict.seq, verdict.reason) for verdict in report.failed}


def alter(store: Store, *statements: str) -> None:
    """Behind the product's back."""
    with sqlite3.connect(store.path, isolation_level=None) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_empty_log_holds(store: Store, ledger: Ledger) -> None:
    report = verify(store, trust=TRUST)
    assert report.holds
    assert (report.size, report.signed_size, report.warnings) == (0, 0, [])
    assert states(report)["checkpoints"] is State.NOT_APPLICABLE
    assert states(report)["tiles"] is State.NOT_APPLICABLE


@pytest.mark.parametrize("size", [1, 255, 256, 511, 512, 513, 1_400])
def test_what_was_recorded_and_signed_holds(store: Store, journal: Journal, size: int) -> None:
    ledger = Ledger(store)
    for count in (size // 2, size - size // 2):
        append(journal, count)
        ledger.advance(KEY)
    journal.enqueue(ops_record(path="/"))
    store.write(lambda connection: None)
    seen: list[Progress] = []
    report = verify(store, trust=TRUST, progress=seen.append)
    assert report.holds, report.failure
    assert report.size == report.signed_size == size
    assert seen[-1] == Progress(size, size)
    counts = {verdict.name: verdict.count for verdict in report.verdicts}
    assert {counts[name] for name in ("sequence", "entries", "columns", "ids", "parts")} == {size}
    assert counts["ops"] == 1
    alone = verify_ledger(store, trust=TRUST)
    assert states(alone) == {name: states(report)[name] for name in states(alone)}
    assert json.loads(json.dumps(report.as_json()))["holds"] is True


def test_one_state_is_seen_while_others_write(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 2_000)
    sign(ledger)

    def write_on(_progress: Progress) -> None:
        append(journal, 10)
        sign(ledger)

    report = verify(store, trust=TRUST, progress=write_on)
    assert report.holds, report.failure
    assert report.size == report.signed_size == 2_000
    after = verify(store, trust=TRUST)
    assert after.holds, after.failure
    assert after.size == after.signed_size > 2_000


def test_the_first_failing_record_of_each_check_is_named(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 1_500)
    sign(ledger)
    alter(
        store,
        "UPDATE journal SET content = x'7b7d' WHERE seq IN (700, 701, 1400)",
        "UPDATE journal SET level = 'debug' WHERE seq IN (800, 3)",
        "UPDATE journal SET entry = CAST(replace(CAST(entry AS TEXT), ',', ', ') AS BLOB) "
        "WHERE seq IN (900, 1300)",
    )
    failed = failing(verify(store, trust=TRUST))
    assert {name: seq for name, (seq, _) in failed.items()} == {
        "parts": 700,
        "columns": 3,
        "entries": 900,
        "tiles": 900,
        "head": None,
        "checkpoints": 1_500,
    }
    assert failed["columns"][1] == "the column level differs from the entry"
    assert failed["entries"][1] == "the entry is not canonical JSON"


def test_after_a_gap_everything_else_is_still_looked_at(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 600)
    sign(ledger)
    append(journal, 600)
    sign(ledger)
    alter(
        store,
        "DELETE FROM journal WHERE seq = 900",
        "UPDATE journal SET content = x'7b7d' WHERE seq = 1100",
    )
    failed = failing(verify(store, trust=TRUST))
    assert failed["sequence"][0] == 900
    assert failed["parts"][0] == 1_100
    assert failed["checkpoints"][0] == 1_200  # that of 600 records holds
    assert "signatures" not in failed
    assert "columns" not in failed


def test_text_that_is_no_utf8_fails_a_check_and_not_the_verification(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 3)
    sign(ledger)
    alter(
        store,
        "UPDATE journal SET event = CAST(x'ff' AS TEXT) WHERE seq = 1",
        "UPDATE ledger_key SET verifier_key = CAST(x'ff' AS TEXT)",
    )
    failed = failing(verify(store, trust=TRUST))
    assert failed["columns"] == (1, "the column event differs from the entry")
    assert "keys" in failed


def test_a_table_that_cannot_be_read_fails_its_checks_alone(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 3)
    sign(ledger)
    alter(store, "DROP TABLE ledger_tile")
    report = verify(store, trust=TRUST)
    assert failing(report).keys() == {
        "schema", "database", "tiles", "head", "keys", "signatures", "checkpoints", "against",
    }  # fmt: skip
    assert states(report)["parts"] is State.HOLDS
    alter(store, "DROP TABLE ledger_copy", "ALTER TABLE journal RENAME TO mislaid")
    assert "no such table" in str(verify(store, trust=TRUST).failure)


def test_records_may_wait_a_moment_for_their_signature(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 2)
    sign(ledger)
    append(journal, 1)
    report = verify(store, trust=TRUST)
    assert (report.holds, report.signed_size, report.warnings) == (True, 2, [])


def test_an_old_record_that_is_not_signed_is_told(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 2)
    sign(ledger)
    append(journal, 3, timestamp=LONG_AGO)
    report = verify(store, trust=TRUST)
    assert report.holds, report.failure
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("3 records are not signed yet, the first of them, 2,")


def test_never_signed_though_there_is_a_key(store: Store, journal: Journal) -> None:
    append(journal, 1)
    fresh = verify(store, trust=TRUST)
    assert fresh.holds, fresh.failure  # it will be signed in a second
    assert verify(store, trust=Trust.of_database()).holds


def test_long_not_signed_though_there_is_a_key(store: Store, journal: Journal) -> None:
    append(journal, 1, timestamp=LONG_AGO)
    assert failing(verify(store, trust=TRUST)) == {
        "keys": (0, "nothing was signed with the keys given")
    }
    nobodys = verify(store, trust=Trust.of_database())
    assert nobodys.holds
    assert nobodys.warnings


def test_whose_signatures_count(store: Store, journal: Journal, ledger: Ledger) -> None:
    append(journal, 3)
    sign(ledger)
    for trust in (TRUST, Trust.of_machine(KEY), Trust.of_database()):
        report = verify(store, trust=trust)
        assert report.holds, report.failure
        assert report.trust == trust.source
        assert report.keys == [KEY.verifier]
    assert failing(verify(store, trust=Trust.given([OTHER.verifier]))).keys() == {"keys"}
    assert verify(store, trust=Trust.given([OTHER.verifier, KEY.verifier])).holds


def test_a_new_key_must_be_named_under_the_old_ones_signature(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 3)
    sign(ledger)
    name = SigningKeyChanged.event_name
    journal.append([audit_record(event=name, verifier_key=str(NEW.verifier))])
    sign(ledger, NEW, KEY)
    append(journal, 3)
    sign(ledger, NEW)
    for keys in ([KEY.verifier], [NEW.verifier]):
        report = verify(store, trust=Trust.given(keys))
        assert report.holds, report.failure
    append(journal, 3)
    sign(ledger, OTHER, NEW)  # nobody named it
    assert failing(verify(store, trust=TRUST)).keys() == {"keys"}


@pytest.mark.parametrize("part", ["content", "network"])
def test_a_part_may_be_missing_only_with_a_licence(
    store: Store, journal: Journal, ledger: Ledger, part: str
) -> None:
    append(journal, 4)
    sign(ledger)
    alter(store, f"UPDATE journal SET {part} = NULL, {part}_salt = NULL WHERE seq = 2")
    assert failing(verify(store, trust=TRUST))["parts"][0] == 2
    licensed = {(2, part)}
    report = verify(store, trust=TRUST, is_forgotten=lambda *which: which in licensed)
    assert report.holds, report.failure
    alter(store, f"UPDATE journal SET {part}_salt = zeroblob(16) WHERE seq = 2")
    half = verify(store, trust=TRUST, is_forgotten=lambda *which: which in licensed)
    assert failing(half)["parts"][0] == 2


def test_an_unledgered_stream_must_be_dense(store: Store, journal: Journal) -> None:
    for number in range(4):
        journal.enqueue(ops_record(count=number))
    store.write(lambda connection: None)
    assert states(verify(store, trust=TRUST))["ops"] is State.HOLDS
    alter(store, "DELETE FROM journal WHERE stream = 'ops' AND seq = 2")
    assert failing(verify(store, trust=TRUST)) == {"ops": (2, "record 2 is missing; the next is 3")}
    covers = {verdict.name: verdict.covers for verdict in verify(store, trust=TRUST).verdicts}
    assert "no evidence" in covers[Stream.OPS]


# Checkpoints held elsewhere


def against(store: Store, *notes: bytes) -> dict[str, tuple[int | None, str | None]]:
    outside = [Outside(f"copy {number}", note) for number, note in enumerate(notes)]
    return failing(verify(store, trust=TRUST, against=outside))


def test_copies_of_any_age_fit(store: Store, journal: Journal, ledger: Ledger) -> None:
    notes = []
    for count in (1, 300, 256, 7):
        append(journal, count)
        notes.append(sign(ledger).note.to_bytes())
    append(journal, 5)
    assert against(store, *reversed(notes), notes[1]) == {}
    report = verify(store, trust=TRUST, against=[Outside("here", notes[0])])
    assert {v.name: v.count for v in report.verdicts}["against"] == 1


def test_copies_that_do_not_fit(store: Store, journal: Journal, ledger: Ledger) -> None:
    append(journal, 5)
    root = sign(ledger).root
    longer = Checkpoint(KEY.name, 6, b"r" * 32).sign(KEY).to_bytes()
    assert "6 records, which are not all here" in str(against(store, longer)["against"][1])
    rewritten = Checkpoint(KEY.name, 4, b"r" * 32).sign(KEY).to_bytes()
    assert "are not those signed there" in str(against(store, rewritten)["against"][1])
    strangers = Checkpoint(OTHER.name, 5, root).sign(OTHER).to_bytes()
    assert "signed by no known key" in str(against(store, strangers)["against"][1])
    assert "against" in against(store, b"")
    assert "against" in against(store, b"<html>\n")


def test_where_copies_are_read(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    (tmp_path / ".draft").write_bytes(b"half")
    (tmp_path / "empty").mkdir()
    assert read_outside(str(tmp_path / "one")) == [Outside(str(tmp_path / "one"), b"1")]
    assert [found.content for found in read_outside(str(tmp_path))] == [b"1", b"2"]
    for missing in ("three", "empty"):
        with pytest.raises(SettingsError):
            read_outside(str(tmp_path / missing))


@pytest.fixture
def address() -> Iterator[str]:
    """A place on the web that holds a checkpoint."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/checkpoint"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(b"a checkpoint")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_copies_on_the_web(address: str) -> None:
    there = f"{address}/checkpoint"
    assert read_outside(there) == [Outside(there, b"a checkpoint")]
    with pytest.raises(Unavailable):
        read_outside(f"{address}/nothing")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"garbage\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "cannot be read"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\n\r\n", "cannot be read"),
        (b"HTTP/1.1 302 Found\r\nLocation: /checkpoint\r\n\r\n", "302"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_001, "more than 1,000,000 bytes"),
        (b"", "cannot be read"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable, match=told):
            read_outside(f"http://127.0.0.1:{server.getsockname()[1]}/x")
        thread.join()


# What is recorded and said of it


def test_the_outcome_as_an_event(store: Store, journal: Journal, ledger: Ledger) -> None:
    append(journal, 3)
    sign(ledger)
    good = outcome(verify(store, trust=TRUST))
    assert isinstance(good, LogVerified)
    assert good.count == 3
    alter(store, "DELETE FROM journal WHERE seq = 1")
    report = verify(store, trust=TRUST)
    bad = outcome(report)
    assert isinstance(bad, VerificationFailed)
    assert (bad.reason, bad.count) == ("sequence_failed", 2)
    assert str(report.failure).startswith("sequence: record 1 is missing")


def test_who_else_can_tell(store: Store, journal: Journal) -> None:
    assert verify(store, trust=TRUST).assurance().startswith("signed by this machine only")
    alter(
        store,
        "INSERT INTO ledger_copy VALUES ('/mnt/a', 7, 1709251199000001, NULL)",
        "INSERT INTO ledger_copy VALUES ('/mnt/b', 9, 1709251259000001, NULL)",
        "INSERT INTO ledger_copy VALUES ('/mnt/c', NULL, NULL, 'OSError')",
    )
    assert verify(store, trust=TRUST).assurance().startswith("signed by this machine only")
    places = ("/mnt/a", "/mnt/b", "/mnt/c")
    told = verify(store, trust=TRUST, places=places).assurance()
    assert told.startswith("a copy is held at /mnt/b: of 9 records, taken 2024-03-01 00:00 UTC")
    alter(store, f"UPDATE ledger_copy SET copied_at = {2**63 - 1} WHERE size = 9")
    assert "taken 9999-12-31" in verify(store, trust=TRUST, places=places).assurance()


def test_a_copy_beside_the_database_is_none(store: Store, journal: Journal) -> None:
    here = str(store.path.parent / "sub" / ".." / "copies")
    alter(store, f"INSERT INTO ledger_copy VALUES ('{here}', 7, 1709251199000001, NULL)")
    told = verify(store, trust=TRUST, places=[here]).assurance()
    assert told.startswith("signed by this machine only")
    assert f"{here} is on this machine too" in told
    beside = f"{store.path.parent}-elsewhere"
    alter(store, f"INSERT INTO ledger_copy VALUES ('{beside}', 5, 1709251199000000, NULL)")
    told = verify(store, trust=TRUST, places=[here, beside]).assurance()
    assert told.startswith(f"a copy is held at {beside}: of 5 records")
