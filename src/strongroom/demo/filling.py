"""Puts the week into an empty installation: rows, contents, records, their archive and their ledger."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.events import Stream
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal import Journal, encode
from strongroom.audit.ledger import Ledger
from strongroom.audit.sealing import Sealer
from strongroom.bootstrap import OWN_CATALOGUE, Installation, signing
from strongroom.demo.cabinet import Cabinet
from strongroom.demo.ordinary import Ordinary
from strongroom.demo.people import hire
from strongroom.demo.story import bad_night, changes, first_morning
from strongroom.demo.week import MINUTE, Dated, Week
from strongroom.files.blobs import Blobs
from strongroom.version import __version__

RECORDS: Final = 200_000
BATCH: Final = 16_384
"""Records in one transaction."""

_SEED: Final = 7


def fill(installation: Installation, *, records: int = RECORDS) -> int:
    """Fill an installation that has nothing in it yet. Not durable until it returns.

    :returns: how many records it has now, those of its sealing aside
    :raises Unavailable: when the database cannot be written
    """
    store = installation.store
    audit = AuditLog(
        store=store, viewer=None, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__
    )
    week = Week(time.time_ns() // 1_000, random.Random(_SEED))  # noqa: S311  # nothing is secret
    cabinet = Cabinet(week)
    with _uncollected():
        tell(week, cabinet, records)
    cabinet.publish(Blobs(installation.objects))

    def rows(connection: Connection) -> None:
        hire(connection, week.end - MINUTE)
        cabinet.keep(connection)

    store.write(rows)
    ordered = sorted(week.records, key=itemgetter(0))
    for start in range(0, len(ordered), BATCH):
        some = ordered[start : start + BATCH]
        store.write(partial(_append, journal=audit.journal, some=some))
    # What the server would have done in the course of the week.
    Ledger(store).advance(signing(installation.settings).load_key(store))
    _seal(Sealer(store, audit.log, signed=True))
    audit.close()
    return len(ordered)


@contextmanager
def _uncollected() -> Iterator[None]:
    """While so many things are made that all stay, looking for what does not is a quarter of the work."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _seal(sealer: Sealer) -> None:
    """Seal the evidence, without the rests and comparisons for which there is time on a server.

    The records of operation are left for the server, which begins with them half a minute later: to
    seal all would double the time that one waits for a demo.
    """
    while (span := sealer.next_span(Stream.AUDIT, everything=True)) is not None:
        draft = sealer.write(span)
        sealer.publish(draft)
        sealer.commit(span, draft.sealed)
        sealer.delete_some(span.stream, span.start, span.end)


def tell(week: Week, cabinet: Cabinet, records: int) -> None:
    """Make the records of the week, about so many."""
    unchanged, changed = first_morning(week, cabinet)
    ordinary = Ordinary(week, cabinet, unchanged)
    changes(week, cabinet, ordinary, changed)
    bad_night(week, cabinet, ordinary, changed[2])
    ordinary.fill(records)


def _append(connection: Connection, *, journal: Journal, some: Sequence[Dated]) -> None:
    for stream in (Stream.AUDIT, Stream.OPS):
        encoded = [encode(record, where) for _, where, record in some if where is stream]
        journal.append_within(connection, stream, encoded)
