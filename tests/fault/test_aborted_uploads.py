"""The client goes away in mid-upload: noticed, recorded, and nothing of it is kept."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.fault.leaving import head, records_of_agent, send_and_leave
from tests.fault.stored import Record, incoming
from tests.serving import Installation
from tests.web.wire import BOUNDARY, FORM, PATIENCE, Part, api, form, names, send

pytestmark = pytest.mark.fault

Serve = Callable[..., Installation]


def blobs(server: Installation) -> set[str]:
    """Names of all stored content."""
    return {path.name for path in (server.data / "objects" / "blobs").rglob("*") if path.is_file()}


def check_aborted(server: Installation, agent: str, sent: int) -> list[Record]:
    """One request, aborted; its ``upload_aborted`` records."""
    found = records_of_agent(server, agent)
    events = [record["event"] for record in found]
    assert (events.count("request"), events.count("response")) == (1, 1)
    assert set(events) == {"request", "upload_aborted", "response"}, found
    [response] = [record for record in found if record["event"] == "response"]
    assert response["aborted"] is True
    assert response["status"] == 400
    assert response["bytes_in"] <= sent
    aborted = [record for record in found if record["event"] == "upload_aborted"]
    for record in aborted:
        assert (record["outcome"], record["level"]) == ("failed", "warning")
        assert 0 <= record["bytes_in"] <= sent
    assert names(server) == set()
    assert incoming(server) == []
    assert blobs(server) == set()
    return aborted


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("sent", [0, 1, 1000, 700_000, 2_999_999])
def test_a_put_that_breaks_off(server: Installation, how: str, sent: int) -> None:
    agent, name = f"put-{how}-{sent}", f"{how} {sent}.bin"
    request = head(server, "PUT", api(name), agent, "Content-Length: 3000000")
    send_and_leave(server, request + bytes(sent), how)
    [record] = check_aborted(server, agent, sent)
    assert record["filename"] == name
    if how == "fin":
        assert record["bytes_in"] == sent


def test_the_answer_to_a_half_closed_connection(server: Installation) -> None:
    """A client that has ended its side may still listen."""
    request = head(server, "PUT", api("half.bin"), "half-closed", "Content-Length: 10") + b"12345"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    check_aborted(server, "half-closed", 5)


CHUNKS = {
    "before the first": b"",
    "in a size": b"1",
    "after a size": b"400\r\n",
    "in a chunk": b"400\r\n" + bytes(500),
    "at the end of a chunk": b"400\r\n" + bytes(1024),
    "between chunks": b"400\r\n" + bytes(1024) + b"\r\n",
    "in the second size": b"400\r\n" + bytes(1024) + b"\r\n40",
    "before the end": b"400\r\n" + bytes(1024) + b"\r\n0\r\n",
}


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("where", list(CHUNKS))
def test_chunks_that_break_off(server: Installation, how: str, where: str) -> None:
    agent = f"chunked-{how}-{where.replace(' ', '-')}"
    request = head(server, "PUT", api(f"{agent}.bin"), agent, "Transfer-Encoding: chunked")
    send_and_leave(server, request + CHUNKS[where], how)
    [record] = check_aborted(server, agent, 1024)
    assert record["filename"] == f"{agent}.bin"


FORM_BODY = form(Part(b"a" * 100_000, "first.txt"), Part(b"b" * 500_000, "second.txt"))

PLACES = {
    "nothing": (0, 1),
    "in the boundary": (10, 1),
    "in a head": (FORM_BODY.index(b"first.txt"), 1),
    "in the first": (FORM_BODY.index(b"aaa") + 70_000, 1),
    "between": (FORM_BODY.index(f"--{BOUNDARY}".encode(), 100) + 5, 1),
    "in the second": (FORM_BODY.index(b"bbb") + 300_000, 2),
    "before the last boundary": (FORM_BODY.rindex(b"\r\n--"), 2),
    "before the last dashes": (len(FORM_BODY) - 4, 2),
}


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("place", list(PLACES))
def test_a_form_that_breaks_off(server: Installation, how: str, place: str) -> None:
    """Files that had arrived whole are not kept either: the form was never finished."""
    sent, most = PLACES[place]
    agent = f"form-{how}-{place.replace(' ', '-')}"
    kind, length = f"Content-Type: {FORM['Content-Type']}", f"Content-Length: {len(FORM_BODY)}"
    request = head(server, "POST", "/upload", agent, kind, length)
    send_and_leave(server, request + FORM_BODY[:sent], how)
    aborted = check_aborted(server, agent, sent)
    assert 1 <= len(aborted) <= most
    if how == "fin":
        known = ["first.txt", "second.txt"][: len(aborted)]
        assert [r["filename"] for r in aborted if "filename" in r] in (known, [])


def test_who_leaves_after_the_last_byte_has_uploaded(serve: Serve) -> None:
    server = serve(workers=1)
    for how in ("fin", "rst"):
        agent, content = f"complete-{how}", how.encode() * 1000
        request = head(server, "PUT", api(agent), agent, f"Content-Length: {len(content)}")
        send_and_leave(server, request + content, how)
        found = records_of_agent(server, agent)
        events = {record["event"]: record for record in found}
        assert len(found) == 3
        # A reset may overtake what was sent; then it is an aborted upload, and nothing else.
        if "file_uploaded" in events:
            assert send(server, "GET", api(agent)).body == content
        else:
            assert "upload_aborted" in events
            assert how == "rst"
            assert send(server, "GET", api(agent)).status == 404
    assert incoming(server) == []


def test_who_falls_silent_is_given_up(serve: Serve) -> None:
    server = serve(workers=1, client_timeout=1)
    connections = []
    for number in range(3):
        agent = f"silent-{number}"
        request = head(server, "PUT", api(agent), agent, "Content-Length: 1000")
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        connection.sendall(request + bytes(100 * number))
        connections.append(connection)
    for number, connection in enumerate(connections):
        with connection:
            [record] = check_aborted(server, f"silent-{number}", 100 * number)
            assert record["filename"] == f"silent-{number}"
