"""Traversal: no address, however it is written, reaches a file that is not a listed one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.attacks.attack import attack
from tests.attacks.raw import ask, speak, strange_objects, tree
from tests.serving import Installation
from tests.web.wire import FORM, JSON, Part, head_of, in_url, names, send, upload

pytestmark = attack(
    "CWE-22 path traversal",
    "CVE-2023-37474 copyparty",
    "GHSA-9f3r-2vgw-m8xp File Browser",
    "GHSA-4mh3-h929-w968 File Browser",
    "CVE-2026-30914 SFTPGo",
)

SECRET = b"canary-4f1c: not for anybody who asks"
CONTENT = b"what an attacker sends"

UP = {
    "plain": b"../",
    "encoded dots": b"%2e%2e/",
    "encoded slash": b"..%2f",
    "all encoded": b"%2e%2e%2f",
    "upper case": b"%2E%2E%2F",
    "twice encoded": b"%252e%252e%252f",
    "three times encoded": b"%25252e%25252e%25252f",
    "backslash": b"..%5c",
    "raw backslash": b"..\\",
    "mixed slashes": b"..%5c/",
    "overlong slash": b"..%c0%af",
    "overlong dots": b"%c0%ae%c0%ae/",
    "overlong in three bytes": b"%e0%80%ae%e0%80%ae%e0%80%af",
    "raw overlong": b"..\xc0\xaf",
    "utf-16 escape": b"%u002e%u002e%u2215",
    "fullwidth": b"%ef%bc%8e%ef%bc%8e%ef%bc%8f",
    "division slash": b"..%e2%88%95",
    "filtered once": b"....//",
    "with a nul": b"..%00/",
    "with a semicolon": b"..;/",
    "with a tab": b"..%09/",
    "with a newline": b"..%0a/",
    "with a blank": b"..%20/",
    "current folder": b"./../",
    "double slash": b"//..//",
}
STEMS = (b"/api/v1/files/", b"/delete/", b"/static/", b"/logs/", b"/ledger/tile/", b"/")
VERBS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "MOVE")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server whose data folder stands beside something worth reading."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "secret.txt").write_bytes(SECRET)
    installation = Installation(folder / "data", workers=1, threads=8).start()
    yield installation
    installation.stop()


def outside(server: Installation) -> dict[str, bytes | None]:
    """What lies beside the data folder; the server's own printed log apart."""
    return {
        name: content
        for name, content in tree(server.data.parent).items()
        if not name.startswith(server.data.name)
    }


def targets(up: bytes) -> list[bytes]:
    """What to climb to: beside the data folder, in it, and at the root of the machine."""
    return [
        up * 5 + b"secret.txt",
        up + b"ledger.key",
        up + b"strongroom.db",
        up * 16 + b"etc/passwd",
    ]


def check_nothing_leaked(received: bytes) -> None:
    """Neither what is beside the data folder, nor the key, nor the database, nor the machine's."""
    assert SECRET not in received
    assert b"root:x:0:0" not in received
    assert b"SQLite format 3" not in received
    assert b"PRIVATE+KEY+" not in received


@pytest.mark.parametrize("case", UP, ids=lambda case: case.replace(" ", "-"))
@pytest.mark.parametrize("verb", VERBS)
def test_no_way_up(house: Installation, verb: str, case: str) -> None:
    before = outside(house)
    for stem, target in product(STEMS, targets(UP[case])):
        body = CONTENT if verb in ("PUT", "POST", "PATCH") else b""
        head = head_of(verb, "@", "Connection: close", f"Content-Length: {len(body)}")
        received = speak(house, head.replace(b"@", stem + target, 1) + body)
        check_nothing_leaked(received)
        status = int(received.split(b" ", 2)[1])
        assert status < 500, (stem + target, status)
    assert outside(house) == before
    assert strange_objects(house) == []


@pytest.mark.parametrize(
    "target",
    [
        b"/.cpr/%2Fetc%2Fpasswd",
        b"/.cpr//etc/passwd",
        b"/api/v1/files/%2Fetc%2Fpasswd",
        b"/api/v1/files//etc/passwd",
        b"/api/v1/files/file:///etc/passwd",
        b"/api/v1/files/%00/etc/passwd",
        b"/static//etc/passwd",
        b"/static/%2Fetc/passwd",
        b"/logs/static//etc/passwd",
        b"http://127.0.0.1/api/v1/files//etc/passwd",
        b"/api/v1/files?folder=../../etc&path=/etc/passwd",
    ],
)
def test_no_absolute_path(house: Installation, target: bytes) -> None:
    answer = ask(house, "GET", target)
    check_nothing_leaked(answer.body)
    assert answer.status in (400, 404, 421)


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "..\\secret.txt", "/etc/cron.d/x", "C:\\x", "....//x", "..", "a/../../x"],
)
def test_no_name_in_a_form_is_a_path(house: Installation, name: str) -> None:
    before, listed = outside(house), names(house)
    for part in (
        Part(CONTENT, name),
        Part(CONTENT, disposition=f"; filename*=UTF-8''{in_url(name)}"),
    ):
        assert upload(house, part).status == 400
    assert (outside(house), names(house)) == (before, listed)
    assert strange_objects(house) == []


def test_a_path_beside_the_name_changes_nothing(house: Installation) -> None:
    """Fields that other servers take a folder from: they are read by nobody here."""
    fields = [
        Part(b"../../..", None, field=field, kind=None)
        for field in ("path", "folder", "dir", "relativePath", "webkitRelativePath", "target")
    ]
    before = outside(house)
    answer = upload(house, *fields, Part(CONTENT, "beside.txt"))
    assert answer.status == 201
    assert answer.json()["files"][0]["folder"] == "/"
    assert outside(house) == before
    assert send(house, "DELETE", "/api/v1/files/beside.txt").status == 204


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-Accel-Redirect"])
def test_no_header_replaces_the_address(house: Installation, header: str) -> None:
    sent = {**JSON, header: "/api/v1/records"}
    assert send(house, "GET", "/nowhere", headers=sent).status == 404
    assert send(house, "GET", "/healthz", headers=sent).json() == {"status": "ok"}


def test_a_destination_moves_nothing(house: Installation) -> None:
    """WebDAV's MOVE and COPY are no methods of ours, and Destination is no address."""
    assert send(house, "PUT", "/api/v1/files/stays.txt", CONTENT).status == 201
    for method in ("MOVE", "COPY"):
        sent = {"Destination": "/api/v1/files/../../moved.txt"}
        assert send(house, method, "/api/v1/files/stays.txt", headers=sent).status == 405
    sent = {**FORM, "X-HTTP-Method-Override": "DELETE"}
    assert send(house, "GET", "/api/v1/files/stays.txt", headers=sent).body == CONTENT
    assert "stays.txt" in names(house)
    assert not (house.data.parent / "moved.txt").exists()


def test_the_canary_would_be_seen(house: Installation) -> None:
    """The suite's own check: what it looks for is there, and it looks for the right thing."""
    assert Path(house.data.parent, "secret.txt").read_bytes() == SECRET
    with pytest.raises(AssertionError):
        check_nothing_leaked(b"<p>" + SECRET)
