"""A database of revision 0001, with files in it, becomes one with folders; nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from strongroom.files.migrations import FILES_SCHEMA
from strongroom.files.model import Level, Sort
from strongroom.files.tables import ROOT_ID
from strongroom.store import Store
from strongroom.store.migrate import Schema, migrate
from tests.unit.files.cabinet import MIA, Cabinet

COUNT = 2_500
"""More than two of the pieces in which rows are copied."""

NAMES = ["Grün.txt", "gru\u0308n.txt", "a b", "100%", "x" * 255, "日本語", "-", " a"]


def of_0001(store: Store, folder: Path) -> None:
    """Bring an empty database to the first revision."""
    folder.mkdir()
    shutil.copy(FILES_SCHEMA.revisions / "0001_files.py", folder)
    migrate(store, Schema(FILES_SCHEMA.name, folder))


def insert(
    store: Store, names: list[str], state: str = "listed", owner: str | None = "u-mia"
) -> list[dict[str, Any]]:
    """Files of ten bytes and more, as the first revision has them."""
    rows = [
        {
            "file_id": f"{state}-{owner}-{number}",
            "version_id": f"v-{state}-{owner}-{number}",
            "filename": name,
            "state": state,
            "created_at": 1_000 + number,
            "created_by": owner,
            "changed_at": 2_000 + number,
            "size": 10 + number,
            "sha256": f"{number:064x}",
        }
        for number, name in enumerate(names)
    ]

    def unit(connection: Any) -> None:
        connection.execute(
            text(
                "INSERT INTO file VALUES (:file_id, :filename, :state, :version_id, :created_at,"
                " :created_by, :changed_at)"
            ),
            rows,
        )
        connection.execute(
            text(
                "INSERT INTO file_version VALUES (:version_id, :file_id, :size, 'text/plain',"
                " :sha256, :created_at, :created_by)"
            ),
            rows,
        )

    store.write(unit)
    return rows


def test_every_file_is_in_the_root_as_it_was(store: Store, tmp_path: Path) -> None:
    of_0001(store, tmp_path / "revisions")
    rows = insert(store, [*NAMES, *(f"f{number}" for number in range(COUNT))])
    cabinet = Cabinet(store, tmp_path)
    assert cabinet.files.count("/", MIA) == len(rows)
    for row in [*rows[: len(NAMES)], rows[999], rows[1_000], rows[-1]]:
        stored = cabinet.files.find(f"/{row['filename']}", MIA)
        assert (stored.file_id, stored.version_id, stored.folder_id) == (
            row["file_id"],
            row["version_id"],
            ROOT_ID,
        )
        assert (stored.file_size_bytes, stored.sha256) == (row["size"], row["sha256"])
        assert (stored.created_by, stored.changed_by) == ("u-mia", "u-mia")
        assert (stored.content_type, stored.detected_type) == (
            "text/plain",
            "application/octet-stream",
        )
        (version,) = cabinet.files.versions(stored.file_id).items
        assert (version.version_id, version.replaced_at) == (row["version_id"], None)
    assert cabinet.used(MIA) == sum(row["size"] for row in rows)
    newest = cabinet.files.list(limit=1).files[0]
    assert newest.file_id == rows[-1]["file_id"]
    assert cabinet.names("/", query="GRÜN") == ["gru\u0308n.txt", "Grün.txt"]
    cabinet.check()
    cabinet.audit.close()


def test_what_was_in_the_trash_can_be_had_back(store: Store, tmp_path: Path) -> None:
    of_0001(store, tmp_path / "revisions")
    insert(store, ["same", "same", "other"], "trashed")
    insert(store, ["same"], "listed", None)
    cabinet = Cabinet(store, tmp_path)
    assert cabinet.names() == ["same"]
    assert cabinet.trashed() == ["/other", "/same", "/same"]
    cabinet.files.restore(["trashed-u-mia-2"], MIA)
    cabinet.files.restore(["trashed-u-mia-0"], MIA, name="same again")
    cabinet.files.purge(["trashed-u-mia-1"])
    assert cabinet.names() == ["other", "same", "same again"]
    assert cabinet.used(MIA) == 10 + 12
    cabinet.check()
    cabinet.audit.close()


@pytest.mark.parametrize("empty", [True, False])
def test_everybody_may_write_and_only_administrators_manage(
    store: Store, tmp_path: Path, empty: bool
) -> None:
    of_0001(store, tmp_path / "revisions")
    if not empty:
        insert(store, ["x"])
    cabinet = Cabinet(store, tmp_path)
    assert cabinet.files.folder("/", MIA).level is Level.WRITE
    (grant,) = cabinet.files.permissions(ROOT_ID).grants
    assert (grant.user_id, grant.level) == (None, Level.WRITE)
    cabinet.put("/a/y", by=MIA)
    assert cabinet.files.list("/", MIA, sort=Sort.NAME).total == (1 if empty else 2)
    with store.read() as connection:
        assert not {"file", "file_version_0001"} & set(inspect(connection).get_table_names())
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    cabinet.check()
    cabinet.audit.close()


def test_sizes_are_those_of_the_versions_that_are_shown(store: Store, tmp_path: Path) -> None:
    """A database of revision 0003, with versions and a trash, is sorted by size from then on."""
    folder = tmp_path / "revisions"
    folder.mkdir()
    for revision in FILES_SCHEMA.revisions.glob("000[123]_*.py"):
        shutil.copy(revision, folder)
    migrate(store, Schema(FILES_SCHEMA.name, folder))
    columns = "node_id, parent_id, kind, name, name_key, state, version_id, created_at, changed_at"
    nodes = [
        ("d", ROOT_ID, "folder", "d", "d", "listed", None, 1, 1),
        ("f1", ROOT_ID, "file", "one", "one", "listed", "v2", 1, 2),
        ("f2", ROOT_ID, "file", "two", "two", "listed", "v3", 1, 1),
        ("f3", ROOT_ID, "file", "three", "three", "trashed", "v4", 1, 1),
    ]
    versions = [
        ("v1", "f1", 999, 5),
        ("v2", "f1", 10, None),
        ("v3", "f2", 20, None),
        ("v4", "f3", 30, None),
    ]

    def unit(connection: Any) -> None:
        for node in nodes:
            marks = ", ".join("?" * len(node))
            connection.exec_driver_sql(f"INSERT INTO node ({columns}) VALUES ({marks})", node)
        for version in versions:
            connection.exec_driver_sql(
                "INSERT INTO file_version VALUES (?, ?, ?, 'a/b', 'a/b', 'x', 1, NULL, ?)", version
            )

    store.write(unit)
    cabinet = Cabinet(store, tmp_path)
    listed = cabinet.files.list("/", sort=Sort.SIZE)
    assert [(one.filename, one.file_size_bytes) for one in listed.files] == [
        ("two", 20),
        ("one", 10),
    ]
    cabinet.check()
    cabinet.audit.close()
