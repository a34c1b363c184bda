"""Who is to be forgotten, and which parts of which records are theirs.

A person's records are those by them (``user_id``), and those about them by nobody who was signed in
(``target_user_id`` alone, as a sign-in), with whatever else was recorded of the same request: content
and network are theirs. Of records about them by somebody else the content is theirs, and the network
part is that somebody's. An address's records are those that came from it or through it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from strongroom.audit.archive.columns import REST, packed_address
from strongroom.audit.events import Stream
from strongroom.audit.events.ledger import SegmentSealed
from strongroom.audit.events.system import (
    ForgettingStarted,
    NetworkDropped,
    PersonForgotten,
    RecordsPruned,
)
from strongroom.audit.journal.people import ids_whose_name, names_of, same_name
from strongroom.audit.privacy.traces import ADDRESSES, CONTENT, NETWORK
from strongroom.errors import Refused

BOTH: Final = frozenset({CONTENT, NETWORK})
NOTHING: Final[frozenset[str]] = frozenset()

EVIDENCE: Final = frozenset(
    event.event_name
    for event in (SegmentSealed, RecordsPruned, NetworkDropped, ForgettingStarted, PersonForgotten)
)
"""Events whose content verification reads; it names files of the archive, and nobody."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Condition = tuple[str, list[Any]]
"""SQL over the columns of a segment, with its parameters."""


class Subject(ABC):
    """Whom or what a forgetting or a report is about."""

    kind: str
    user_ids: Collection[str] = ()
    names: Collection[str] = ()

    @abstractmethod
    def claims(self, record: Mapping[str, Any]) -> frozenset[str]:
        """The parts of a record that are theirs; none when the record is not about them.

        :param record: flat, with its ``stream``
        """

    @abstractmethod
    def condition(self, *, has_rest: bool) -> Condition:
        """What records of theirs fulfil in a segment; some others may, too."""

    def drops(self, record: Mapping[str, Any], parts: Collection[str]) -> frozenset[str]:
        """Those of the parts that this record is to lose."""
        claimed = self.claims(record) & frozenset(parts)
        return claimed - {CONTENT} if record.get("event") in EVIDENCE else claimed


@dataclass(frozen=True, slots=True)
class Person(Subject):
    """Everybody whom the directory of people knows by a name.

    :param requests: ids of the requests of nobody signed in that were about them
    """

    user_ids: frozenset[str]
    names: frozenset[str]
    requests: set[str] = field(default_factory=set)
    kind = "user"

    @classmethod
    def named(cls, connection: Connection, name: str) -> Person:
        """Whoever has this name, in any case of letters; or this id, once the name is forgotten.

        :param name: or a ``user_id`` that is a UUID
        :raises Refused: 404 ``person_not_known``
        """
        ids = ids_whose_name(connection, lambda known: same_name(known, name))
        if not ids and _UUID.fullmatch(name):
            return cls(frozenset({name}), frozenset())
        if not ids:
            raise Refused(
                "person_not_known",
                "The directory of people has nobody of that name. Whoever was forgotten is not in "
                "it any more.",
                status=404,
            )
        return cls(ids, frozenset(names_of(connection, ids).values()))

    def claims(self, record: Mapping[str, Any]) -> frozenset[str]:
        """See :meth:`Subject.claims`."""
        if record.get("stream") == Stream.IMPORTED.value:
            return NOTHING  # other programs' ids are other people's
        user_id = record.get("user_id")
        if _is_in(user_id, self.user_ids):
            return BOTH
        if user_id is None and _is_in(record.get("request_id"), self.requests):
            return BOTH
        if _is_in(record.get("target_user_id"), self.user_ids):
            return BOTH if user_id is None else frozenset({CONTENT})
        return NOTHING

    def learn(self, record: Mapping[str, Any]) -> None:
        """Take note of a request that was about them, and of nobody signed in."""
        about = _is_in(record.get("target_user_id"), self.user_ids)
        request_id = record.get("request_id")
        if about and record.get("user_id") is None and isinstance(request_id, str):
            self.requests.add(request_id)

    def condition(self, *, has_rest: bool) -> Condition:
        """See :meth:`Subject.condition`."""
        del has_rest  # ids are texts, and stand in their columns
        ids = sorted(self.user_ids)
        sql = "list_contains(?, user_id) OR list_contains(?, target_user_id)"
        if not self.requests:
            return sql, [ids, ids]
        return f"{sql} OR list_contains(?, request_id::VARCHAR)", [ids, ids, sorted(self.requests)]


@dataclass(frozen=True, slots=True)
class Address(Subject):
    """One IP address, in whatever way it is written.

    :param text: as it was given
    :param packed: its 16 bytes
    """

    text: str
    packed: bytes
    kind = "ip"

    @classmethod
    def of(cls, text: str) -> Address:
        """The address of this text.

        :raises Refused: 400 ``address_not_valid``
        """
        packed = packed_address(text)
        if packed is None:
            raise Refused("address_not_valid", f"{text!r} is no IP address.", status=400)
        return cls(text, packed)

    def claims(self, record: Mapping[str, Any]) -> frozenset[str]:
        """See :meth:`Subject.claims`."""
        found = any(self._is(record.get(name)) for name in ADDRESSES)
        return BOTH if found else NOTHING

    def _is(self, value: object) -> bool:
        return isinstance(value, str) and (
            value == self.text or packed_address(value) == self.packed
        )

    def condition(self, *, has_rest: bool) -> Condition:
        """See :meth:`Subject.condition`."""
        sql = " OR ".join(f"{name} = ?" for name in ADDRESSES)
        return (f"{sql} OR {REST} IS NOT NULL" if has_rest else sql), [self.packed] * len(ADDRESSES)


def _is_in(value: object, known: Collection[str]) -> bool:
    return isinstance(value, str) and value in known
