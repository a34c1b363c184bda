"""Whether the columns of a segment say what its records say.

Column by column, since that costs a fraction of putting each record together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from strongroom.audit.archive.columns import (
    COLUMNS,
    MORE_TEXT,
    REST,
    Kind,
    Record,
    address_text,
    gather,
    spread,
    written,
)

_NESTED: Final = (REST, MORE_TEXT, "exception", "extra")
"""Where one of these has a value, the row is looked at by itself."""


def first_difference(
    names: Sequence[str], rows: Sequence[Sequence[Any]], records: Sequence[Record]
) -> int | None:
    """The place of the first row that is not what :func:`~strongroom.audit.archive.columns.spread`
    makes of its record; None when all are.

    :param names: the columns that the rows have: all in which any row of the segment has a value
    :param rows: as :func:`~strongroom.audit.archive.columns.gather` wants their values
    :param records: as :func:`~strongroom.audit.journal.decode` gives them
    """
    nested = [place for place, name in enumerate(names) if name in _NESTED]
    plain: list[int] = []
    for place, row in enumerate(rows[: len(records)]):
        if all(row[at] is None for at in nested):
            plain.append(place)
        elif not _fits(dict(zip(names, row, strict=True)), records[place]):
            return place
    if len(rows) == len(records) and _all_fit(
        names, [rows[place] for place in plain], [records[place] for place in plain]
    ):
        return None
    for place in plain:
        if not _fits(dict(zip(names, rows[place], strict=True)), records[place]):
            return place
    return None if len(rows) == len(records) else min(len(rows), len(records))


def _all_fit(
    names: Sequence[str], rows: Sequence[Sequence[Any]], records: Sequence[Record]
) -> bool:
    """Quickly; False may be an error."""
    if not rows:
        return True
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    if not set[str]().union(*records) <= columns.keys():
        return False
    for name, values in columns.items():
        column = COLUMNS.get(name)
        if column is None or name in _NESTED:
            continue
        found: list[Any]
        if column.kind is Kind.TIME:
            if None in values:
                return False
            found = [written(value) for value in values]
        elif column.kind is Kind.ADDRESS:
            found = [None if value is None else _address(value) for value in values]
        else:
            found = list(values)
        if found != [record.get(name) for record in records]:
            return False
    return True


def _fits(row: Record, record: Record) -> bool:
    """Whether a row is exactly the one of this record; the texts for searching included."""
    try:
        return gather(row) == record and row.get(MORE_TEXT) == spread(record, row["timestamp"]).get(
            MORE_TEXT
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return False


@lru_cache(maxsize=8_192)
def _address(packed: bytes) -> str:
    return address_text(packed)
