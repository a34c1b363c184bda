"""Sending once what is no part of the regular course: a test record, or dead letters again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from strongroom.audit.events.event import Stream
from strongroom.audit.events.shipping import ShippingTested
from strongroom.audit.journal.stored import decode
from strongroom.audit.journal.tables import journal
from strongroom.audit.shipping.cursors import (
    DeadLetter,
    enter_dead_letters,
    read_dead_letters,
    remove_dead_letter,
)
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.exporter import Exporter, Record, Refusal
from strongroom.audit.shipping.reading import read_batch
from strongroom.audit.shipping.relay import outgoing
from strongroom.errors import Unavailable
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a dead letter.

    :param sent: records that were sent
    :param pruned: records that are deleted, and cannot be sent any more
    :param refusals: those of them that were refused again
    """

    letter: DeadLetter
    sent: int
    pruned: int
    refusals: tuple[Refusal, ...]


def newest_test(store: Store) -> Record:
    """The record of the newest test.

    :raises Unavailable: when it is not in the journal
    """
    wanted = (
        select(journal)
        .where(journal.c.stream == Stream.AUDIT.value, journal.c.event == ShippingTested.event_name)
        .order_by(journal.c.seq.desc())
        .limit(1)
    )
    with store.read() as connection:
        row = connection.execute(wanted).first()
    if row is None:
        raise Unavailable("the test was not recorded; is audit_failure set to continue?")
    return decode(row)


def retry(store: Store, destination: Destination, exporter: Exporter) -> Iterator[Retried]:
    """Send the dead letters of a destination again, one by one; what was taken is none any more.

    :raises Undelivered: when the destination cannot be reached; the letters stay
    :raises Corrupt: when a record cannot be read
    :raises Unavailable: when the database cannot be written
    """
    with store.read() as connection:
        letters = read_dead_letters(connection, destination.name)
    for letter in letters:
        yield _send_again(store, destination, exporter, letter)


def _send_again(
    store: Store, destination: Destination, exporter: Exporter, letter: DeadLetter
) -> Retried:
    stream = Stream(letter.stream)
    start, sent, pruned = letter.first_seq, 0, 0
    refusals: list[Refusal] = []
    kept: list[DeadLetter] = []
    while start <= letter.last_seq:
        most = letter.last_seq + 1 - start
        batch = read_batch(store, stream, start, most=most, people=destination.people)
        pruned += min(batch.pruned, most)
        if batch.start > letter.last_seq or not batch.records:
            break
        refused = exporter.send(outgoing(destination, batch.records))
        refusals += refused
        kept += [_again(letter, batch.start, each) for each in refused]
        sent += len(batch.records)
        start = batch.end

    def unit(connection: Connection) -> None:
        remove_dead_letter(connection, letter)
        enter_dead_letters(connection, kept)

    store.write(unit)
    return Retried(letter, sent, pruned, tuple(refusals))


def _again(letter: DeadLetter, start: int, refusal: Refusal) -> DeadLetter:
    return DeadLetter(
        letter.destination,
        letter.stream,
        start + refusal.first,
        start + refusal.last,
        refusal.refused,
        refusal.reason,
        letter.refused_at,
    )
