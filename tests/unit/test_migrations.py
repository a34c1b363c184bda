"""Migrations: forward only, each with its version, safe to run from several processes at once."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from strongroom.accounts.tables import metadata as accounts_metadata
from strongroom.audit.alerting.tables import metadata as alerting_metadata
from strongroom.audit.archive.tables import metadata as archive_metadata
from strongroom.audit.events import Stream
from strongroom.audit.journal import Journal
from strongroom.audit.journal.check import check_stream
from strongroom.audit.journal.people import metadata as people_metadata
from strongroom.audit.journal.tables import metadata as journal_metadata
from strongroom.audit.ledger.tables import metadata as ledger_metadata
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.audit.shipping.tables import metadata as shipping_metadata
from strongroom.bootstrap import SCHEMAS
from strongroom.errors import SettingsError
from strongroom.files.migrations import FILES_SCHEMA
from strongroom.files.tables import metadata as files_metadata
from strongroom.store import Store
from strongroom.store.migrate import Schema, is_current, migrate
from tests.unit.making import audit_record

AUDIT_TABLES = {
    *journal_metadata.tables,
    *ledger_metadata.tables,
    *people_metadata.tables,
    *archive_metadata.tables,
    *shipping_metadata.tables,
    *alerting_metadata.tables,
}

PROCESSES = 4
ROUNDS = 3
OPENINGS = 15

REVISION = """
from alembic import op
import sqlalchemy as sa

revision = "{number:04d}"
down_revision = {before!r}


def upgrade():
    op.create_table("made_by_{number}", sa.Column("number", sa.Integer))
    {then}
