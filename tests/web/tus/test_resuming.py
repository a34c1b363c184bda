"""An upload goes on where it was: after breaks, restarts, ``kill -9``, and beside other clients."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.files.blobs import key_of
from strongroom.files.tus.receiving import CHUNK
from strongroom.objects import LocalObjects
from tests.serving import Installation
from tests.web.tus.client import (
    TusClient,
    assert_uploaded,
    events,
    leftovers,
    names_of,
    stored,
)
from tests.web.wire import Answer

Serve = Callable[..., Installation]

CONTENT = os.urandom(3_000_000)
HALF = 1_400_000
MOST = HALF - CHUNK
"""What has arrived for certain when so much was sent."""

SIZE = len(CONTENT)


@pytest.fixture
def tus(serve: Serve) -> TusClient:
    return TusClient(serve(workers=2))


def finish(tus: TusClient, address: str, *, at_least: int) -> None:
    """Go on as a client does, and compare what there is then."""
    at = tus.offset(address)
    assert at >= at_least
    assert tus.patch(address, at, CONTENT[at:]).status == 204
    assert tus.offset(address) == SIZE


def test_after_the_client_has_gone(tus: TusClient) -> None:
    address = tus.begin("gone.bin", SIZE)
    tus.stall(address, 0, SIZE, CONTENT[:HALF]).close()
    while tus.offset(address) < HALF:
        time.sleep(0.01)
    finish(tus, address, at_least=HALF)
    resumed = assert_uploaded(tus.server, "gone.bin", CONTENT, "upload_resumed")[1]
    assert resumed["bytes_in"] == HALF
    assert resumed["file_size_bytes"] == SIZE


def test_an_orderly_end_of_a_piece_is_no_break(tus: TusClient) -> None:
    address = tus.begin("orderly.bin", SIZE)
    assert tus.patch(address, 0, CONTENT[:HALF]).status == 204
    finish(tus, address, at_least=HALF)
    assert_uploaded(tus.server, "orderly.bin", CONTENT)


def test_after_a_restart(tus: TusClient) -> None:
    address = tus.begin("restart.bin", SIZE)
    assert tus.patch(address, 0, CONTENT[:HALF]).status == 204
    tus.server.stop()
    tus.server.start()
    finish(tus, address, at_least=HALF)
    assert_uploaded(tus.server, "restart.bin", CONTENT)


def test_after_kill_in_the_middle_of_a_piece(tus: TusClient) -> None:
    address = tus.begin("killed.bin", SIZE)
    with tus.stall(address, 0, SIZE, CONTENT[:HALF]):
        tus.server.kill()
    tus.server.start()
    finish(tus, address, at_least=MOST)
    assert_uploaded(tus.server, "killed.bin", CONTENT, "upload_resumed")


def test_after_kill_in_the_middle_of_a_piece_that_nobody_has_verified(tus: TusClient) -> None:
    address = tus.begin("unverified.bin", SIZE)
    assert tus.patch(address, 0, CONTENT[:1000]).status == 204
    old = TusClient(tus.server, {"Upload-Checksum": "sha1 " + "A" * 27 + "="})
    connection = _send_slowly(old, address)
    tus.server.kill()
    connection.close()
    tus.server.start()
    assert tus.offset(address) == 1000
    finish(tus, address, at_least=1000)
    assert stored(tus.server, "unverified.bin") == CONTENT


def _send_slowly(tus: TusClient, address: str) -> http.client.HTTPConnection:
    """Wait by the file itself: what nobody has verified does not count, so HEAD does not tell."""
    partial = tus.server.data / "objects" / "uploads" / address.rsplit("/", 1)[1]
    connection = http.client.HTTPConnection("127.0.0.1", tus.server.port, timeout=30)
    connection.putrequest("PATCH", address)
    for name, value in {
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "1000",
        "Content-Length": str(SIZE - 1000),
        **tus.headers,
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(CONTENT[1000:HALF])
    while partial.stat().st_size < MOST:
        time.sleep(0.01)
    return connection


@pytest.mark.parametrize("moment", ["written", "published"])
def test_after_a_crash_between_the_last_byte_and_the_commit(tus: TusClient, moment: str) -> None:
    """What such a crash leaves is laid out here, byte for byte, by the same code."""
    address = tus.begin("late.bin", SIZE)
    with tus.stall(address, 0, SIZE, CONTENT[:HALF]):
        tus.server.kill()
    resumable = LocalObjects(tus.server.data / "objects").resumable(address.rsplit("/", 1)[1])
    at = resumable.arrived().size
    writer = resumable.take_over(at)
    writer.write(CONTENT[at:])
    writer.finish(whole=True)
    if moment == "published":
        resumable.publish(key_of(_sha256(CONTENT)))
    tus.server.start()
    assert tus.offset(address) == SIZE
    assert_uploaded(tus.server, "late.bin", CONTENT)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_after_a_last_answer_that_was_lost(tus: TusClient) -> None:
    address = tus.begin("lost.bin", SIZE)
    with tus.stall(address, 0, SIZE, CONTENT[:HALF]) as connection:
        connection.sendall(CONTENT[HALF:])
        connection.shutdown(1)
    while tus.offset(address) < SIZE:
        time.sleep(0.01)
    answer = tus.patch(address, SIZE, b"")
    assert (answer.status, answer.header("Upload-Offset")) == (204, str(SIZE))
    tus.patch(address, 0, CONTENT).problem(409, "offset_mismatch")
    assert stored(tus.server, "lost.bin") == CONTENT
    assert names_of(events(tus.server, "lost.bin")).count("file_uploaded") == 1


def test_a_connection_that_has_stalled_keeps_nobody_out(tus: TusClient) -> None:
    address = tus.begin("stalled.bin", SIZE)
    with tus.stall(address, 0, SIZE, CONTENT[:HALF]) as old:
        finish(tus, address, at_least=MOST)
        # It wakes up, with bytes that would be wrong.
        old.sendall(bytes(SIZE - HALF))
        response = http.client.HTTPResponse(old)
        response.begin()
        answer = Answer(response.status, response.headers, response.read())
    answer.problem(409, "upload_overtaken")
    assert stored(tus.server, "stalled.bin") == CONTENT
    found = names_of(events(tus.server, "stalled.bin"))
    assert sorted(found) == ["file_uploaded", "upload_failed", "upload_resumed", "upload_started"]
    assert leftovers(tus.server) == []


def test_two_clients_on_one_upload(tus: TusClient) -> None:
    """Each goes on wherever the upload is; of both together one file comes out."""
    address = tus.begin("both.bin", SIZE)

    def client(step: int) -> list[int]:
        answers, at = [], 0
        while at < SIZE:
            at = tus.offset(address)
            if at < SIZE:
                answers.append(tus.patch(address, at, CONTENT[at : at + step]).status)
        return answers

    with ThreadPoolExecutor(2) as pool:
        answers = [status for each in pool.map(client, (100_000, 70_000)) for status in each]
    assert set(answers) <= {204, 409}
    assert stored(tus.server, "both.bin") == CONTENT
    found = names_of(events(tus.server, "both.bin"))
    assert found.count("upload_started") == found.count("file_uploaded") == 1
    assert found.count("upload_failed") == answers.count(409)
    assert leftovers(tus.server) == []


def test_termination_beside_a_writer(tus: TusClient) -> None:
    address = tus.begin("ended.bin", SIZE)
    with tus.stall(address, 0, SIZE, CONTENT[:HALF]) as old:
        assert tus.send("DELETE", address).status == 204
        old.sendall(CONTENT[HALF:])
        response = http.client.HTTPResponse(old)
        response.begin()
        assert response.status == 404
        response.read()
    assert leftovers(tus.server) == []
    # That it was ended is its outcome; that a piece came too late for it is none of its own.
    request_id = response.headers["X-Request-ID"]
    assert names_of(events(tus.server, "ended.bin")) == ["upload_started", "upload_aborted"]
    assert [r["event"] for r in tus.server.outcome(request_id)] == ["request", "response"]


def test_one_of_two_terminations_ends_it(tus: TusClient) -> None:
    address = tus.begin("twice.bin", SIZE)
    with ThreadPoolExecutor(4) as pool:
        ends = [pool.submit(tus.send, "DELETE", address) for _ in range(4)]
    assert sorted(end.result().status for end in ends) == [204, 404, 404, 404]
    found = names_of(events(tus.server, "twice.bin"))
    assert found == ["upload_started", "upload_aborted"]
