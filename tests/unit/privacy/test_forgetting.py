"""Forgetting somebody: nothing of theirs is left, nothing else is touched, and it is recorded."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.audit.archive.filters import candidates
from strongroom.audit.events import Stream
from strongroom.audit.privacy.subject import Address
from strongroom.audit.query import Search, Window, parse
from strongroom.audit.retention.holding import place_hold, release_hold
from strongroom.errors import Refused
from tests.unit.making import audit_record, ops_record
from tests.unit.privacy.office import (
    ADDRESS,
    AGENT,
    FILES,
    MEI,
    NAME,
    ODD,
    OTHER_FILE,
    PACKED,
    SHARED,
    Office,
    files_with_any,
    needles,
)


def test_no_byte_is_left(pristine_office: Path, forgotten_office: Office) -> None:
    before = files_with_any(pristine_office, needles())
    assert {
        "log.db",
        "000000000000.g1.parquet",
    } <= before.keys()  # else the scan below says nothing
    assert files_with_any(forgotten_office.folder, needles()) == {}


def test_others_keep_theirs(pristine_office: Path, forgotten_office: Office) -> None:
    personal = {"ip_address", "user_agent", "filename", "folder", "extra", "path"}
    hers = forgotten_office.of(Stream.AUDIT) + forgotten_office.of(Stream.OPS)
    assert len(hers) == 52 + 8
    assert not any(personal & record.keys() for record in hers)
    others = forgotten_office.of(Stream.AUDIT, ODD)
    assert len(others) == 2 * 260 - 52
    assert {(one["filename"], one["ip_address"]) for one in others} == {(OTHER_FILE, SHARED)}
    assert all("path" in one for one in forgotten_office.of(Stream.OPS, ODD))


def test_it_verifies_as_forgotten(forgotten_office: Office) -> None:
    report = forgotten_office.verified()
    assert report.holds, report.failure
    assert {v.name: v.count for v in report.verdicts}["forgotten"] == 2 * 52


def test_the_network_alone(office: Office) -> None:
    outcome = office.forget(content=False)
    assert outcome.waits is None
    assert outcome.kept == {
        "other records": 2
    }  # her name, in what she wrote, and the shared address
    assert files_with_any(office.folder, [ADDRESS.encode(), AGENT.encode(), PACKED]) == {}
    hers = office.of(Stream.AUDIT)
    assert all(one["filename"] in FILES and "ip_address" not in one for one in hers)
    assert office.people.name_of(MEI) is None
    assert office.verified().holds


def test_an_address(office: Office) -> None:
    """It is in free pages of the database, too: some builds of SQLite overwrite these, others do not."""
    with closing(sqlite3.connect(office.folder / "log.db", isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("CREATE TABLE scratch (words TEXT)")
        careless.executemany("INSERT INTO scratch VALUES (?)", [(f"at {ADDRESS}" * 99,)] * 9)
        careless.execute("DROP TABLE scratch")
        careless.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "log.db" in files_with_any(office.folder, [f"at {ADDRESS}".encode()])
    outcome = office.forget(Address.of("2001:DB8:77:0::4D"), content=False)
    assert outcome.waits is None
    assert files_with_any(office.folder, [ADDRESS.encode(), PACKED]) == {}
    assert any(one.get("ip_address") == SHARED for one in office.of(Stream.AUDIT))
    assert office.people.name_of(MEI) == NAME
    assert office.verified().holds


def test_filters_do_not_know_what_is_gone(office: Office, forgotten_office: Office) -> None:
    def places(office: Office, name: str) -> set[tuple[str, int]] | None:
        with office.store.read() as connection:
            return candidates(connection, {"filename": [name]})

    assert len(places(office, FILES[0]) or ()) == 1
    assert not places(forgotten_office, FILES[0])
    assert len(places(forgotten_office, OTHER_FILE) or ()) == 1


def test_it_is_recorded_without_naming_anybody(forgotten_office: Office) -> None:
    records = forgotten_office.records(Stream.AUDIT)
    [started] = [one for one in records if one["event"] == "forgetting_started"]
    [ended] = [one for one in records if one["event"] == "person_forgotten"]
    assert started["target_user_id"] == MEI
    assert started["extra"] == ended["extra"]
    assert started["count"] == 52 + 8
    assert started["extra"]["records"] == {"audit": 52, "ops": 8}
    seqs = [one["seq"] for one in forgotten_office.of(Stream.AUDIT)]
    text = "".join(f"{seq}\n" for seq in seqs)
    digest = subprocess.run(
        ["sha256sum"], input=text.encode(), capture_output=True, check=True
    ).stdout.split()[0]
    assert started["extra"]["lists"]["network"] == {
        "count": 52, "last_seq": seqs[-1], "sha256": digest.decode(),
    }  # fmt: skip


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM journal").fetchone()
print("reads", flush=True)
sys.stdin.read()
"""


