"""Writing a segment anew without parts of its records: its next generation.

The entries stay as they are, and with them the ledger. Filters and roll-ups are made of what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Connection

from strongroom.audit.archive.index import Segment, enter, segment_of
from strongroom.audit.archive.places import archive_folder
from strongroom.audit.archive.readers import remove_unread
from strongroom.audit.archive.reading import ArchivedRow, ArchiveReader
from strongroom.audit.archive.writing import Draft, SegmentWriter
from strongroom.audit.events.event import Event, Stream
from strongroom.audit.events.fields import ENTRY_FIELDS, NETWORK_FIELDS, Part
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.journal.stored import canonical
from strongroom.errors import Corrupt
from strongroom.store import Store

Parts = Collection[str]
"""``content``, ``network``, or both."""

Drop = Mapping[int, Parts] | Callable[[int], Parts]
"""The parts to leave out, by sequence number; nothing of a record that it does not name."""

NETWORK: Final[Parts] = (Part.NETWORK.value,)


def rewrite(folder: Path, about: Segment, drop: Drop) -> Draft:
    """Write the segment without these parts, to temporary names; :func:`replace` makes it count.

    An audit record loses a part with its salt. In the other streams, whose records have no parts, the
    fields go that would be in it.

    :param folder: of the archive
    :raises Corrupt: when the segment is damaged
    :raises Unavailable: when there is no room for it
    """
    parts_of = drop if callable(drop) else lambda seq: drop.get(seq, ())
    with ArchiveReader(folder) as reader:
        rows = reader.rows(about, about.first_seq, about.last_seq + 1)
        draft = SegmentWriter(folder).write(
            about.stream, about.first_seq, _without(rows, parts_of), generation=about.generation + 1
        )
    if draft.sealed.segment.rows != about.rows:
        draft.discard()
        raise Corrupt(f"the segment {about.path(folder).name} does not hold all its records")
    return draft


def replace(
    store: Store,
    about: Segment,
    draft: Draft,
    record: Callable[[Event], None],
    also: Callable[[Connection], None] = lambda _connection: None,
) -> Segment:
    """Put what was written in the segment's place, record it, and remove the old file, unless a
    verification reads it: then tidying removes it later. Durable.

    A crash before the transaction leaves a file that the index does not know, one after it leaves the
    old file; the sealer's tidying removes either.

    :param record: logs an event; called inside the unit of work
    :param also: what is to commit with it, such as the record of why
    :raises Corrupt: when the segment is not what it was
    :raises Unavailable: when the database cannot be written
    """
    folder = archive_folder(store)
    sealed = draft.sealed

    def unit(connection: Connection) -> None:
        if segment_of(connection, about.stream, about.first_seq) != about:
            raise Corrupt(f"the segment {about.path(folder).name} was changed meanwhile")
        enter(connection, sealed)
        record(SegmentSealed(count=about.rows, extra=sealed.statement()))
        also(connection)

    try:
        draft.publish()
        store.write(unit)
    finally:
        draft.discard()
    remove_unread(store, [about.path(folder)])
    return sealed.segment


def _without(
    rows: Iterator[ArchivedRow], parts_of: Callable[[int], Parts]
) -> Iterator[ArchivedRow]:
    for row in rows:
        parts = parts_of(row.seq)
        if parts and row.stream != Stream.AUDIT.value:
            row.entry = fields_left(row.entry, parts)
        elif parts:
            if Part.CONTENT.value in parts:
                row.content = row.content_salt = None
            if Part.NETWORK.value in parts:
                row.network = row.network_salt = None
        yield row


def fields_left(entry: bytes, parts: Parts) -> bytes:
    """The entry of a record that has no parts, without the fields that would be in these.

    :raises ValueError: when it is no JSON object
    """
    return canonical(
        {name: value for name, value in orjson.loads(entry).items() if _part_of(name) not in parts}
    )


def _part_of(name: str) -> str:
    if name in ENTRY_FIELDS:
        return Part.ENTRY.value
    return Part.NETWORK.value if name in NETWORK_FIELDS else Part.CONTENT.value
