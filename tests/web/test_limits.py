"""Too much of anything is refused with an explanation; the server goes on, and grows no larger."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.serving import Installation
from tests.web.wire import (
    AGENT,
    HTML,
    JSON,
    PATIENCE,
    Answer,
    Part,
    api,
    exchange,
    form,
    head_of,
    put,
    send,
)
from tests.web.wire import FORM as MULTIPART

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MEBIBYTE = 1024 * 1024
GROWTH = 40 * MEBIBYTE
"""What a worker may grow by in these tests: far less than is sent to it."""


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that asks who comes in."""
    data = tmp_path_factory.mktemp("limits") / "data"
    installation = Installation.with_accounts(data, cheap_passwords=False, workers=1).start()
    yield installation
    installation.stop()


def memory(server: Installation) -> int:
    """Bytes that the processes of the server hold."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    held = [Path(f"/proc/{pid}/status").read_text() for pid in children]
    return sum(int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) * 1024 for text in held)


def explained(answer: Answer, status: int, *words: str) -> None:
    """It is a page that says what happened."""
    assert answer.status == status
    assert answer.header("Content-Type").startswith("text/html")
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert "<h1>" in answer.text
    for word in words:
        assert word in answer.text
    assert "SECRET" not in answer.text


# --- The head of a request ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [8_300, 70_000, 300_000])
def test_the_address_is_too_long(small: Installation, size: int) -> None:
    answer = exchange(small, head_of("GET", "/?SECRET=" + "x" * size))
    explained(answer, 414, "too long", "8,190")
    assert send(small, "GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{number}: SECRET" for number in range(101)],
        ["X-Long: SECRET" + "x" * 8_200],
        ["Cookie: SECRET" + "x" * 70_000],
        [f"X-{number}: SECRET{'x' * 4_000}" for number in range(20)],
        [f"X-{number}: SECRET{'x' * 4_000}" for number in range(90)],
    ],
    ids=["many", "a long one", "a very long one", "much", "very much"],
)
def test_the_headers_are_too_large(small: Installation, headers: list[str]) -> None:
    explained(exchange(small, head_of("GET", "/healthz", *headers)), 431, "100 headers", "cookies")
    assert send(small, "GET", "/healthz").status == 200


def test_as_much_as_is_allowed_is_answered(small: Installation) -> None:
    # Three headers are in every one of these heads.
    assert exchange(small, head_of("GET", "/healthz?" + "x" * 8_100)).status == 200
    many = [f"X-{number}: x" for number in range(97)]
    assert exchange(small, head_of("GET", "/healthz", *many)).status == 200
    assert exchange(small, head_of("GET", "/healthz", "X-Long: " + "x" * 8_000)).status == 200


def test_heads_without_end_cost_no_memory(small: Installation) -> None:
    before = memory(small)
    opened = []
    try:
        for _ in range(100):
            connection = socket.create_connection(("127.0.0.1", small.port), timeout=PATIENCE)
            opened.append(connection)
            connection.sendall(head_of("GET", "/")[:-2] + b"X-Endless: " + b"x" * 500_000)
        assert send(small, "GET", "/healthz").status == 200
        for connection in opened:
            assert connection.recv(12) == b"HTTP/1.1 431"
        assert memory(small) - before < GROWTH
    finally:
        for connection in opened:
            connection.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00SECRET\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: SECRET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nSECRET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: SECRET\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: SECRET\r\n\r\n", 417),
    ],
)
def test_what_is_no_request_is_explained(small: Installation, sent: bytes, status: int) -> None:
    explained(exchange(small, sent), status)
    assert "SECRET" not in small.log.read_text()
    assert send(small, "GET", "/healthz").status == 200


# --- Forms ----------------------------------------------------------------------------------------


def sign_in(server: Installation, body: bytes, headers: dict[str, str]) -> Answer:
    return send(server, "POST", "/sign-in", body, {**HTML, **headers})


def test_a_password_of_a_mebibyte(asking: Installation) -> None:
    before = memory(asking)
    body = urlencode({"name": "Ada", "password": "SECRET" + "x" * MEBIBYTE}).encode()
    for answer in [sign_in(asking, body, URLENCODED) for _ in range(20)]:
        explained(answer, 413, "65,536 bytes", answer.request_id)
    assert memory(asking) - before < GROWTH
    assert "SECRET" not in asking.log.read_text()
    assert send(asking, "GET", "/healthz").status == 200


def test_a_password_that_a_form_can_hold_is_too_long(asking: Installation) -> None:
    body = urlencode({"name": "Ada", "password": "SECRET" + "x" * 60_000}).encode()
    answer = sign_in(asking, body, URLENCODED)
    assert answer.status in (400, 401, 413, 422)
    assert "<h1" in answer.text
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/setup", "/password"])
def test_forms_say_how_long_they_are(asking: Installation, path: str) -> None:
    before = memory(asking)
    pieces = (b"name=" if number == 0 else b"x" * 10_000 for number in range(6_000))
    answer = send(asking, "POST", path, pieces, {**HTML, **URLENCODED})
    explained(answer, 411, "Content-Length", answer.request_id)
    assert memory(asking) - before < GROWTH


def test_a_form_of_many_parts(asking: Installation) -> None:
    parts = [Part(b"x", field=f"f{number}", kind=None) for number in range(500)]
    answer = sign_in(asking, form(*parts), MULTIPART)
    assert answer.status == 413
    assert "<h1" in answer.text


def test_a_form_of_many_fields(asking: Installation) -> None:
    body = "&".join(f"f{number}=x" for number in range(7_000)).encode()
    assert sign_in(asking, body, URLENCODED).status in (401, 413)


def test_programs_are_told_in_their_way(asking: Installation) -> None:
    answer = send(asking, "POST", "/sign-in", b"x" * MEBIBYTE, {**JSON, **URLENCODED})
    answer.problem(413, "form_too_large")
    assert '"reason":"form_too_large"' in asking.log.read_text()


def test_uploads_have_limits_of_their_own(small: Installation) -> None:
    assert put(small, "larger than a form", b"x" * 90_000)
    refused = send(small, "PUT", api("too large"), b"x" * 200_000, {**JSON, "User-Agent": AGENT})
    refused.problem(413, refused.json()["reason"])
    assert refused.json()["reason"] != "form_too_large"


def test_a_deletion_takes_no_body(small: Installation) -> None:
    put(small, "kept")
    answer = send(small, "DELETE", api("kept"), b"x" * MEBIBYTE, JSON)
    answer.problem(413, "form_too_large")
    assert send(small, "GET", api("kept")).status == 200


def test_a_zip_of_many_is_chosen_in_one_form(small: Installation) -> None:
    """Its form alone may be longer than others, and not as long as one likes."""
    file_id = put(small, "one of many")["file_id"]
    many = urlencode([("node", file_id)] * 6_000).encode()
    assert len(many) > 200_000
    answer = send(small, "POST", "/zip", many, {**JSON, **URLENCODED})
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/zip"
    send(small, "POST", "/zip", many + many, {**JSON, **URLENCODED}).problem(413, "form_too_large")
    for target in ("/files/delete", "/files/move"):
        answer = send(small, "POST", target, many, {**JSON, **URLENCODED})
        answer.problem(413, "form_too_large")