def test_pending_while_another_process_reads(office: Office) -> None:
    office.work(9)  # so that the WAL has something of hers
    command = [sys.executable, "-c", READER, str(office.folder / "log.db")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline() == "reads\n"
        outcome = office.forget()
        assert outcome.waits is not None
        assert f"process {reader.pid} reads" in outcome.waits
        assert NAME not in outcome.waits
        report = office.verified()
        assert report.holds, report.failure  # licensed already, although it has not ended
        reader.stdin.close()
        reader.wait(10)
    assert not [r for r in office.records(Stream.AUDIT) if r["event"] == "person_forgotten"]
    assert office.go_on().waits is None
    assert files_with_any(office.folder, needles()) == {}
    assert office.verified().holds
    assert office.forgetter().pending() == []


def test_live_tables_of_a_search_notice(office: Office) -> None:
    search = Search(office.store)  # its tables stay between searches, as another process's do
    try:
        before = search.page(parse(f"ip_address:{ADDRESS}"), Window(), limit=200)
        assert before.records
        assert search.page(parse('filename:"' + FILES[0] + '"'), Window(), limit=200).records
        office.forget()
        for query in (f"ip_address:{ADDRESS}", 'filename:"' + FILES[0] + '"', "Quartermaine"):
            assert not search.page(parse(query), Window(), limit=200).records, query
        assert search.page(parse("filename:*tuesday*"), Window(), limit=200).records
    finally:
        search.close()


@pytest.mark.parametrize("filename", [FILES[1], None])
def test_a_hold_blocks_it(office: Office, filename: str | None) -> None:
    hold = place_hold(office.store, office.record, filename=filename, placed_by="somebody")
    with pytest.raises(Refused, match=hold.id):
        office.forgetter().begin(office.subject(), content=False)
    assert office.people.name_of(MEI) == NAME
    assert office.forgetter().pending() == []


def test_a_hold_that_comes_later_stops_it(office: Office) -> None:
    office.forgetter().begin(office.subject(), content=True)
    hold = place_hold(office.store, office.record, placed_by="somebody")
    with pytest.raises(Refused, match=hold.id):
        office.go_on()
    assert office.of(Stream.AUDIT)[0]["filename"] in FILES
    release_hold(office.store, office.record, hold.id, released_by="somebody")
    assert office.go_on().waits is None


def test_lines_of_log_files_go(office: Office) -> None:
    log_file = office.folder / "records.jsonl"
    line, other = f'{{"filename":"{FILES[0]}"}}\n'.encode(), b'{"filename":"other.txt"}\n'
    log_file.write_bytes(line + other)
    rotated = office.folder / "records.jsonl.20261101T000000.000000Z.gz"
    rotated.write_bytes(gzip.compress(other + line * 3))
    assert office.forget(log_file=log_file).lines == 4
    assert files_with_any(office.folder, needles()) == {}
    assert gzip.decompress(rotated.read_bytes()) == other
    assert not log_file.exists()  # its other line is in the file that was rotated
    texts = [path.read_bytes() for path in office.folder.glob("records.jsonl.2*Z")]
    assert texts == [other]


@pytest.mark.soak
def test_a_file_that_nobody_knows_keeps_it_pending(office: Office) -> None:
    stray = office.folder / "copy.txt"
    stray.write_text(f"call {NAME} back")
    outcome = office.forget()
    assert outcome.waits is not None
    assert "copy.txt" in outcome.waits
    stray.unlink()
    assert office.go_on().waits is None


def test_nobody_of_that_name(office: Office) -> None:
    with pytest.raises(Refused, match="nobody of that name"):
        office.subject("Quartermaine")
    assert office.subject(NAME.upper()).user_ids == {MEI}


def test_a_plan_changes_nothing(office: Office) -> None:
    kept = {p: p.read_bytes() for p in office.folder.rglob("*.parquet")}
    wanted = office.forgetter().plan(office.subject(), content=True)
    assert wanted.counts == {"audit": 52, "ops": 8}
    assert wanted.traces == {NAME, ADDRESS, SHARED, AGENT, *FILES}
    assert {p: p.read_bytes() for p in office.folder.rglob("*.parquet")} == kept
    assert office.people.name_of(MEI) == NAME


def test_sign_ins_and_what_others_did(office: Office) -> None:
    request = "01900000-0000-7000-8000-000000000001"
    office.append(
        [
            audit_record(
                event="login_succeeded", target_user_id=MEI, request_id=request, ip_address=ADDRESS
            ),
            audit_record(
                event="user_changed", user_id=ODD, target_user_id=MEI, ip_address="203.0.113.9",
                path="/people/quartermaine",
            ),
        ]
    )  # fmt: skip
    office.append([ops_record(event="request", request_id=request, ip_address=ADDRESS)])
    assert office.forget().waits is None
    [signed_in] = [r for r in office.records(Stream.AUDIT) if r["event"] == "login_succeeded"]
    [changed] = [r for r in office.records(Stream.AUDIT) if r["event"] == "user_changed"]
    assert "ip_address" not in signed_in
    assert "path" not in changed
    assert changed["ip_address"] == "203.0.113.9"
    assert files_with_any(office.folder, needles()) == {}


@pytest.mark.soak
def test_the_log_goes_on_afterwards(office: Office) -> None:
    """What was in the journal is sealed; somebody of the same name comes, and is forgotten again."""
    assert office.forget().waits is None
    assert office.seal_all() > 0
    office.sign()
    assert files_with_any(office.folder, needles()) == {}
    assert office.verified().holds
    office.store.write(lambda connection: office.people.put(connection, "user-2", NAME))
    office.work(5)
    office.forget()
    report = office.verified()
    assert report.holds, report.failure
