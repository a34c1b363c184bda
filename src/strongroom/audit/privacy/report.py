"""All that is held about somebody, as JSON: for whoever asks what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection

from strongroom.audit.privacy.records import records_of
from strongroom.audit.privacy.subject import Subject

Facts = Callable[[Connection, Subject], Iterable[tuple[str, Iterable[Mapping[str, Any]]]]]
"""What the application holds beside the records: sections, by name, and what is in each."""


def no_facts(
    _connection: Connection, _subject: Subject
) -> Iterable[tuple[str, Iterable[Mapping[str, Any]]]]:
    """An application that holds nothing else."""
    return ()


class Reporting:
    """One report. Iterate over it once; then :attr:`count` says how many records it had.

    :param connection: in one transaction, which lasts until the end
    :param facts: asks the application; its sections come first
    """

    def __init__(self, connection: Connection, subject: Subject, facts: Facts = no_facts) -> None:
        self._connection = connection
        self._subject = subject
        self._facts = facts
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        """The JSON object, piece by piece, in constant memory.

        :raises Corrupt: when a segment is missing or damaged
        """
        subject = self._subject
        who = {"user_ids": sorted(subject.user_ids), "names": sorted(subject.names)}
        yield b'{"about":' + orjson.dumps(
            {"kind": subject.kind} | (who if subject.user_ids else {})
        )
        for name, rows in self._facts(self._connection, subject):
            yield b",\n" + orjson.dumps(name) + b":["
            yield from _items(rows)
            yield b"]"
        yield b',\n"records":['
        yield from _items(self._records())
        yield b"]}\n"

    def _records(self) -> Iterator[Mapping[str, Any]]:
        for record in records_of(self._connection, self._subject):
            self.count += 1
            yield record


def _items(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    between = b"\n"
    for row in rows:
        yield between + orjson.dumps(row)
        between = b",\n"
