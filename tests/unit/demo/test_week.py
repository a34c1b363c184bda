"""The made-up week holds together: records, rows, contents, and what there is to find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.bootstrap import CATALOGUE, Installation
from strongroom.demo.filling import fill
from strongroom.demo.folder import check_free, demo_folder, mark_filled
from strongroom.demo.people import TOM
from strongroom.errors import SettingsError
from strongroom.files.service.room import counted
from strongroom.files.tables import user_storage
from strongroom.settings import load

RECORDS = 5_000
FAR_AWAY = "203.0.113.77"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation.open(load(data=tmp_path_factory.mktemp("demo") / "data"))
    assert fill(installation, records=RECORDS) >= RECORDS
    yield installation
    installation.store.close()


@pytest.fixture(scope="module")
def records(made: Installation) -> list[dict[str, Any]]:
    """All there are, oldest first."""
    audit = made.audit()
    found = audit.records()
    audit.close()
    return found


def test_every_record_is_of_a_declared_event(records: list[dict[str, Any]]) -> None:
    for record in records:
        event = CATALOGUE.get(record["event"])
        assert event is not None
        assert record["stream"] == event.stream
        outcome = record.get("outcome")
        assert event.levels[outcome if None not in event.levels else None] == record["level"]
    ids = {record["id"] for record in records}
    assert len(ids) == len(records)


def test_what_is_kept_in_mind_is_what_is_there(made: Installation) -> None:
    with made.store.read() as connection:
        rows = connection.execute(select(user_storage.c.user_id, user_storage.c.used_bytes))
        assert {row.user_id: row.used_bytes for row in rows} == counted(connection)


def test_nothing_is_read_while_it_is_not_there(records: list[dict[str, Any]]) -> None:
    """A file is downloaded after it was stored, under its name then, and not from the trash."""
    known: dict[str, dict[str, Any] | None] = {}
    for record in records:
        event, file_id = record["event"], record.get("file_id")
        if file_id is None:
            continue
        if event in ("file_uploaded", "file_restored", "file_renamed"):
            known[file_id] = {**(known.get(file_id) or {}), **record}
        elif event in ("file_deleted", "file_purged"):
            known[file_id] = None
        elif event == "file_downloaded":
            now = known[file_id]
            assert now is not None, record
            assert (now["filename"], now["sha256"]) == (record["filename"], record["sha256"])


def test_there_is_something_to_find(records: list[dict[str, Any]]) -> None:
    """A session of Tom's goes on far away, at night, after sign-ins that failed there."""
    far = [r for r in records if r.get("ip_address") == FAR_AWAY and r["stream"] == "audit"]
    events = [record["event"] for record in far]
    assert events[:16] == ["login_failed"] * 16
    assert events[-2:] == ["folder_permission_changed", "file_deleted"]
    assert events.count("file_downloaded") > 60
    sessions = {record["session_id"] for record in far if "session_id" in record}
    assert len(sessions) == 1
    at_his_desk = [r for r in records if r.get("session_id") in sessions and r not in far]
    assert {r["ip_address"] for r in at_his_desk if r["stream"] == "audit"} == {TOM.desk}
    assert "login_succeeded" not in events


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    with demo_folder(None) as folder:
        (folder / "some.db").touch()
    assert not folder.exists()
    kept = tmp_path / "kept"
    kept.mkdir()
    with demo_folder(kept) as folder:
        mark_filled(folder)
    check_free(kept)
    (tmp_path / "own.db").touch()
    with pytest.raises(SettingsError, match="holds something else"), demo_folder(tmp_path):
        raise AssertionError
