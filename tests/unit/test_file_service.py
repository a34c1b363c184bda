"""The file service: every act commits with its record, or neither exists."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from strongroom.audit.events import Catalogue, Stream
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.check import check_stream
from strongroom.audit.query import Window, parse
from strongroom.bootstrap import SCHEMAS
from strongroom.errors import Refused, Unavailable
from strongroom.files import events
from strongroom.files.blobs import Blob, Blobs
from strongroom.files.service import FileService, content_sizes
from strongroom.objects import LocalObjects
from strongroom.permissions import PERMISSIONS, Identity, Role
from strongroom.store import Store
from strongroom.store.migrate import migrate

SHA256 = hashlib.sha256(b"content").hexdigest()
BLOB = Blob(SHA256, 7)
SOMEBODY = Identity("u-1", "Mia", Role.MEMBER, PERMISSIONS[Role.MEMBER], session_id="s-1")


@pytest.fixture
def audit(store: Store) -> AuditLog:
    migrate(store, *SCHEMAS)
    return AuditLog(store=store, viewer=None, catalogue=Catalogue.of(events))


@pytest.fixture
def files(store: Store, audit: AuditLog, tmp_path: Path) -> Iterator[FileService]:
    yield FileService(store, Blobs(LocalObjects(tmp_path / "objects")), audit, lambda *_: True)
    assert check_stream(store, Stream.AUDIT) >= 0


def records(audit: AuditLog) -> list[dict[str, Any]]:
    """Everything recorded, oldest first."""
    return list(audit.search.page(parse(""), Window(), limit=10_000).records)[::-1]


def names(files: FileService) -> list[str]:
    return [stored.filename for stored in files.list().files]


def test_an_added_file_is_listed_and_recorded(files: FileService, audit: AuditLog) -> None:
    stored = files.add("日本語.txt", "text/plain", BLOB)
    assert files.find("日本語.txt") == stored
    assert files.list().files == [stored]
    assert files.list().total == 1
    (record,) = records(audit)
    assert record["event"] == "file_uploaded"
    for field in ("file_id", "filename", "file_size_bytes", "content_type", "sha256"):
        assert record[field] == getattr(stored, field)
    assert content_sizes(files._store) == {SHA256: 7}


def test_a_name_in_use_is_refused_and_nothing_changes(files: FileService, audit: AuditLog) -> None:
    first = files.add("a.txt", "text/plain", BLOB)
    for refuse in (
        lambda: files.add("a.txt", "text/html", Blob("0" * 64, 1)),
        lambda: files.check_free("a.txt"),
    ):
        with pytest.raises(Refused) as refused:
            refuse()
        assert (refused.value.reason, refused.value.status) == ("filename_taken", 409)
    assert files.find("a.txt") == first
    assert len(records(audit)) == 1


def test_one_of_many_at_once_gets_the_name(files: FileService, audit: AuditLog) -> None:
    def add(number: int) -> bool:
        try:
            files.add("a.txt", "text/plain", Blob(f"{number:064x}", number))
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        added = list(pool.map(add, range(64)))
    assert added.count(True) == 1
    assert files.find("a.txt").file_size_bytes == added.index(True)
    assert [record["file_size_bytes"] for record in records(audit)] == [added.index(True)]


def test_names_that_differ_in_any_way_are_different_files(files: FileService) -> None:
    wanted = [
        "a.txt",
        "A.txt",
        "a.txt ",
        " a.txt",
        "gr\u00f6\u00dfer",
        "gro\u0308\u00dfer",
        "\uff41.txt",
    ]
    for name in wanted:
        files.check_free(name)
        files.add(name, "text/plain", BLOB)
    assert sorted(names(files)) == sorted(wanted)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\nb", "x" * 300])
def test_a_name_that_cannot_be(files: FileService, audit: AuditLog, name: str) -> None:
    for use in (lambda: files.add(name, "text/plain", BLOB), lambda: files.check_free(name)):
        with pytest.raises(Refused) as refused:
            use()
        assert refused.value.status == 400
    assert names(files) == []
    assert records(audit) == []


def test_a_trashed_file_is_gone_and_its_name_free(files: FileService, audit: AuditLog) -> None:
    first = files.add("a.txt", "text/plain", BLOB)
    assert files.trash("a.txt") == first
    for use in (files.find, files.trash):
        with pytest.raises(Refused) as refused:
            use("a.txt")
        assert (refused.value.reason, refused.value.status) == ("file_not_found", 404)
    second = files.add("a.txt", "text/plain", BLOB)
    files.trash("a.txt")
    assert second.file_id != first.file_id
    assert [(record["event"], record["file_id"]) for record in records(audit)] == [
        ("file_uploaded", first.file_id),
        ("file_deleted", first.file_id),
        ("file_uploaded", second.file_id),
        ("file_deleted", second.file_id),
    ]
    assert content_sizes(files._store) == {SHA256: 7}


def test_where_nothing_can_be_recorded_nothing_happens(
    files: FileService, audit: AuditLog, store: Store
) -> None:
    files.add("kept.txt", "text/plain", BLOB)
    other = sqlite3.connect(store.path)
    other.execute("alter table journal rename to journal_away")
    with pytest.raises(Unavailable):
        files.add("a.txt", "text/plain", BLOB)
    with pytest.raises(Unavailable):
        files.trash("kept.txt")
    other.execute("alter table journal_away rename to journal")
    other.close()
    assert names(files) == ["kept.txt"]
    assert [record["filename"] for record in records(audit)] == ["kept.txt"]


def test_pages_list_every_file_once_newest_first(files: FileService) -> None:
    added = [files.add(f"{number}.txt", "text/plain", BLOB).filename for number in range(25)]
    seen: list[str] = []
    cursor = None
    while True:
        page = files.list(cursor, limit=7)
        assert page.total == 25 + len(seen) // 7
        seen += [stored.filename for stored in page.files]
        cursor = page.next
        if cursor is None:
            break
        files.add(f"later{len(seen)}.txt", "text/plain", BLOB)
    assert seen == added[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "-1-a", "1" * 30 + "-a", "日-a"])
def test_a_cursor_that_is_not_ours(files: FileService, cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        files.list(cursor)
    assert refused.value.reason == "cursor_not_valid"


def test_it_says_who(store: Store, audit: AuditLog, files: FileService) -> None:
    stored = files.add("a.txt", "text/plain", BLOB, SOMEBODY)
    assert stored.created_by == "u-1"
    assert files.find("a.txt").as_json()["created_by"] == "u-1"


def test_who_may_no_more_changes_nothing(
    store: Store, audit: AuditLog, files: FileService, tmp_path: Path
) -> None:
    files.add("kept.txt", "text/plain", BLOB)
    asked: list[Identity] = []

    def revoked(_connection: Connection, identity: Identity) -> bool:
        asked.append(identity)
        return False

    late = FileService(store, Blobs(LocalObjects(tmp_path / "objects")), audit, revoked)
    with pytest.raises(Refused) as adding:
        late.add("new.txt", "text/plain", BLOB, SOMEBODY)
    with pytest.raises(Refused) as trashing:
        late.trash("kept.txt", SOMEBODY)
    for refused in (adding.value, trashing.value):
        assert (refused.reason, refused.status) == ("permission_revoked", 403)
    assert asked == [SOMEBODY, SOMEBODY]
    assert [stored.filename for stored in files.list().files] == ["kept.txt"]
    events = [record["event"] for record in audit.records("stream:audit")]
    assert events == ["file_uploaded"]
