"""How much somebody may store: many at once, small ones, old versions, and uploads never finished."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attacks.attack import attack
from tests.attacks.callers import household
from tests.attacks.shared import as_somebody
from tests.web.callers import database
from tests.web.household import Household
from tests.web.tus.client import TusClient
from tests.web.wire import FORM, JSON, Part, form

QUOTA = 300_000
PIECES = 40_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    yield from household(tmp_path_factory, "quotas", user_quota_bytes=QUOTA)


def somebody(house: Household, name: str) -> dict[str, str]:
    """Somebody who has stored nothing yet."""
    house.add(name)
    return house.headers(house.enter(name))


def stored(house: Household, name: str) -> int:
    """Bytes of all versions of what somebody uploaded."""
    records = house.server.records("event:file_uploaded")
    return sum(r["file_size_bytes"] for r in records if r["user_id"] == house.ids[name])


def on_disk(house: Household) -> int:
    """Bytes of all content that is kept, whether or not a file has it."""
    objects = house.server.data / "objects"
    return sum(one.stat().st_size for one in objects.rglob("*") if one.is_file())


def content(number: int) -> bytes:
    """Like no other: what is stored once would not fill a disk."""
    return number.to_bytes(4) * (PIECES // 4)


@attack("CWE-770 allocation of resources without limits")
@pytest.mark.parametrize("way", ["put", "put in chunks", "form", "tus"])
def test_many_at_once_are_no_way_around_it(house: Household, way: str) -> None:
    name = f"Hoarder by {way}"
    headers = somebody(house, name)

    def send(number: int) -> int:
        target, body = f"/api/v1/files/{way.replace(' ', '-')}-{number}", content(number)
        if way == "tus":
            return whole(TusClient(house.server, headers), number)
        if way == "form":
            sent = {**FORM, **JSON, **headers}
            part = form(Part(body, f"form-{number}"))
            return as_somebody(house, sent, "POST", "/upload", part).status
        if way == "put in chunks":
            return TusClient(house.server, headers).send("PUT", target, iter([body])).status
        return as_somebody(house, headers, "PUT", target, body).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(24)))
    assert set(statuses) == {201, 507}, statuses
    assert statuses.count(201) == QUOTA // PIECES
    assert stored(house, name) <= QUOTA


def whole(client: TusClient, number: int) -> int:
    """A resumable upload in two requests."""
    created = client.create(f"tus-{number}", PIECES)
    if created.status != 201:
        return created.status
    address = created.header("Location")
    answer = client.patch(address, 0, content(number))
    if answer.status != 204:
        assert client.send("DELETE", address).status == 204
    return 201 if answer.status == 204 else answer.status


@attack("CWE-770 allocation of resources without limits")
def test_versions_and_the_trash_count(house: Household) -> None:
    headers = somebody(house, "Editor")
    target = "/api/v1/files/edited"
    answer = as_somebody(house, headers, "PUT", target, content(0))
    statuses = []
    for number in range(1, 12):
        tag = as_somebody(house, headers, "HEAD", target).header("ETag")
        answer = as_somebody(house, headers, "PUT", target, content(number), If_Match=tag)
        statuses.append(answer.status)
    assert statuses.count(204) == QUOTA // PIECES - 1
    assert as_somebody(house, headers, "DELETE", target).status == 204
    assert as_somebody(house, headers, "PUT", "/api/v1/files/another", content(99)).status == 507
    for other in ("renamed", "moved"):  # what is in the trash under another name is there still
        assert (
            as_somebody(house, headers, "PUT", f"/api/v1/files/{other}", content(98)).status == 507
        )


@attack("CWE-770 allocation of resources without limits")
def test_what_is_too_much_is_refused_before_it_is_sent(house: Household) -> None:
    headers = somebody(house, "Boaster")
    client = TusClient(house.server, headers)
    assert client.create("too much", QUOTA + 1).status == 507
    address = client.begin("late", None)
    late = client.patch(address, 0, b"", {"Upload-Length": str(QUOTA + 1)})
    assert late.status == 507
    assert client.patch(address, 0, (b"x" * 10_000 for _ in range(60))).status == 507
    assert client.offset(address) <= QUOTA
    assert client.send("DELETE", address).status == 204


@attack("CWE-770 allocation of resources without limits")
def test_uploads_that_are_never_finished_count(house: Household) -> None:
    """Else a disk could be filled by uploads that stop before their last byte."""
    headers = somebody(house, "Starter")
    client = TusClient(house.server, headers)
    kept = 0
    for number in range(20):
        created = client.create(f"unfinished-{number}", PIECES + 1)
        if created.status == 507:
            continue
        address = created.header("Location")
        if client.patch(address, 0, content(number)).status == 204:
            kept += PIECES
    assert kept <= QUOTA
    deferred = 0
    for number in range(20):
        created = client.create(f"deferred-{number}", None)
        if created.status == 507:
            continue
        if client.patch(created.header("Location"), 0, content(number)).status == 204:
            deferred += PIECES
    assert kept + deferred <= QUOTA


@attack("CWE-770 allocation of resources without limits")
def test_nobody_pays_for_another(house: Household) -> None:
    """Content that is stored already is counted as whoever uploads it; the owner's stays as it was."""
    one, two = somebody(house, "First"), somebody(house, "Second")
    assert as_somebody(house, one, "PUT", "/api/v1/files/same-1", content(7)).status == 201
    for number in range(2, QUOTA // PIECES + 4):
        as_somebody(house, two, "PUT", f"/api/v1/files/same-{number}", content(7))
    assert stored(house, "Second") == QUOTA // PIECES * PIECES
    assert as_somebody(house, one, "PUT", "/api/v1/files/same-0", content(8)).status == 201


@attack("CWE-770 allocation of resources without limits")
def test_nobody_begins_uploads_without_end(house: Household) -> None:
    headers = somebody(house, "Beginner")
    client = TusClient(house.server, headers)
    address = client.begin("the first", 4)
    columns = (
        "parent_id, filename, content_type, file_size_bytes, created_at, created_by, expires_at"
    )
    copied = f"INSERT INTO upload (upload_id, {columns}) SELECT ?, {columns} FROM upload WHERE upload_id = ?"
    with database(house.server) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(999):
            new = f"01a20000-0000-7000-8000-{number:012x}"
            connection.execute(copied, (new, address.rsplit("/", 1)[1]))
        connection.execute("COMMIT")
    client.create("one more", 4).problem(429, "too_many_uploads")
    other = TusClient(house.server, somebody(house, "Somebody else"))
    assert other.send("DELETE", other.begin("hers", 4)).status == 204
    assert client.send("DELETE", address).status == 204
    assert client.create("one more", 4).status == 201


@attack("CWE-770 allocation of resources without limits")
@pytest.mark.parametrize("way", ["put", "put in chunks", "form"])
def test_what_was_begun_leaves_no_room_for_plain_uploads(house: Household, way: str) -> None:
    headers = somebody(house, f"Starter of tus and {way}")
    client = TusClient(house.server, headers)
    address = client.begin(f"begun before {way}", QUOTA)
    assert client.patch(address, 0, bytes(QUOTA - PIECES)).status == 204

    def send(name: str, body: bytes) -> int:
        target = f"/api/v1/files/{name}"
        if way == "form":
            sent = {**FORM, **JSON, **headers}
            return as_somebody(house, sent, "POST", "/upload", form(Part(body, name))).status
        if way == "put in chunks":
            return TusClient(house.server, headers).send("PUT", target, iter([body])).status
        return as_somebody(house, headers, "PUT", target, body).status

    name = f"beside-{way.replace(' ', '-')}"
    assert send(name, bytes(PIECES + 1)) == 507
    # A form is a little longer than what is in it, and so may not fill the last bytes.
    assert send(name, bytes(PIECES - 1_000)) == 201
    assert client.patch(address, QUOTA - PIECES, bytes(PIECES)).status == 507
    assert client.send("DELETE", address).status == 204
    assert send(name + "-after", bytes(PIECES + 1)) == 201


@attack("CWE-770 allocation of resources without limits")
@pytest.mark.parametrize("way", ["put", "put in chunks", "form"])
def test_what_is_refused_is_not_kept(house: Household, way: str) -> None:
    """Of many at once to one name, each nearly as large as the quota, one may stay on the disk."""
    name = f"Crowd by {way}"
    headers = somebody(house, name)
    before = on_disk(house)
    target = f"crowd-{way.replace(' ', '-')}"

    def send(number: int) -> int:
        body = name.encode() + number.to_bytes(4) * (QUOTA // 5)
        if way == "form":
            sent = {**FORM, **JSON, **headers}
            return as_somebody(house, sent, "POST", "/upload", form(Part(body, target))).status
        if way == "put in chunks":
            chunks = iter([body[:100_000], body[100_000:]])
            client = TusClient(house.server, headers)
            return client.send("PUT", f"/api/v1/files/{target}", chunks).status
        return as_somebody(house, headers, "PUT", f"/api/v1/files/{target}", body).status

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(send, range(12)))
    assert statuses.count(201) <= 1, statuses
    assert set(statuses) <= {201, 409, 507}, statuses
    assert on_disk(house) - before <= QUOTA


@attack("CWE-770 allocation of resources without limits")
@pytest.mark.parametrize("way", ["put", "tus"])
def test_a_name_that_is_taken_meanwhile_leaves_nothing_on_the_disk(
    house: Household, way: str
) -> None:
    headers = somebody(house, f"Latecomer by {way}")
    target = f"late-by-{way}"
    client = TusClient(house.server, headers)
    before = on_disk(house)
    for number in range(3):
        path = f"/api/v1/files/{target}-{number}"

        def body(number: int = number, path: str = path) -> Iterator[bytes]:
            yield content(1_000 + number)
            assert as_somebody(house, headers, "PUT", path, b"").status == 201
            yield f"the end of {way} {number}".encode()

        if way == "put":
            assert client.send("PUT", path, body()).status == 409
        else:
            end = len(f"the end of {way} {number}")
            address = client.begin(f"{target}-{number}", PIECES + end)
            client.patch(address, 0, body()).problem(409, "filename_taken")
            client.patch(address, PIECES + end, b"").problem(409, "filename_taken")
            assert client.send("DELETE", address).status == 204
    assert on_disk(house) - before < PIECES
