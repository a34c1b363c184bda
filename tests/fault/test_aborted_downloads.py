"""The client goes away in mid-download: the response says so, and how much was sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.fault.leaving import head, read_and_leave, records_of_agent
from tests.fault.stored import Record
from tests.serving import Installation
from tests.web.wire import PATIENCE, api, put, send

pytestmark = pytest.mark.fault

SIZE = 64 * 1024 * 1024
"""Far more than the buffers of a connection hold."""

READ = 300_000

Serve = Callable[..., Installation]


@pytest.fixture(scope="module")
def large(server: Installation) -> Installation:
    """The server with a large file."""
    put(server, "large.bin", bytes(SIZE))
    return server


def check_aborted(found: list[Record], status: int, size: int, at_least: int = 0) -> Record:
    """One ``file_downloaded``, since the bytes were released, and an aborted ``response``."""
    assert [record["event"] for record in found] == ["request", "file_downloaded", "response"]
    response = found[-1]
    assert (response["status"], response["aborted"]) == (status, True)
    assert at_least <= response["bytes_out"] < size
    return found[1]


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_download_that_breaks_off(large: Installation, how: str) -> None:
    agent = f"download-{how}"
    read_and_leave(large, head(large, "GET", api("large.bin"), agent), READ, how)
    record = check_aborted(records_of_agent(large, agent), 200, SIZE, READ - 2000)
    assert "range" not in record


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_range_that_breaks_off(large: Installation, how: str) -> None:
    agent, last = f"range-{how}", SIZE - 1000
    request = head(large, "GET", api("large.bin"), agent, f"Range: bytes=1000000-{last}")
    read_and_leave(large, request, READ, how)
    found = records_of_agent(large, agent)
    record = check_aborted(found, 206, last + 1 - 1_000_000, READ - 2000)
    assert record["range"] == f"1000000-{last}"


def test_a_download_that_is_read_to_its_end(large: Installation) -> None:
    """The same file, slowly: nothing of the above may be recorded for it."""
    agent, count = "patient", 0
    request = head(large, "GET", api("large.bin"), agent, "Connection: close")
    with socket.create_connection(("127.0.0.1", large.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        while data := connection.recv(1_000_000):
            count += len(data)
            time.sleep(0.001)
    found = records_of_agent(large, agent)
    assert [record["event"] for record in found] == ["request", "file_downloaded", "response"]
    assert (found[-1]["aborted"], found[-1]["bytes_out"]) == (False, SIZE)
    assert SIZE < count < SIZE + 2000


def test_leaving_before_the_answer_begins(large: Installation) -> None:
    agent = "gone-at-once"
    read_and_leave(large, head(large, "GET", api("large.bin"), agent), 0, "rst")
    found = records_of_agent(large, agent)
    check_aborted(found, 200, SIZE)


@pytest.fixture
def impatient(serve: Serve) -> Installation:
    """A server that gives up soon on clients that take nothing."""
    server = serve(workers=1, client_timeout=1)
    put(server, "large.bin", bytes(SIZE))
    return server


def test_who_reads_nothing_is_given_up(impatient: Installation) -> None:
    agent = "reads-nothing"
    request = head(impatient, "GET", api("large.bin"), agent)
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        check_aborted(records_of_agent(impatient, agent), 200, SIZE)
    assert send(impatient, "HEAD", api("large.bin")).status == 200


def test_the_server_serves_on_meanwhile(impatient: Installation) -> None:
    """Clients that neither read nor hang up must hold up nobody else, also when given up."""
    with ExitStack() as stalled:
        for number in range(20):
            request = head(impatient, "GET", api("large.bin"), f"stalled-{number}")
            connection = socket.create_connection(("127.0.0.1", impatient.port), timeout=PATIENCE)
            stalled.enter_context(connection).sendall(request)
        assert send(impatient, "PUT", api("small.txt"), b"small").status == 201
        assert send(impatient, "GET", api("small.txt")).body == b"small"
        for number in range(20):
            check_aborted(records_of_agent(impatient, f"stalled-{number}"), 200, SIZE)
