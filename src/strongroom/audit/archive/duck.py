"""DuckDB as we use it: in memory, bounded, and touching nothing but what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from strongroom.errors import Unavailable

_SETTINGS: Final = (
    "parquet_metadata_cache = true",
    "TimeZone = 'UTC'",
    "enable_progress_bar = false",  # it would print among our own output
    "enable_external_access = false",  # only once the folder is allowed
    "lock_configuration = true",
)


def connect(
    folder: Path | None, *, threads: int, memory_bytes: int, streaming: bool = False
) -> duckdb.DuckDBPyConnection:
    """An empty database in memory, of which :meth:`cursor` gives one connection to each thread.

    It installs and loads no extension, spills nothing to the disk, sees no variables of Python, and
    opens no file outside ``folder``. It does not survive ``fork``.

    :param folder: that it may read and write files in; None for none
    :param memory_bytes: beyond which a query fails with :class:`duckdb.OutOfMemoryException`
    :param streaming: hand rows on as they come, in less memory: only one thread leaves them in order
    :raises Unavailable: when it cannot be opened
    """
    try:
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": f"{memory_bytes}B",
                "temp_directory": "",
                "preserve_insertion_order": "false" if streaming else "true",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
        if folder is not None:
            place = f"{folder.absolute()}/".replace("'", "''")
            connection.execute(f"SET allowed_directories = ['{place}']")
        for setting in _SETTINGS:
            connection.execute(f"SET {setting}")
    except duckdb.Error as error:
        raise Unavailable(f"the search engine cannot be started: {error}") from error
    return connection
