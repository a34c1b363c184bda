"""The server is stopped while somebody uploads: what can be finished is, and the rest is undone."""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests.fault.stored import check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.wire import PATIENCE, api

pytestmark = [pytest.mark.fault, pytest.mark.slow]

HALF = b"x" * 500_000
"""More than a small body, so that a thread waits for the rest."""

Serve = Callable[..., Installation]


@contextmanager
def half_uploaded(server: Installation) -> Iterator[http.client.HTTPConnection]:
    """A connection over which one half of a file has arrived."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with closing(connection):
        connection.putrequest("PUT", api("slow.bin"))
        connection.putheader("Content-Length", str(2 * len(HALF)))
        connection.endheaders(HALF)
        deadline = time.monotonic() + PATIENCE
        while not incoming(server):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield connection


def stopping(server: Installation) -> None:
    """Tell the server to stop, and wait until it takes no more connections."""
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline
        probe = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        with closing(probe):
            try:
                probe.connect()
            except ConnectionRefusedError:
                return
        time.sleep(0.02)


def ended_well(server: Installation) -> list[dict[str, object]]:
    """All records, once every process has ended by itself, flushed, signed and closed."""
    assert server._process is not None
    assert server._process.wait(60) == 0
    records = stored_records(server)
    check_dense(records)
    began, ended = (
        {record["pid"] for record in records if record["event"] == event}
        for event in ("application_started", "application_stopped")
    )
    assert began == ended
    assert len(began) == 2
    with closing(sqlite3.connect(server.data / "strongroom.db")) as connection:
        [(signed,)] = connection.execute("SELECT max(size) FROM ledger_checkpoint")
        [(entries,)] = connection.execute(
            "SELECT next_seq FROM journal_head WHERE stream = 'audit'"
        )
    assert signed == entries
    assert incoming(server) == []
    check_sound(server)
    return records


def outcomes(records: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [
        (record["event"], record.get("status"))
        for record in records
        if record.get("method") == "PUT" and record["event"] != "request"
    ]


def test_an_upload_in_flight_is_finished(serve: Serve) -> None:
    server = serve(workers=2, shutdown_timeout=30)
    with half_uploaded(server) as connection:
        stopping(server)
        connection.send(HALF)
        answer = connection.getresponse()
        assert answer.status == 201
        assert answer.read()
    assert outcomes(ended_well(server)) == [("file_uploaded", None), ("response", 201)]


def test_an_upload_that_takes_too_long_is_undone_and_recorded(serve: Serve) -> None:
    server = serve(workers=2, shutdown_timeout=1, client_timeout=600)
    with half_uploaded(server) as connection:
        stopping(server)
        records = ended_well(server)
        with suppress(OSError, http.client.HTTPException):
            assert connection.getresponse().status >= 400
    [failed, response] = outcomes(records)
    assert failed[0] == "upload_aborted"
    assert response[0] == "response"
    [ended] = [r for r in records if r.get("method") == "PUT" and r["event"] == "response"]
    assert ended["aborted"] is True
    said = [r for r in records if r["event"] in ("message_logged", "unhandled_exception")]
    assert [r for r in said if r["level"] != "info"] == []
