"""Where a foreign application's journal is, and how its tables come to be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.store import Store
from strongroom.store.migrate import migrate


def open_store(database: str, folder: str) -> Store:
    """The store at this URL; a relative path of SQLite is one in the folder.

    :raises SettingsError: when the URL is not usable
    """
    return Store(_located(database, folder))


def create_tables(store: Store) -> None:
    """Bring the journal's tables up to date. Safe to call at every start, by several processes.

    :raises SettingsError: when the database was written by a newer version of this program
    """
    with _quietly():
        migrate(store, AUDIT_SCHEMA)


def _located(database: str, folder: str) -> str:
    try:
        url = make_url(database)
    except ArgumentError:
        return database  # refused, and explained, where it is opened
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return database
    place = str(Path(folder) / url.database)
    return url.set(database=place).render_as_string(hide_password=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps what Alembic says about our tables off the application's console."""
    thread = threading.get_ident()

    def is_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    migrations = logging.getLogger("alembic.runtime.migration")
    migrations.addFilter(is_others)
    try:
        yield
    finally:
        migrations.removeFilter(is_others)
