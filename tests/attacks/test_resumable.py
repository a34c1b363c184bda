"""Resumable uploads: whose they are, how long they say they are, and rights lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from strongroom.permissions import Permission, Role
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, household
from tests.attacks.raw import answers, ask, strange_objects
from tests.attacks.shared import Estate
from tests.web.household import Household
from tests.web.tus.client import PIECE, VERSION, TusClient, leftovers, metadata

ABSENT = "01a20000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    for house in household(tmp_path_factory, "resumable", max_upload_bytes=10_000_000):
        house.add("Nora")
        yield house


def client(house: Household, name: str) -> TusClient:
    """Somebody in a browser."""
    return TusClient(house.server, house.headers(house.enter(name)))


def started(house: Household) -> int:
    """How many uploads were agreed upon so far."""
    return len(house.server.records("event:upload_started"))


@attack("CWE-639 authorization bypass through user-controlled key", "CVE-2025-64523 File Browser")
def test_nobody_goes_on_with_what_is_anothers(house: Household) -> None:
    mia, nora, ada = (client(house, name) for name in ("Mia", "Nora", "Ada"))
    address = mia.begin("whose.txt", 4)
    assert mia.patch(address, 0, b"ab").status == 204
    upload_id = address.rsplit("/", 1)[1]
    absent = f"/tus/{ABSENT}"
    for who in (nora, ada):
        for spelling in (upload_id, upload_id.upper()):
            target = f"/tus/{spelling}"
            for method, data, more in (
                ("HEAD", None, {}),
                ("PATCH", b"xx", {**PIECE, "Upload-Offset": "2"}),
                ("DELETE", None, {}),
                ("POST", b"xx", {**PIECE, "Upload-Offset": "2", "X-HTTP-Method-Override": "PATCH"}),
                ("POST", None, {"X-HTTP-Method-Override": "DELETE"}),
            ):
                there, nowhere = (who.send(method, at, data, more) for at in (target, absent))
                assert (there.status, nowhere.status) == (404, 404)
                assert there.body.replace(there.request_id.encode(), b"") == nowhere.body.replace(
                    nowhere.request_id.encode(), b""
                )
                assert set(there.headers) == set(nowhere.headers)
    for named in ({"upload_id": upload_id}, {"id": upload_id}, {"file_id": upload_id}):
        begun = nora.begin("hers.txt", 4, **named)
        assert begun.rsplit("/", 1)[1] != upload_id
        assert nora.send("DELETE", begun).status == 204
    assert mia.offset(address) == 2
    assert mia.patch(address, 2, b"cd").status == 204


@attack("CWE-22 path traversal", "CVE-2026-29188 File Browser")
@pytest.mark.parametrize(
    "upload_id",
    [
        "../x", "..%2fx", "%2e%2e/x", "../../strongroom.db", "..%2f..%2fledger.key", "x", ".", "..", "%00",
        "{id}/../{id}", "{id}%00", "{id}.writer", "{id}/", "{id}%20", "urn:uuid:{id}", "{{{id}}}", "{bare}",
        "%7b{id}%7d", "{id}%0a", "{id};x", "{id}%2f", "-{id}", "..%5c{id}", "{id}x", "%ef%bc%8e%ef%bc%8e/{id}",
        "0", "null", "*", "{id},{id}",
    ],
)  # fmt: skip
def test_no_other_id_is_one(house: Household, upload_id: str) -> None:
    """Ids are ours, and have one form; nothing else reaches the folder that uploads are kept in."""
    mia = client(house, "Mia")
    address = mia.begin("one form.txt", 4)
    own = address.rsplit("/", 1)[1]
    named = upload_id.format(id=own, bare=own.replace("-", ""))
    lines = [
        f"{name}: {said}".encode() for name, said in {**VERSION, **PIECE, **mia.headers}.items()
    ]
    for method in ("HEAD", "PATCH", "DELETE", "POST", "GET", "PUT"):
        target = f"/tus/{named}".encode()
        more = [b"Upload-Offset: 0", b"Upload-Length: 4"]
        answer = ask(
            house.server, method, target, *lines, *more, body=b"ab" if method != "HEAD" else b""
        )
        assert 400 <= answer.status < 500 or answer.status == 308, (method, answer.status)
    assert strange_objects(house.server) == []
    assert mia.offset(address) == 0
    assert mia.send("DELETE", address).status == 204


@attack("CWE-20 improper input validation", "GHSA-ffx7-75gc-jg7c File Browser")
@pytest.mark.parametrize(
    "length",
    [
        "-1", "-0", "+5", " ", "5 5", "5,5", "0x5", "1e9", "1_000", "5.0", "\u0665", "", "NaN", "null",
        str(2**63), str(2**64 + 4), "9" * 40, "999999999999999999", "10000001", "0" * 19, "--1",
    ],
)  # fmt: skip
def test_no_length_is_taken_for_another(house: Household, length: str) -> None:
    mia, before, kept = client(house, "Mia"), started(house), leftovers(house.server)
    lines = [f"{name}: {said}".encode() for name, said in {**VERSION, **mia.headers}.items()]
    sent = b"Upload-Length: " + length.encode()
    meta = f"Upload-Metadata: {metadata(filename='long.txt')}".encode()
    answer = ask(house.server, "POST", b"/tus/", *lines, sent, meta)
    assert answer.status in (400, 413), length
    late = mia.begin("late.txt", None)
    again = [f"{name}: {said}".encode() for name, said in PIECE.items()]
    target = late.encode()
    answer = ask(house.server, "PATCH", target, *lines, *again, sent, b"Upload-Offset: 0",
                 b"Content-Length: 0")  # fmt: skip
    assert answer.status in (400, 413), length
    head = mia.send("HEAD", late)
    assert (head.header("Upload-Defer-Length"), head.header("Upload-Offset")) == ("1", "0")
    assert mia.send("DELETE", late).status == 204
    assert started(house) == before + 1
    assert leftovers(house.server) == kept


@attack("CWE-20 improper input validation", "GHSA-ffx7-75gc-jg7c File Browser")
@pytest.mark.parametrize(
    "offset", ["-1", "+2", "2 ", "1", "3", "4", "5", "2.0", "0x2", "1e0", "", str(2**63), str(2**64 + 2), "02 2"]
)  # fmt: skip
def test_no_piece_goes_elsewhere(house: Household, offset: str) -> None:
    mia = client(house, "Mia")
    address = mia.begin("offset.txt", 6)
    assert mia.patch(address, 0, b"ab").status == 204
    answer = mia.send("PATCH", address, b"XY", PIECE, {"Upload-Offset": offset or "x"})
    if offset.strip() == "2":
        assert answer.status == 204  # a blank after a value is none of it: RFC 9110, section 5.5
    else:
        assert answer.status in (400, 409, 413), offset
        assert mia.offset(address) == 2
    assert mia.send("DELETE", address).status == 204


@attack("CWE-770 allocation of resources without limits")
def test_no_more_arrives_than_was_announced(house: Household) -> None:
    mia = client(house, "Mia")
    address = mia.begin("overrun.txt", 4)
    assert mia.patch(address, 0, b"x" * 1_000_000).status == 413
    assert mia.offset(address) == 0

    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    answer = mia.patch(address, 0, endless())
    assert answer.status == 413
    assert mia.offset(address) <= 4
    assert mia.send("DELETE", address).status == 204
    unknown = mia.begin("no end.txt", None)

    def more_than_any() -> Iterator[bytes]:
        for _ in range(170):
            yield b"x" * 65_536

    assert mia.patch(unknown, 0, more_than_any()).status == 413
    assert mia.offset(unknown) <= 10_000_000
    told = mia.create("whole.txt", 4, {**PIECE}).status
    assert told in (201, 413)
    assert mia.send("DELETE", unknown).status == 204


def _ways(house: Household, name: str) -> dict[str, Callable[[], object]]:
    user_id = house.ids[name]
    return {
        "disabled": lambda: house.accounts.disable(user_id),
        "ended": lambda: house.accounts.end_sessions(user_id, but=None),
        "demoted": lambda: house.accounts.change(user_id, role=Role.AUDITOR),
    }


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
@pytest.mark.parametrize("moment", ["between pieces", "in the last piece"])
@pytest.mark.parametrize("how", ["disabled", "ended", "demoted", "token revoked"])
def test_rights_lost_on_the_way(house: Household, how: str, moment: str) -> None:
    name = f"Resumer {how} {moment}"
    house.add(name)
    who, ways = client(house, name), _ways(house, name)
    if how == "token revoked":
        token_id, secret = house.token(name, Permission.FILES_WRITE)
        who = TusClient(house.server, bearer(secret))
        ways[how] = lambda: house.accounts.revoke_token(house.ids[name], token_id)
    length = 600_000
    address = who.begin(f"{name}.bin", length)
    assert who.patch(address, 0, b"x" * 1000).status == 204
    if moment == "between pieces":
        ways[how]()
        answer = who.patch(address, 1000, b"x" * (length - 1000))
        assert answer.status in (401, 403)
    else:
        sending = who.stall(address, 1000, length - 1000, b"x" * 400_000)
        ways[how]()
        received = bytearray()
        with sending:
            sending.sendall(b"x" * (length - 401_000))
            sending.settimeout(10)
            while not received.endswith(b"}") and (piece := sending.recv(1 << 16)):
                received += piece
        [answer] = answers(bytes(received), "PATCH")
        answer.problem(403, "permission_revoked")
    ada = Estate(house)
    listed = ada.ask("GET", f"/api/v1/files?query={name.replace(' ', '%20')}").json()["files"]
    assert listed == []


@attack("CWE-367 time-of-check time-of-use", "CVE-2026-35604 File Browser")
@pytest.mark.parametrize("how", ["read", "hidden", "deleted"])
@pytest.mark.parametrize("moment", ["between pieces", "in the last piece"])
def test_a_folder_lost_on_the_way(house: Household, how: str, moment: str) -> None:
    estate, mia = Estate(house), client(house, "Mia")
    folder = f"/Lost {how} {moment}"
    estate.folder(folder, everyone="write")
    length = 600_000
    address = mia.begin("kept out.bin", length, folder=folder)
    assert mia.patch(address, 0, b"x" * 1000).status == 204

    def lose() -> None:
        if how == "deleted":
            target = f"/api/v1/folders{folder.replace(' ', '%20')}"
            assert estate.ask("DELETE", target).status == 204
        else:
            estate.permit(folder, **({"everyone": "read"} if how == "read" else {"Nora": "manage"}))

    status = 403 if how == "read" else 404
    if moment == "between pieces":
        lose()
        assert mia.patch(address, 1000, b"x" * (length - 1000)).status == status
    else:
        sending = mia.stall(address, 1000, length - 1000, b"x" * 400_000)
        lose()
        received = bytearray()
        with sending:
            sending.sendall(b"x" * (length - 401_000))
            sending.settimeout(10)
            while not received.endswith(b"}") and (piece := sending.recv(1 << 16)):
                received += piece
        [answer] = answers(bytes(received), "PATCH")
        assert answer.status == status, answer.text
    assert house.server.records('event:file_uploaded filename:"kept out.bin"') == []
    assert mia.send("DELETE", address).status == 204
