"""The keeper: signs and copies by itself, one process at a time, and says when it cannot."""

from __future__ import annotations

import http.server
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import CheckpointPublished, Heartbeat, VerificationFailed
from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger, keeping
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.keeper import Keeper
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.ledger.upkeep import KEPT_SECONDS, heartbeat_due, thin_checkpoints
from strongroom.audit.ledger.verdict import Looked, read_verdict, write_verdict
from strongroom.audit.merkle import Checkpoint, SignedNote, SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import SettingsError, Unavailable
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record
from tests.unit.rewriting import write_anew

KEY = SigningKey("example.org/log", b"k" * 32)
PATIENCE = 20.0


@pytest.fixture
def journal(store: Store) -> Journal:
    migrate(store, AUDIT_SCHEMA)
    return Journal(store)


def eventually(wanted: Callable[[], object]) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


class Recorded(list[Event]):
    """What a keeper logs."""

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


@pytest.fixture
def keep(store: Store, journal: Journal) -> Iterator[Callable[..., Recorded]]:
    keepers: list[Keeper] = []

    def start(*places: str, **options: Any) -> Recorded:
        recorded = Recorded()
        keeper = Keeper(
            store, key=lambda: KEY, copies=Copies(store, places), record=recorded.append, **options
        )
        keepers.append(keeper)
        keeper.start()
        return recorded

    yield start
    for keeper in keepers:
        keeper.close()


def size(store: Store) -> int:
    """Of the newest checkpoint."""
    newest = Ledger(store).newest()
    return 0 if newest is None else newest.size


def eventually_signed(store: Store, count: int) -> None:
    """Wait for a checkpoint of exactly so many records."""
    eventually(lambda: size(store) == count)


def age(store: Store, checkpoint: int, signed_at: int) -> None:
    """Let a checkpoint have been signed at another time."""
    of_size = ledger_checkpoint.c.size == checkpoint
    older = update(ledger_checkpoint).where(of_size).values(signed_at=signed_at)
    store.write(lambda connection: connection.execute(older))


