"""Forms made to cost more than they weigh: parts, heads, preambles, runs of line ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.attacks.attack import attack
from tests.attacks.raw import peak_memory
from tests.serving import Installation
from tests.web.wire import BOUNDARY, FORM, JSON, Answer, Part, form, names, send

pytestmark = attack(
    "CWE-400 uncontrolled resource consumption",
    "CVE-2023-25577 Werkzeug",
    "CVE-2023-46136 Werkzeug",
    "CVE-2024-53981 python-multipart",
)

MIB = 1024 * 1024
ROOM = 64 * MIB
"""How much a process may grow over what it needs; each body is several times as large."""

OPEN = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'.encode()
CLOSE = f"\r\n--{BOUNDARY}--\r\n".encode()
NEARLY = f"\r\n--{BOUNDARY}"[:-1].encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One worker, so that its memory is what is measured."""
    data = tmp_path_factory.mktemp("multipart") / "data"
    installation = Installation(data, workers=1, threads=8).start()
    yield installation
    installation.stop()


def repeated(piece: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> Iterator[bytes]:
    """A body in chunks, so that its length is not known beforehand."""
    block = piece * max(1, (128 * 1024) // len(piece))
    yield head or b"\r\n"
    for _ in range(size // len(block)):
        yield block
    yield tail or b"\r\n"


def post(server: Installation, body: bytes | Iterator[bytes]) -> Answer:
    """Send this as a form."""
    return send(server, "POST", "/upload", body, {**FORM, **JSON})


BOMBS: dict[str, Callable[[], bytes | Iterator[bytes]]] = {
    "parts without end": lambda: form(*[Part(b"", "", kind=None)] * 20_000),
    "fields without end": lambda: form(*[Part(b"x", None, kind=None)] * 20_000),
    "a preamble without end": lambda: repeated(b"x", 200 * MIB),
    "a preamble of returns": lambda: repeated(b"\r", 200 * MIB),
    "a preamble of line ends": lambda: repeated(b"\r\n", 200 * MIB),
    "a head without end": lambda: repeated(b"x", 200 * MIB, OPEN + b"X-Long: "),
    "heads without end": lambda: repeated(b"X-More: 1\r\n", 200 * MIB, OPEN),
    "a field without end": lambda: repeated(
        b"x",
        200 * MIB,
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="t"\r\n\r\n'.encode(),
    ),
}


@pytest.mark.parametrize("case", BOMBS, ids=lambda case: case.replace(" ", "-"))
def test_a_bomb_is_refused_in_bounded_memory(server: Installation, case: str) -> None:
    before = peak_memory(server)
    answer = post(server, BOMBS[case]())
    assert answer.status in (400, 413)
    assert peak_memory(server) < before + ROOM
    assert names(server) == set()
    assert not any((server.data / "objects" / "incoming").iterdir())


@pytest.mark.parametrize(
    "piece",
    [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", NEARLY],
    ids=lambda piece: repr(piece)[:14],
)
def test_runs_that_nearly_end_a_part_are_content(server: Installation, piece: bytes) -> None:
    """Quadratic search would not end within the client's patience, nor the test's."""
    body = repeated(piece, 40 * MIB, OPEN + b"\r\n" + b"\r", CLOSE)
    before = peak_memory(server)
    answer = post(server, body)
    assert answer.status == 201, answer.body
    assert answer.json()["files"][0]["file_size_bytes"] > 39 * MIB
    assert peak_memory(server) < before + ROOM
    assert send(server, "DELETE", "/api/v1/files/f").status == 204


def test_a_boundary_without_end(server: Installation) -> None:
    boundary = "b" * 7000
    sent = {**JSON, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = send(server, "POST", "/upload", b"--x\r\n" * 100_000, sent)
    assert answer.status == 400
    assert names(server) == set()
