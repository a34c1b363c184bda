"""Reading what is stored as it is stored, whoever wrote it there.

Straight from the driver: what SQLAlchemy makes of each row costs more than the hashes. Text that is
not UTF-8, which the driver refuses to read, is read nevertheless, so that it fails a check instead
of the verification.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import orjson
from sqlalchemy import Column, Connection, Select, TextClause, bindparam, select
from sqlalchemy.exc import DBAPIError

from strongroom.audit.journal.tables import journal, journal_head

BLOCK: Final = 512
"""Records read at a time: few enough that one block fits the processor's cache."""

Record = dict[str, Any]


class Unreadable(Exception):
    """The database gave an error instead of rows."""


def fetch(
    connection: Connection, wanted: Select[Any] | TextClause, /, **values: object
) -> list[tuple[Any, ...]]:
    """All rows, as the driver gives them.

    :raises Unreadable: when the database cannot read them
    """
    try:
        try:
            return _fetch(connection, wanted, values)
        except (DBAPIError, sqlite3.OperationalError) as error:
            if "UTF-8" not in str(error):
                raise
            with _leniently(connection):
                return _fetch(connection, wanted, values)
    except (DBAPIError, sqlite3.Error) as error:
        raise Unreadable(str(getattr(error, "orig", error))) from error


def _fetch(
    connection: Connection, wanted: Select[Any] | TextClause, values: dict[str, object]
) -> list[tuple[Any, ...]]:
    result = connection.execute(wanted, values)
    assert result.cursor is not None
    return list(result.cursor.fetchall())


@contextmanager
def _leniently(connection: Connection) -> Iterator[None]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    before = driver.text_factory
    driver.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


class Proven(Enum):
    """What of a block's records is known already."""

    NOTHING = "nothing"
    BY_BYTES = "by bytes"
    """All that their columns, parts and segment say, but for some, which come once more."""
    NOT_BY_BYTES = "not by bytes"
    """They came before, and that did not prove them: each is to be looked at by itself."""


@dataclass(slots=True)
class Block:
    """Neighbouring records of one stream, in the order of their sequence numbers.

    Column by column, since a comparison of whole columns costs a fraction of one row by row. The
    values are whatever is stored, of any type. Where only the ledger is looked at, the columns after
    the entry are empty; where records are proven by their bytes, all of these but the content.
    """

    seqs: Sequence[Any]
    timestamps: Sequence[Any]
    events: Sequence[Any]
    entries: Sequence[Any]
    ids: Sequence[Any] = ()
    levels: Sequence[Any] = ()
    request_ids: Sequence[Any] = ()
    contents: Sequence[Any] = ()
    content_salts: Sequence[Any] = ()
    networks: Sequence[Any] = ()
    network_salts: Sequence[Any] = ()
    sealed: tuple[Sequence[str], Sequence[tuple[Any, ...]]] | None = field(
        default=None, kw_only=True
    )
    """Of sealed records the names and rows of all columns of their segment."""
    proven: Proven = field(default=Proven.NOTHING, kw_only=True)
    _records: list[Record | None] = field(default_factory=list, init=False)

    def __len__(self) -> int:
        return len(self.seqs)

    @property
    def records(self) -> list[Record | None]:
        """The entries as JSON objects; None where one is no such thing."""
        if not self._records:
            self._records = [_parse(entry) for entry in self.entries]
        return self._records


def _parse(entry: Any) -> Record | None:
    try:
        found = orjson.loads(entry)
    except (ValueError, TypeError):
        return None
    return found if type(found) is dict else None


def position(value: Any) -> Any:
    """What to read on from, after a row with this value in the column that orders them.

    Text that is not UTF-8 cannot be handed to the driver; what is read on from then is behind all text.
    Rows that are missed so are behind one that fails already.
    """
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "surrogateescape")
    return value


_c: Final = journal.c
_LEDGER: Final = (_c.seq, _c.timestamp, _c.event, _c.entry)
_OTHERS: Final = (
    _c.id,
    _c.level,
    _c.request_id,
    _c.content,
    _c.content_salt,
    _c.network,
    _c.network_salt,
)


def _later(*columns: Column[Any]) -> Select[Any]:
    wanted = select(*columns).where(_c.stream == bindparam("wanted"), _c.seq > bindparam("last"))
    return wanted.order_by(_c.seq).limit(BLOCK)


_ledger_later: Final = _later(*_LEDGER)
_whole_later: Final = _later(*_LEDGER, *_OTHERS)


def journal_blocks(
    connection: Connection, stream: str, start: int, *, ledger_only: bool = False
) -> Iterator[Block]:
    """A stream's records in the journal, from that number to the last.

    :param start: 0 takes in whatever is stored, even under numbers below
    :param ledger_only: leave out the columns that the ledger does not need
    :raises Unreadable: when the database cannot read them
    """
    wanted = _ledger_later if ledger_only else _whole_later
    last: Any = start - 1 if start else float("-inf")
    while rows := fetch(connection, wanted, wanted=stream, last=last):
        last = position(rows[-1][0])
        columns: Iterator[Sequence[Any]] = zip(*rows, strict=True)
        yield Block(*columns)


def total(connection: Connection, stream: str) -> int:
    """Records of the stream as its head says, 0 if it cannot be read: for showing progress only,
    since nobody vouches for it."""
    wanted = select(journal_head.c.next_seq).where(journal_head.c.stream == stream)
    try:
        rows = fetch(connection, wanted)
    except Unreadable:
        return 0
    return rows[0][0] if rows and type(rows[0][0]) is int else 0