"""


def schema(folder: Path, *then: str) -> Schema:
    """A schema with one revision for each line of code; each makes a table, then runs the line."""
    folder.mkdir(exist_ok=True)
    for number, line in enumerate(then, 1):
        before = f"{number - 1:04d}" if number > 1 else None
        source = REVISION.format(number=number, before=before, then=line or "pass")
        (folder / f"{number:04d}_made.py").write_text(source)
    return Schema("doors", folder)


def tables(store: Store) -> set[str]:
    with store.read() as connection:
        return set(inspect(connection).get_table_names())


def version(store: Store, of: Schema) -> list[str]:
    with store.read() as connection:
        found = connection.execute(text(f"select version_num from {of.version_table}"))
        return list(found.scalars())


def newest(of: Schema) -> list[str]:
    """The revision that the last file of a schema leads to."""
    return [max(path.name for path in of.revisions.glob("0*.py"))[:4]]


def open_repeatedly(databases: list[str], together: Barrier) -> None:
    try:
        for database in databases:
            store = Store(database)
            together.wait()
            with store.read() as connection:
                assert connection.execute(text("select 1")).scalar_one() == 1
            store.close()
    except BaseException:
        together.abort()  # the others need not wait for this one
        raise


def migrate_repeatedly(databases: list[str], together: Barrier) -> None:
    try:
        for database in databases:
            store = Store(database)
            together.wait()
            migrate(store, *SCHEMAS)
            Journal(store).append([audit_record(count=1)])
            store.close()
    except BaseException:
        together.abort()  # the others need not wait for this one
        raise


def test_a_fresh_database_gets_everything(store: Store) -> None:
    assert not is_current(store, *SCHEMAS)
    migrate(store, *SCHEMAS)
    assert is_current(store, *SCHEMAS)
    expected = {*AUDIT_TABLES, *files_metadata.tables, *accounts_metadata.tables}
    assert tables(store) == expected | {f"{schema.name}_schema_version" for schema in SCHEMAS}
    assert [version(store, schema) for schema in SCHEMAS] == [newest(schema) for schema in SCHEMAS]


def test_the_tables_are_as_the_code_has_them(store: Store) -> None:
    migrate(store, *SCHEMAS)
    with store.read() as connection:
        found = inspect(connection)
        for metadata in (journal_metadata, people_metadata, files_metadata, accounts_metadata):
            for table in metadata.tables.values():
                there = {
                    c["name"]: (str(c["type"]), c["nullable"])
                    for c in found.get_columns(table.name)
                }
                wanted = {c.name: (str(c.type), bool(c.nullable)) for c in table.columns}
                assert there == wanted, table.name
                key = found.get_pk_constraint(table.name)["constrained_columns"]
                assert key == [column.name for column in table.primary_key.columns]


def test_again_changes_nothing(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    journal = Journal(store)
    journal.append([audit_record(count=1)])
    migrate(store, AUDIT_SCHEMA)
    journal.append([audit_record(count=2)])
    assert check_stream(store, Stream.AUDIT) == 2
    assert version(store, AUDIT_SCHEMA) == newest(AUDIT_SCHEMA)


def test_the_first_journal_gets_the_stream_of_imports(store: Store, tmp_path: Path) -> None:
    revisions = tmp_path / "revisions"
    revisions.mkdir()
    shutil.copy(AUDIT_SCHEMA.revisions / "0001_journal.py", revisions)
    migrate(store, Schema(AUDIT_SCHEMA.name, revisions))
    Journal(store).append([audit_record(count=1)])
    migrate(store, AUDIT_SCHEMA)
    assert [check_stream(store, stream) for stream in Stream] == [1, 0, 0]


def test_the_journal_alone_for_an_application_of_its_own(store: Store) -> None:
    store.write(lambda c: c.execute(text("create table invoice (number integer)")))
    migrate(store, AUDIT_SCHEMA)
    assert tables(store) == {"invoice", *AUDIT_TABLES, "audit_schema_version"}


def run_in_processes(target: Callable[[list[str], Barrier], None], databases: list[str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(PROCESSES)
    processes = [spawn.Process(target=target, args=(databases, together)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def test_several_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    """Where SQLite is switched to WAL it does not wait for another that does the same."""
    databases = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(OPENINGS)]
    run_in_processes(open_repeatedly, databases)


def test_several_processes_migrate_at_once(tmp_path: Path) -> None:
    databases = [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(ROUNDS)]
    run_in_processes(migrate_repeatedly, databases)
    for database in databases:
        store = Store(database)
        assert [version(store, schema) for schema in SCHEMAS] == [newest(s) for s in SCHEMAS]
        assert check_stream(store, Stream.AUDIT) == PROCESSES
        store.close()


@pytest.mark.parametrize("of", SCHEMAS, ids=[schema.name for schema in SCHEMAS])
def test_a_database_of_a_newer_version_is_refused(store: Store, of: Schema) -> None:
    migrate(store, *SCHEMAS)
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute(f"update {of.version_table} set version_num = '0999'")
    other.close()
    assert not is_current(store, *SCHEMAS)
    with pytest.raises(SettingsError, match=f"{of.name} revision 0999") as refused:
        migrate(store, *SCHEMAS)
    assert "newer" in str(refused.value)
    assert version(store, of) == ["0999"]


def test_a_refusal_leaves_the_other_schema_as_it_was(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute("update audit_schema_version set version_num = '0999'")
    other.close()
    with pytest.raises(SettingsError):
        migrate(store, FILES_SCHEMA, AUDIT_SCHEMA)
    assert not {"node", "file_version"} & tables(store)


def test_only_the_missing_revisions_run(store: Store, tmp_path: Path) -> None:
    migrate(store, schema(tmp_path / "revisions", ""))
    assert {"made_by_1"} <= tables(store)
    store.write(lambda c: c.execute(text("insert into made_by_1 values (7)")))
    three = schema(tmp_path / "revisions", "", "", "op.execute('update made_by_1 set number = 8')")
    assert not is_current(store, three)
    migrate(store, three)
    assert is_current(store, three)
    assert version(store, three) == ["0003"]
    assert {"made_by_1", "made_by_2", "made_by_3"} <= tables(store)
    with store.read() as connection:
        assert connection.execute(text("select number from made_by_1")).scalar_one() == 8


def test_a_revision_that_fails_leaves_nothing_of_itself(store: Store, tmp_path: Path) -> None:
    migrate(store, schema(tmp_path / "revisions", ""))
    broken = schema(tmp_path / "revisions", "", "", "raise OSError('power cut')")
    with pytest.raises(OSError, match="power cut"):
        migrate(store, broken)
    assert "made_by_3" not in tables(store)
    made = {"made_by_1", "made_by_2"} & tables(store)
    assert version(store, broken) == [f"{len(made):04d}"]
    migrate(store, schema(tmp_path / "revisions", "", "", ""))
    assert {"made_by_1", "made_by_2", "made_by_3"} <= tables(store)
