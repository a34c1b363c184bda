"""How far each destination has come: cursors, what failed, dead letters. Rows, and no decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from strongroom.audit.archive.pruned import pruned_through
from strongroom.audit.events.event import Stream
from strongroom.audit.journal.head import read_heads
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.tables import (
    shipping_cursor,
    shipping_dead_letter,
    shipping_state,
)


@dataclass(frozen=True, slots=True)
class State:
    """What is wrong with a destination; all None while nothing is.

    :param failing_since: microseconds since 1970-01-01 UTC, as are the others
    :param error: why the latest attempt failed
    :param stalled_at: when ``shipping_stalled`` was recorded
    :param abandoned_at: when it was recorded that retention waits no longer
    """

    failing_since: int | None = None
    error: str | None = None
    stalled_at: int | None = None
    abandoned_at: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Records that a destination refused for good.

    :param last_seq: is inside
    :param refused: how many of them
    :param refused_at: microseconds since 1970-01-01 UTC
    """

    destination: str
    stream: str
    first_seq: int
    last_seq: int
    refused: int
    reason: str
    refused_at: int


def open_cursors(connection: Connection, destination: Destination) -> dict[Stream, int]:
    """The number of the next record of each stream; a stream that is new begins where it is set to.

    :param connection: of a unit of work
    """
    wanted = select(shipping_cursor.c.stream, shipping_cursor.c.next_seq).where(
        shipping_cursor.c.destination == destination.name
    )
    known = {row.stream: row.next_seq for row in connection.execute(wanted)}
    heads = read_heads(connection)
    found: dict[Stream, int] = {}
    for stream in destination.streams:
        if stream.value not in known:
            begin = (
                pruned_through(connection, stream.value)
                if destination.from_oldest
                else heads[stream.value][0]
            )
            row = {"destination": destination.name, "stream": stream.value, "next_seq": begin}
            connection.execute(insert(shipping_cursor), row)
            known[stream.value] = begin
        found[stream] = known[stream.value]
    return found


def move_cursor(connection: Connection, name: str, stream: Stream, seq: int, now: int) -> None:
    """Everything below this number was taken; it never goes back."""
    connection.execute(
        update(shipping_cursor)
        .where(
            shipping_cursor.c.destination == name,
            shipping_cursor.c.stream == stream.value,
            shipping_cursor.c.next_seq < seq,
        )
        .values(next_seq=seq, shipped_at=now)
    )


def read_cursors(connection: Connection, name: str) -> dict[str, tuple[int, int | None]]:
    """The number of the next record, and when one was taken last, by stream."""
    wanted = select(shipping_cursor).where(shipping_cursor.c.destination == name)
    return {row.stream: (row.next_seq, row.shipped_at) for row in connection.execute(wanted)}


def read_state(connection: Connection, name: str) -> State:
    """What is wrong with a destination."""
    wanted = select(shipping_state).where(shipping_state.c.destination == name)
    row = connection.execute(wanted).first()
    if row is None:
        return State()
    return State(row.failing_since, row.error, row.stalled_at, row.abandoned_at)


def write_state(connection: Connection, name: str, state: State) -> None:
    """Note what is wrong with it; nothing, by a state that says nothing."""
    connection.execute(delete(shipping_state).where(shipping_state.c.destination == name))
    if state != State():
        connection.execute(insert(shipping_state), {"destination": name, **asdict(state)})


def enter_dead_letters(connection: Connection, letters: Iterable[DeadLetter]) -> None:
    """Keep them until somebody sends them again. Those that are there already are replaced."""
    for letter in letters:
        remove_dead_letter(connection, letter)
        connection.execute(insert(shipping_dead_letter), asdict(letter))


def remove_dead_letter(connection: Connection, letter: DeadLetter) -> None:
    """It was taken after all, or is pruned."""
    table = shipping_dead_letter
    connection.execute(
        delete(table).where(
            table.c.destination == letter.destination,
            table.c.stream == letter.stream,
            table.c.first_seq == letter.first_seq,
        )
    )


def read_dead_letters(connection: Connection, name: str) -> list[DeadLetter]:
    """What a destination refused, in the order of the records."""
    table = shipping_dead_letter
    wanted = (
        select(table).where(table.c.destination == name).order_by(table.c.stream, table.c.first_seq)
    )
    return [DeadLetter(**row) for row in connection.execute(wanted).mappings()]


def count_refused(connection: Connection, name: str) -> int:
    """How many records are among its dead letters."""
    table = shipping_dead_letter
    wanted = select(func.coalesce(func.sum(table.c.refused), 0)).where(table.c.destination == name)
    found: int = connection.execute(wanted).scalar_one()
    return found
