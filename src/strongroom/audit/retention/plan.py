"""What would be deleted now, because of which rule, and what is kept although a rule says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from strongroom.audit.archive.holds import Hold, covers_segment, read_holds
from strongroom.audit.archive.index import Segment, segments
from strongroom.audit.archive.places import folder_of
from strongroom.audit.archive.pruned import dropped_networks
from strongroom.audit.archive.reading import ArchiveReader
from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.retention.rules import Rule, Rules
from strongroom.errors import Corrupt


@dataclass(frozen=True, slots=True)
class Going:
    """A segment that a rule deletes; with ``network_age``, its network part alone."""

    segment: Segment
    rule: Rule


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment that a rule would delete, if it were not for something else.

    :param why: in words
    :param holds: the ids of the holds that cover it
    """

    segment: Segment
    rule: Rule
    why: str
    holds: Sequence[str] = ()


@dataclass(slots=True)
class Plan:
    """What retention would do now.

    :param holds: the ids of all holds that were looked at
    """

    going: list[Going] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    holds: frozenset[str] = frozenset()


KeepsFrom = Callable[[Connection, Stream], int | None]
"""Says which record of a stream, with all after it, somebody else still needs; None for none."""


def nobody_needs(_connection: Connection, _stream: Stream) -> int | None:
    """Every record may go."""
    return None


def plan(
    connection: Connection, rules: Rules, now: int, keeps_from: KeepsFrom = nobody_needs
) -> Plan:
    """What would be deleted now.

    A stream is pruned from its beginning on, so a segment that is kept keeps those after it.

    :param now: microseconds since 1970-01-01 UTC
    :param keeps_from: asked once a stream; addresses and agents go nevertheless, when their time comes
    """
    planner = _Planner(connection, rules, now, keeps_from)
    with planner.reader:
        for stream in Stream:
            planner.prune(stream)
        planner.drop_networks()
    return planner.plan


class _Planner:
    def __init__(
        self, connection: Connection, rules: Rules, now: int, keeps_from: KeepsFrom
    ) -> None:
        self._connection = connection
        self._needed = {stream.value: keeps_from(connection, stream) for stream in Stream}
        self._rules = rules
        self._now = now
        self._holds = read_holds(connection)
        newest = select(func.max(ledger_checkpoint.c.size))
        self._signed: int = connection.execute(newest).scalar() or 0
        self.reader = ArchiveReader(folder_of(connection))
        self.plan = Plan(holds=frozenset(hold.id for hold in self._holds))

    def prune(self, stream: Stream) -> None:
        """Which segments of a stream go."""
        first: Kept | None = None
        for about, rule in self._due(stream):
            if first is None:
                first = self._reason(about, rule)
                found = first
            else:
                why = f"comes after {first.segment.first_seq:,}, which is kept"
                found = Kept(about, rule, why)
            if found is None:
                self.plan.going.append(Going(about, rule))
            else:
                self.plan.kept.append(found)

    def _due(self, stream: Stream) -> Iterator[tuple[Segment, Rule]]:
        """The segments at the beginning of a stream that a rule deletes."""
        age, most = self._rules.max_age.get(stream, 0), self._rules.max_bytes.get(stream, 0)
        found = segments(self._connection, stream.value)
        total = sum(about.bytes for about in found)
        for about in found:
            if age and self._is_older(about, age):
                yield about, Rule.MAX_AGE
            elif most and total > most:
                yield about, Rule.MAX_BYTES
            else:
                return
            total -= about.bytes

    def _is_older(self, about: Segment, seconds: int) -> bool:
        return about.max_timestamp < self._now - seconds * 10**6

    def drop_networks(self) -> None:
        """Which audit segments lose their network part."""
        age = self._rules.network_age
        if not age:
            return
        going = {one.segment for one in self.plan.going}
        done = dropped_networks(self._connection)
        for about in segments(self._connection, Stream.AUDIT.value):
            if about in going or about.first_seq in done or not self._is_older(about, age):
                continue
            kept = self._reason(about, Rule.NETWORK_AGE)
            if kept is None:
                self.plan.going.append(Going(about, Rule.NETWORK_AGE))
            else:
                self.plan.kept.append(kept)

    def _reason(self, about: Segment, rule: Rule) -> Kept | None:
        """Why a segment is kept; None when nothing keeps it."""
        try:
            holds = [hold for hold in self._holds if self._covers(hold, about)]
        except Corrupt as error:
            return Kept(about, rule, f"cannot be read, so that a hold may cover it: {error}")
        if holds:
            names = ", ".join(hold.id for hold in holds)
            return Kept(about, rule, f"held by {names}", [hold.id for hold in holds])
        if about.stream == Stream.AUDIT.value and self._signed <= about.last_seq:
            return Kept(about, rule, "no signed checkpoint covers it")
        needed = self._needed[about.stream]
        if rule is not Rule.NETWORK_AGE and needed is not None and needed <= about.last_seq:
            return Kept(about, rule, "was not shipped to every destination yet")
        first = select(func.min(journal.c.seq)).where(journal.c.stream == about.stream)
        left = self._connection.execute(first).scalar()
        if left is not None and left <= about.last_seq:
            return Kept(about, rule, "its sealing has not come to its end")
        return None

    def _covers(self, hold: Hold, about: Segment) -> bool:
        return covers_segment(self._connection, self.reader, hold, about)
