"""What is still to be told: critical records are found in the journal, and wait until they are taken.

They are copied out of the journal, since records move on into the archive while a destination is away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection, and_, delete, func, insert, select, update

from strongroom.audit.alerting.message import Alert, Message
from strongroom.audit.alerting.tables import alert_cursor, alert_waiting
from strongroom.audit.events import Level, Stream
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.store import Store

STREAMS: Final = (Stream.AUDIT, Stream.OPS)
"""Imported records are of other programs, and often old."""

FRESH_SECONDS: Final = 24 * 3600
"""Older records are no news, when a server starts that was long stopped."""

SPELT_OUT: Final = 20
"""Alerts in one message; of the rest it says how many they are."""

MOST_WAITING: Final = 1_000
"""For each destination; further ones are given up."""

MOST_FOUND: Final = 10 * MOST_WAITING
"""Critical records that are looked at at a time; of more than these nobody counts how many were given
up."""

PATIENCE_SECONDS: Final = 7 * 24 * 3600
"""How long an alert waits for its destination."""

_MICROSECONDS: Final = 10**6


class Destination(Protocol):
    """Takes alerts. Thread-safe."""

    @property
    def name(self) -> str:
        """What it is called in records and metrics; of at most 32 letters."""

    @property
    def shown(self) -> str:
        """Where it is, without secrets."""

    def send(self, message: Message) -> str:
        """Hand the message over; what came back, in words.

        :raises NotDelivered: when nobody has taken it, and why
        """


class Outbox:
    """Finds, keeps and gives up alerts. For one thread of one process at a time.

    :param destinations: names of all that are to be told
    :param link: see :meth:`~strongroom.audit.alerting.message.Alert.of`
    """

    def __init__(self, store: Store, destinations: Sequence[str], link: str) -> None:
        self._store = store
        self._destinations = destinations
        self._link = link
        self._next: dict[str, int] = {}

    def begin(self) -> None:
        """Go on where the last process ended; at the very first start, with the next record.

        :raises Unavailable: when the database cannot be written
        """

        def unit(connection: Connection) -> None:
            known = _cursor(connection)
            for stream, head in _heads(connection).items():
                if stream not in known:
                    connection.execute(insert(alert_cursor).values(stream=stream, next_seq=head))
            gone = alert_waiting.c.destination.not_in(self._destinations)
            connection.execute(delete(alert_waiting).where(gone))
            self._next = _cursor(connection)

        self._store.write(unit)

    def find(self) -> int:
        """Look through the records that are new; how many alerts had no room.

        Writes only where there is a critical one among them.

        :raises Unavailable: when the database cannot be written
        """
        with self._store.read() as connection:
            heads = _heads(connection)
            found = any(self._critical(connection, stream, heads) for stream in self._next)
        if found:
            return self._store.write(self._keep)
        self._next |= {stream: heads[stream] for stream in self._next if stream in heads}
        return 0

    def waiting(self, destination: str) -> tuple[Message, list[tuple[str, int]]] | None:
        """What is to be told there, and of which records (stream and number); None for nothing."""
        of_it = select(alert_waiting).where(alert_waiting.c.destination == destination)
        with self._store.read() as connection:
            rows = connection.execute(of_it.order_by(alert_waiting.c.found_at)).all()
        if not rows:
            return None
        alerts = [Alert(orjson.loads(row.told)) for row in rows[:SPELT_OUT]]
        return Message(alerts, len(rows) - len(alerts)), [(row.stream, row.seq) for row in rows]

    def taken(self, destination: str, records: Sequence[tuple[str, int]]) -> None:
        """These need not be told there any more.

        :raises Unavailable: when the database cannot be written: they are told again, some time
        """

        def unit(connection: Connection) -> None:
            for stream, seq in records:
                connection.execute(
                    delete(alert_waiting).where(
                        alert_waiting.c.destination == destination,
                        alert_waiting.c.stream == stream,
                        alert_waiting.c.seq == seq,
                    )
                )

        self._store.write(unit)

    def give_up(self, destination: str) -> int:
        """Drop what has waited too long; how many."""
        oldest = _now() - PATIENCE_SECONDS * _MICROSECONDS
        too_old = and_(
            alert_waiting.c.destination == destination, alert_waiting.c.found_at < oldest
        )
        return self._store.write(
            lambda connection: connection.execute(delete(alert_waiting).where(too_old)).rowcount
        )

    def _keep(self, connection: Connection) -> int:
        """In one transaction: put what is critical into the outbox, and move on."""
        lost = 0
        heads = _heads(connection)
        room = {name: MOST_WAITING - _count(connection, name) for name in self._destinations}
        for stream in self._next:
            alerts = self._critical(connection, stream, heads, limit=MOST_FOUND)
            for name in self._destinations:
                taken = alerts[: max(room[name], 0)]
                room[name] -= len(taken)
                lost += len(alerts) - len(taken)
                rows = [{"destination": name, "found_at": _now(), **alert} for alert in taken]
                if rows:
                    connection.execute(insert(alert_waiting), rows)
            moved = update(alert_cursor).where(alert_cursor.c.stream == stream)
            connection.execute(moved.values(next_seq=heads[stream]))
        self._next |= {stream: heads[stream] for stream in self._next}
        return lost

    def _critical(
        self, connection: Connection, stream: str, heads: dict[str, int], *, limit: int = 1
    ) -> list[dict[str, Any]]:
        wanted = (
            select(journal.c.seq, journal.c.entry)
            .where(
                journal.c.stream == stream,
                journal.c.seq >= self._next[stream],
                journal.c.seq < heads.get(stream, 0),
                journal.c.level == Level.CRITICAL.value,
                journal.c.timestamp >= _now() - FRESH_SECONDS * _MICROSECONDS,
            )
            .order_by(journal.c.seq)
            .limit(limit)
        )
        return [
            {"stream": stream, "seq": row.seq, "told": self._told(stream, row.seq, row.entry)}
            for row in connection.execute(wanted)
        ]

    def _told(self, stream: str, seq: int, entry: bytes) -> bytes:
        try:
            alert = Alert.of(stream, seq, entry, self._link)
        except ValueError:  # altered: that there was a critical record is told nevertheless
            alert = Alert({"event": "record_not_readable", "stream": stream, "seq": seq})
        return orjson.dumps(dict(alert.told))


def _cursor(connection: Connection) -> dict[str, int]:
    found = select(alert_cursor.c.stream, alert_cursor.c.next_seq)
    return {row.stream: row.next_seq for row in connection.execute(found)}


def _heads(connection: Connection) -> dict[str, int]:
    streams = [stream.value for stream in STREAMS]
    found = select(journal_head).where(journal_head.c.stream.in_(streams))
    return {row.stream: row.next_seq for row in connection.execute(found)}


def _count(connection: Connection, destination: str) -> int:
    found = select(func.count()).where(alert_waiting.c.destination == destination)
    return int(connection.execute(found).scalar() or 0)


def _now() -> int:
    return time.time_ns() // 1000
