"""Copies elsewhere: never replaced by what contradicts them, and no place holds up the others."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import VerificationFailed
from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger, Signed
from strongroom.audit.ledger.copies import Copies
from strongroom.audit.ledger.keeper import Keeper
from strongroom.audit.ledger.verdict import read_verdict
from strongroom.audit.merkle import Checkpoint, SignedNote, SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record
from tests.unit.rewriting import write_anew

KEY = SigningKey("example.org/log", b"k" * 32)
OTHER = SigningKey("example.org/log", b"o" * 32)
PATIENCE = 20.0


@pytest.fixture
def ledger(store: Store) -> Ledger:
    migrate(store, AUDIT_SCHEMA)
    return Ledger(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "held elsewhere"
    found.mkdir()
    return found


def append(store: Store, count: int, key: SigningKey = KEY) -> Signed:
    """So many records, signed."""
    if count:
        Journal(store).append([audit_record(count=number) for number in range(count)])
    Ledger(store).advance(key)
    newest = Ledger(store).newest()
    assert newest is not None
    return newest


def contents(folder: Path) -> dict[str, bytes]:
    """All that lies there."""
    return {item.name: item.read_bytes() for item in folder.iterdir()}


def eventually(wanted: Callable[[], object]) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


class _Giver(http.server.BaseHTTPRequestHandler):
    held: bytes | None
    taken: list[bytes]

    def do_GET(self) -> None:
        self.send_response(404 if self.held is None else 200)
        self.end_headers()
        self.wfile.write(self.held or b"")

    def do_PUT(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def giver() -> Iterator[tuple[str, type[_Giver]]]:
    handler = type("Giver", (_Giver,), {"held": None, "taken": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/checkpoint", handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("count", [5, 10, 20])  # shorter, as long, longer
def test_what_contradicts_the_ledger_stays(
    store: Store, ledger: Ledger, folder: Path, giver: tuple[str, type[_Giver]], count: int
) -> None:
    address, handler = giver
    places = Copies(store, [str(folder), address])
    signed = append(store, 10)
    assert [copy.error for copy in places.send(signed)] == [None, None]
    handler.held = handler.taken.pop()
    before = contents(folder)
    assert set(before.values()) == {handler.held}
    write_anew(store, count)
    for _ in range(2):
        for copy in places.send(append(store, 0)):
            assert copy.contradicts
            assert "of 10 records that this ledger does not continue" in str(copy.error)
            assert copy.size == 10
    assert contents(folder) == before
    assert handler.taken == []
    folder.rename(folder.with_name("out of reach"))
    assert places.send(append(store, 0))[0].contradicts  # that it cannot be asked is no good news


def test_what_the_ledger_goes_on_from_is_replaced(
    store: Store, ledger: Ledger, folder: Path, giver: tuple[str, type[_Giver]]
) -> None:
    address, handler = giver
    places = Copies(store, [str(folder), address])
    for held in (None, b"<html>", "its own"):
        handler.held = handler.taken[-1] if held == "its own" else held  # type: ignore[assignment]
        signed = append(store, 3)
        assert [copy.error for copy in places.send(signed)] == [None, None]
        assert handler.taken[-1] == signed.note.to_bytes()
        assert (folder / "example.org_2Flog.checkpoint").read_bytes() == signed.note.to_bytes()


def test_a_newer_one_is_not_replaced_by_an_older(
    store: Store, ledger: Ledger, folder: Path
) -> None:
    older, newer = append(store, 3), append(store, 3)
    places = Copies(store, [str(folder)])
    places.send(newer)
    before = contents(folder)
    [copy] = places.send(older)
    assert (copy.size, copy.error) == (6, None)
    assert contents(folder)["example.org_2Flog.checkpoint"] == newer.note.to_bytes()
    assert before.items() <= contents(folder).items()


def test_one_of_an_unknown_key_stays_and_is_no_contradiction(
    store: Store, ledger: Ledger, folder: Path
) -> None:
    """Whoever can write to the place could make one: it shows nothing against the ledger."""
    held = Checkpoint(KEY.name, 99, b"r" * 32).sign(OTHER).to_bytes()
    (folder / "example.org_2Flog.checkpoint").write_bytes(held)
    [copy] = Copies(store, [str(folder)]).send(append(store, 3))
    assert "no key of this ledger" in str(copy.error)
    assert not copy.contradicts
    assert contents(folder) == {"example.org_2Flog.checkpoint": held}


def test_the_copy_of_an_hour_is_never_replaced(store: Store, ledger: Ledger, folder: Path) -> None:
    places = Copies(store, [str(folder)])
    hour = 3600 * 10**6
    first, second, third = (
        replace(append(store, 2), signed_at=at) for at in (5 * hour, 6 * hour - 1, 6 * hour)
    )
    for signed in (first, second, third):
        places.send(signed)
    assert contents(folder) == {
        "example.org_2Flog.checkpoint": third.note.to_bytes(),
        "example.org_2Flog.1970-01-01T05.checkpoint": first.note.to_bytes(),
        "example.org_2Flog.1970-01-01T06.checkpoint": third.note.to_bytes(),
    }


def test_the_keeper_tells_a_contradiction_until_it_is_gone(
    store: Store, ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.audit.ledger.keeper.COPY_SECONDS", 0.0)
    places = Copies(store, [str(folder)])
    places.send(append(store, 10))
    write_anew(store, 10)
    recorded: list[Event] = []
    keeper = Keeper(store, key=lambda: KEY, copies=places, record=recorded.append)
    keeper.start()
    try:
        eventually(lambda: [e for e in recorded if isinstance(e, VerificationFailed)])
        verdict = read_verdict(store)
        assert verdict is not None
        assert f"{folder} holds a checkpoint of 10 records" in str(verdict.failure)
        [failed] = [event for event in recorded if isinstance(event, VerificationFailed)]
        assert failed.reason == "ledger_contradicted"
        folder.rename(folder.with_name("kept as evidence"))
        folder.mkdir()
        eventually(lambda: (found := read_verdict(store)) is not None and not found.failure)
        assert len(contents(folder)) == 2
        assert [event for event in recorded if isinstance(event, VerificationFailed)] == [failed]
    finally:
        keeper.close()


def _drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.1)


def _continue(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.1)


def _garbage(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0 hello\r\n")


class Hostile:
    """Answers every connection in its way."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x"
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._one, args=(connection,)))
            self._threads[-1].start()

    def _one(self, connection: socket.socket) -> None:
        try:
            connection.recv(65_536)
            self._answer(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        """End it, and whoever still talks to it."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("answer", [_drip, _continue, _garbage])
def test_no_place_holds_up_the_others_the_signing_or_the_end(
    store: Store,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[socket.socket], None],
) -> None:
    monkeypatch.setattr("strongroom.audit.ledger.keeper.COPY_SECONDS", 0.0)
    monkeypatch.setattr("strongroom.audit.ledger.copies.ATTEMPT_SECONDS", 3.0)
    with closing(Hostile(answer)) as hostile:
        places = Copies(store, [hostile.address, str(folder)])
        keeper = Keeper(store, key=lambda: KEY, copies=places, record=lambda _: None)
        keeper.start()
        append_only(store)
        eventually(lambda: signed_size(store) == 1)
        append_only(store)  # while that place is still talking
        eventually(lambda: signed_size(store) == 2)
        eventually(lambda: places.held()[1].size == 2)
        first, _ = places.held()
        assert first.size is None
        assert first.error
        append_only(store)
        ended = threading.Thread(target=keeper.close)
        ended.start()
        ended.join(PATIENCE)
        assert not ended.is_alive()
        assert signed_size(store) == 3
        [newest] = [c for name, c in contents(folder).items() if "T" not in name]
        assert Checkpoint.parse(SignedNote.parse(newest).text).size == 3
    for attempt in places._running.values():
        attempt.join(PATIENCE)
        assert not attempt.is_alive()
    assert "Traceback" not in caplog.text  # no place is a surprise


def append_only(store: Store) -> None:
    """One record."""
    Journal(store).append([audit_record(count=1)])


def signed_size(store: Store) -> int:
    """Of the newest checkpoint."""
    newest = Ledger(store).newest()
    return 0 if newest is None else newest.size
