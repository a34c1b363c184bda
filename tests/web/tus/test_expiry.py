"""Uploads that nobody goes on with: refused once it is too late, dropped by the sweep, and recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from strongroom.audit.pipeline.clock import new_id
from strongroom.bootstrap import Installation as Storage
from strongroom.files.tables import upload
from strongroom.files.tus.expiry import expire
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.settings import load
from tests.serving import Installation
from tests.web.tus.client import TusClient, assert_uploaded, events, leftovers, names_of, stored

DAY = 86_400 * 1_000_000


@pytest.fixture
def tus(tmp_path: Path) -> Iterator[TusClient]:
    server = Installation(tmp_path / "data", workers=1).start()
    yield TusClient(server)
    server.stop()


@contextmanager
def beside(tus: TusClient) -> Iterator[ResumableUploads]:
    """The same uploads as another process has them."""
    storage = Storage.open(load(data=str(tus.server.data), no_auth=True))
    audit = storage.audit()
    try:
        yield storage.resumable(storage.files(audit, storage.accounts(audit)), audit)
    finally:
        audit.close()


def swept(tus: TusClient, *, days: float) -> int:
    """How many uploads are dropped so many days from now."""
    with beside(tus) as uploads:
        return expire(uploads, time.time_ns() // 1000 + int(days * DAY))


def test_what_is_left_alone_for_too_long_is_dropped_and_recorded(tus: TusClient) -> None:
    address = tus.begin("left.txt", 6)
    assert tus.patch(address, 0, b"abc").status == 204
    assert swept(tus, days=0.9) == 0
    assert tus.offset(address) == 3
    assert swept(tus, days=1.1) == 1
    assert swept(tus, days=1.1) == 0
    assert tus.send("HEAD", address).status == 404
    assert leftovers(tus.server) == []
    found = events(tus.server, "left.txt")
    assert names_of(found) == ["upload_started", "upload_aborted"]
    assert found[1]["bytes_in"] == 3


def test_it_is_refused_before_it_is_swept(tus: TusClient) -> None:
    address = tus.begin("late.txt", 6)
    with beside(tus) as uploads:
        uploads.store.write(
            lambda connection: connection.execute(update(upload).values(expires_at=1))
        )
    age(tus, address)
    assert tus.send("HEAD", address).status == 410
    tus.patch(address, 0, b"abc").problem(410, "upload_expired")


def age(tus: TusClient, address: str) -> None:
    """As if nothing of it had been written for two days."""
    before = time.time() - 2 * 86_400
    for path in (tus.server.data / "objects" / "uploads").glob(f"{address.rsplit('/', 1)[1]}*"):
        os.utime(path, (before, before))


def test_it_is_not_refused_while_bytes_of_it_arrive(tus: TusClient) -> None:
    """One piece may take longer than an upload is kept between two."""
    address, content = tus.begin("busy.bin", 1_000_000), bytes(1_000_000)
    connection = tus.stall(address, 0, len(content), content[:600_000])
    with beside(tus) as uploads:
        uploads.store.write(
            lambda connection: connection.execute(update(upload).values(expires_at=1))
        )
    arrived = tus.offset(address)
    assert arrived > 0
    connection.close()  # cut off; and it can be gone on with
    arrived = tus.offset(address)
    answer = tus.patch(address, arrived, content[arrived:])
    assert answer.status == 204
    assert parsedate_to_datetime(answer.header("Upload-Expires")).timestamp() > time.time()
    assert stored(tus.server, "busy.bin") == content


def test_what_is_still_written_is_let_go_on(tus: TusClient) -> None:
    """One piece may take longer than an upload is kept between two."""
    address = tus.begin("slow.txt", 6)
    later = time.time() + 86_400
    os.utime(tus.server.data / "objects" / "uploads" / address.rsplit("/", 1)[1], (later, later))
    assert swept(tus, days=1.1) == 0
    assert tus.patch(address, 0, b"abcdef").status == 204
    assert_uploaded(tus.server, "slow.txt", b"abcdef")


def test_of_a_stored_upload_only_the_memory_goes(tus: TusClient) -> None:
    address = tus.begin("stored.txt", 3)
    assert tus.patch(address, 0, b"abc").status == 204
    assert tus.offset(address) == 3
    assert swept(tus, days=1.1) == 0
    assert tus.send("HEAD", address).status == 404
    assert stored(tus.server, "stored.txt") == b"abc"
    assert "upload_aborted" not in names_of(events(tus.server, "stored.txt"))


def test_what_no_row_names_is_removed_once_it_is_old(tus: TusClient) -> None:
    address = tus.begin("named.txt", 3)
    with beside(tus) as uploads:
        uploads.objects.begin(new_id())
    assert swept(tus, days=0) == 0
    assert len(leftovers(tus.server)) == 4
    assert swept(tus, days=0.1) == 0
    assert len(leftovers(tus.server)) == 2
    assert tus.offset(address) == 0