def test_it_signs_what_is_appended(
    store: Store, journal: Journal, keep: Callable[..., Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.audit.ledger.keeper.BEAT_SECONDS", 0.0)
    monkeypatch.setattr("strongroom.audit.ledger.keeper.PUBLISHED_SECONDS", 0.0)
    recorded = keep()
    for count in (3, 300):
        before = size(store)
        journal.append([audit_record(count=n) for n in range(count)])
        eventually_signed(store, before + count)
    assert [event.count for event in recorded.of(CheckpointPublished)] == [3, 303]
    assert recorded.of(Heartbeat)  # none was recorded within the last hour


def test_closing_signs_the_rest(store: Store, journal: Journal) -> None:
    keeper = Keeper(store, key=lambda: KEY, copies=Copies(store, []), record=lambda _: None)
    keeper.start()
    journal.append([audit_record(count=1)])
    eventually(lambda: size(store) == 1)
    journal.append([audit_record(count=2)])
    keeper.close()
    assert size(store) == 2


def _keep_in_a_process(database: str) -> None:
    store = Store(database)
    Keeper(store, key=lambda: KEY, copies=Copies(store, []), record=lambda _: None).start()
    threading.Event().wait()


def test_another_process_goes_on_when_one_is_killed(store: Store, journal: Journal) -> None:
    database = str(store.engine.url)
    started = [
        multiprocessing.get_context("spawn").Process(target=_keep_in_a_process, args=(database,))
        for _ in range(3)
    ]
    for process in started:
        process.start()
    try:
        for number, process in enumerate(started, 1):
            journal.append([audit_record(count=number)])
            eventually_signed(store, number)
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            if number == len(started):
                return
    finally:
        for process in started:
            process.kill()


def test_what_cannot_be_signed_is_said_once(
    store: Store, journal: Journal, keep: Callable[..., Recorded]
) -> None:
    journal.append([audit_record(count=n) for n in range(5)])
    store.write(lambda c: c.execute(text("DELETE FROM journal WHERE seq = 2 AND stream = 'audit'")))
    recorded = keep()
    eventually(lambda: recorded.of(VerificationFailed))
    verdict = read_verdict(store)
    assert verdict is not None
    assert verdict.failure is not None
    assert "record 2 is missing" in verdict.failure
    time.sleep(2.5)  # two more attempts
    [failed] = recorded.of(VerificationFailed)
    assert failed.reason == "ledger_not_signed"
    assert size(store) == 0


def test_a_verification_is_made_and_noted(
    store: Store, journal: Journal, keep: Callable[..., Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.audit.ledger.keeper.FIRST_VERIFICATION_SECONDS", 0.1)
    answers = iter(["the tiles do not fit", None])
    keep(verify=lambda: next(answers), verify_seconds=0.2)
    eventually(lambda: (v := read_verdict(store)) and v.failure == "the tiles do not fit")
    eventually(lambda: (v := read_verdict(store)) and v.failure is None)


class _Taker(http.server.BaseHTTPRequestHandler):
    taken: list[tuple[str, bytes, str | None]]
    status = 204

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, body, self.headers.get("Authorization")))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def taker() -> Iterator[tuple[str, type[_Taker]]]:
    handler = type("Taker", (_Taker,), {"taken": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_copies_reach_folders_and_addresses(
    store: Store, journal: Journal, keep: Callable[..., Recorded], tmp_path: Path,
    taker: tuple[str, type[_Taker]],
) -> None:  # fmt: skip
    host, handler = taker
    folder = tmp_path / "held elsewhere"
    folder.mkdir()
    address = f"http://me:s3cret@{host}/checkpoints/office?x=1"
    missing = tmp_path / "no such folder"
    places = Copies(store, [str(folder), address, str(missing)])
    keep(*places.places)
    journal.append([audit_record(count=1)])
    eventually(lambda: places.held()[2].error)
    to_folder, to_address, failed = places.held()
    assert (to_folder.size, to_folder.error) == (1, None)
    assert (to_address.size, to_address.error) == (1, None)
    assert to_address.place == f"http://{host}/checkpoints/office"
    assert failed.size is None
    assert "No such file" in str(failed.error)
    [(path, body, credentials), *_] = handler.taken
    assert path == "/checkpoints/office?x=1"
    assert credentials == "Basic bWU6czNjcmV0"
    newest, hourly = sorted(folder.iterdir(), key=lambda path: len(path.name))
    assert newest.name == "example.org_2Flog.checkpoint"
    for copy in (body, newest.read_bytes(), hourly.read_bytes()):
        note = SignedNote.parse(copy)
        note.verify([KEY.verifier])
        assert Checkpoint.parse(note.text).size == 1
    with store.read() as connection:
        assert (
            b"s3cret"
            not in str(connection.execute(text("SELECT * FROM ledger_copy")).all()).encode()
        )


@pytest.mark.parametrize("status", [302, 403, 500])
def test_an_address_that_does_not_take_it_holds_nothing(
    store: Store, journal: Journal, taker: tuple[str, type[_Taker]], status: int
) -> None:
    host, handler = taker
    handler.status = status
    journal.append([audit_record(count=1)])
    signed = Ledger(store).advance(KEY)
    assert signed is not None
    [copy] = Copies(store, [f"http://{host}/"]).send(signed)
    assert (copy.size, copy.copied_at) == (None, None)
    assert copy.error
    handler.status = 200
    [copy] = Copies(store, [f"http://{host}/"]).send(signed)
    assert (copy.size, copy.error) == (1, None)
    handler.status = status
    [copy] = Copies(store, [f"http://{host}/"]).send(signed)
    assert (copy.size, bool(copy.error)) == (1, True)  # what it has it still has


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("ftp://me:s3cret@example.org/", "neither a folder nor"),
        ("http://me:s3cret@example.org:abc/x", "no address"),
        ("http://me:s3cret@[::1/x", "no address"),
        ("http://me:s3cret@example.org/a b", "%20"),
        ("http://me:s3cret@example.org/é", "%20"),
        ("https://", "no host"),
    ],
)
def test_a_place_that_is_none_is_refused(store: Store, place: str, said: str) -> None:
    for refusing in (lambda: Copies(store, [place]), lambda: Signing(copies=(place,))):
        with pytest.raises(SettingsError, match=said) as refusal:
            refusing()
        assert "s3cret" not in str(refusal.value)


def test_old_checkpoints_become_fewer(store: Store, journal: Journal) -> None:
    ledger = Ledger(store)
    for number in range(10):
        journal.append([audit_record(count=number)])
        ledger.advance(KEY)
    hour = 3600 * 10**6
    start = (time.time_ns() // 1000 - (KEPT_SECONDS + 7200) * 10**6) // hour * hour
    ages = {1: 0, 2: 10, 3: 20, 4: 30, 5: hour, 6: hour + 5, 7: 10 * hour}
    for checkpoint, after in ages.items():
        age(store, checkpoint, start + after)
    assert thin_checkpoints(store) == 3
    with store.read() as connection:
        left = connection.execute(select(ledger_checkpoint.c.size)).scalars().all()
    # 1 is the first of its key, 4 and 6 the last of their hours, 7 is not old enough.
    assert left == [1, 4, 6, 7, 8, 9, 10]
    assert thin_checkpoints(store) == 0


def test_a_heartbeat_is_due_after_an_hour(store: Store, journal: Journal) -> None:
    assert heartbeat_due(store, 3600)
    journal.append([audit_record(event="heartbeat")])
    assert not heartbeat_due(store, 3600)
    assert heartbeat_due(store, 0)


def test_a_heartbeat_of_the_future_does_not_silence_the_others(
    store: Store, journal: Journal
) -> None:
    journal.append([audit_record(event="heartbeat", timestamp="2999-01-01T00:00:00.000000Z")])
    assert heartbeat_due(store, 3600)


def test_tampering_is_found_by_itself(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part is not hashed when records are signed; the scheduled verification finds it altered."""
    monkeypatch.setattr("strongroom.audit.ledger.keeper.FIRST_VERIFICATION_SECONDS", 0.1)
    journal.append([audit_record(filename=f"{n}.txt") for n in range(5)])
    store.write(lambda c: c.execute(text("UPDATE journal SET content = x'7b7d' WHERE seq = 3")))
    recorded = Recorded()
    kept = keeping.keeper(store, Signing(verify_seconds=0.2), recorded.append)
    kept.start()
    try:
        eventually(lambda: recorded.of(VerificationFailed))
        eventually(lambda: (v := read_verdict(store)) and "parts" in str(v.failure))
    finally:
        kept.close()
    assert size(store) == 5
    assert store.path.with_suffix(".key").stat().st_mode & 0o077 == 0


def test_trouble_with_the_key_and_a_failed_verification_stay_apart(
    store: Store, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither covers the other, and each passes with its own success."""
    monkeypatch.setattr("strongroom.audit.ledger.keeper.FIRST_VERIFICATION_SECONDS", 0.1)
    journal.append([audit_record(count=1)])
    write_verdict(store, "the parts do not fit")
    trouble, answers = ["others can read it"], ["the tiles do not fit"]

    def key() -> SigningKey:
        if trouble:
            raise SettingsError(trouble[0])
        return KEY

    keeper = Keeper(
        store,
        key=key,
        copies=Copies(store, []),
        record=lambda _: None,
        verify=lambda: answers[-1] or None,
        verify_seconds=0.1,
    )
    keeper.start()
    try:
        eventually(lambda: failure(store, Looked.SIGNING) == "others can read it")
        answers.append("")
        eventually(lambda: failure(store, Looked.VERIFICATION) is None)
        assert failure(store) == "others can read it"
        answers.append("the tiles do not fit")
        eventually(lambda: failure(store, Looked.VERIFICATION) == "the tiles do not fit")
        trouble.clear()
        eventually(lambda: failure(store, Looked.SIGNING) is None)
        assert size(store) == 1
        assert failure(store) == "the tiles do not fit"
    finally:
        keeper.close()


def failure(store: Store, looked: Looked | None = None) -> str | None:
    """Why it does not hold, as far as was noted."""
    found = read_verdict(store, looked)
    return None if found is None else found.failure


@pytest.mark.parametrize("more", [0, 1])
def test_a_process_that_can_sign_ends_the_alarm_of_one_that_could_not(
    store: Store, journal: Journal, keep: Callable[..., Recorded], more: int
) -> None:
    journal.append([audit_record(count=1)])
    Ledger(store).advance(KEY)
    journal.append([audit_record(count=number) for number in range(more)])
    write_verdict(store, "there is no file", Looked.SIGNING)
    keep()
    eventually(lambda: failure(store) is None)
    assert size(store) == 1 + more


def test_a_key_that_cannot_be_made_is_told(store: Store, journal: Journal, tmp_path: Path) -> None:
    journal.append([audit_record(count=1)])
    (tmp_path / "file").touch()
    recorded = Recorded()
    path = tmp_path / "file" / "ledger.key"  # its folder is none
    kept = keeping.keeper(store, Signing(key=str(path)), recorded.append)
    kept.start()
    try:
        eventually(lambda: recorded.of(VerificationFailed))
    finally:
        kept.close()
    [failed] = recorded.of(VerificationFailed)
    assert failed.reason == "ledger_not_signed"
    assert str(path) in str(failure(store, Looked.SIGNING))
    assert size(store) == 0


def test_what_was_written_anew_is_not_signed_after_a_restart(
    store: Store, journal: Journal, tmp_path: Path
) -> None:
    """The keeper brings the anchor along, and whoever cannot come by that is found out."""
    signing = Signing(key=str(tmp_path / "ledger.key"))
    journal.append([audit_record(count=n) for n in range(3)])
    with closing(keeping.keeper(store, signing, lambda _: None)) as kept:
        kept.start()
        eventually_signed(store, 3)
    write_anew(store, 4)
    recorded = Recorded()
    with closing(keeping.keeper(store, signing, recorded.append)) as kept:
        kept.start()
        eventually(lambda: recorded.of(VerificationFailed))
    assert "written anew" in str(failure(store))
    assert size(store) == 0


def test_the_alarm_goes_on_while_nothing_can_be_recorded(store: Store, journal: Journal) -> None:
    """An alarm that could not be written is given again, and does not end the keeper."""
    attempts: list[Event] = []

    def record(event: Event) -> None:
        attempts.append(event)
        if len(attempts) == 1:
            raise Unavailable("the disk is full")

    def key() -> SigningKey:
        raise SettingsError("there is no file")

    keeper = Keeper(store, key=key, copies=Copies(store, []), record=record)
    keeper.start()
    eventually(lambda: len(attempts) == 2)
    keeper.close()
