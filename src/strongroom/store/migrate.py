"""Schema migrations: forward only, on start, each in a transaction with its version.

Each half of the product brings a folder of Alembic revisions and keeps its version in a table of
its own, so that ``AuditLog`` in a foreign application creates the journal and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from strongroom.errors import SettingsError
from strongroom.store.database import Store


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables that one half of the product owns.

    :param name: prefix of the version table
    :param revisions: folder with Alembic revision files
    """

    name: str
    revisions: Path

    @property
    def version_table(self) -> str:
        """Where the database remembers the revision it is at."""
        return f"{self.name}_schema_version"


def migrate(store: Store, *schemas: Schema) -> None:
    """Bring the database to the newest revision of each schema. Safe to call at every start.

    Several processes may call it at once; they take turns.

    :raises SettingsError: when the database was written by a newer version of this program
    """
    pending = [schema for schema in schemas if _revision(store, schema) != _head(schema)]
    if not pending:
        return
    with store.exclusively() as connection:
        for schema in pending:
            _upgrade(connection, schema)


def is_current(store: Store, *schemas: Schema) -> bool:
    """Whether the database is at the newest revision of each schema."""
    return all(_revision(store, schema) == _head(schema) for schema in schemas)


def _scripts(schema: Schema) -> ScriptDirectory:
    return ScriptDirectory(str(schema.revisions.parent), version_locations=[str(schema.revisions)])


def _head(schema: Schema) -> str | None:
    return _scripts(schema).get_current_head()


def _context(connection: Connection, schema: Schema) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": schema.version_table})


def _revision(store: Store, schema: Schema) -> str | None:
    with store.read() as connection:
        return _context(connection, schema).get_current_revision()


def _upgrade(connection: Connection, schema: Schema) -> None:
    scripts = _scripts(schema)
    context = _context(connection, schema)
    current = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise SettingsError(
            f"the database is at {schema.name} revision {current}, which this version does not "
            "know: it was written by a newer Strongroom; install that version or a newer one"
        )
    steps = list(scripts.iterate_revisions(scripts.get_current_head(), current))
    context._ensure_version_table()  # noqa: SLF001  # Alembic offers it only through run_migrations
    with Operations.context(context):
        for script in reversed(steps):
            script.module.upgrade()
            context.stamp(scripts, script.revision)
