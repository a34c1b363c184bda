"""A verification: one state of the database, one pass over its records, every check."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, select

from strongroom.audit.archive.readers import reading
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.ledger import LogVerified, VerificationFailed
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.places import shown
from strongroom.audit.ledger.status import on_this_machine
from strongroom.audit.ledger.tables import ledger_copy
from strongroom.audit.ledger.verify.against import Outside
from strongroom.audit.ledger.verify.archived import boundary_of, sealed_blocks
from strongroom.audit.ledger.verify.check import Check, LooksAgain
from strongroom.audit.ledger.verify.dropped import DroppedNetworks
from strongroom.audit.ledger.verify.forgotten import ForgottenParts
from strongroom.audit.ledger.verify.ledger import LATE_SECONDS, LedgerCheck, is_late
from strongroom.audit.ledger.verify.parts import IsForgotten, nothing_forgotten, parts
from strongroom.audit.ledger.verify.pruned import PrunedRanges, pruned_of
from strongroom.audit.ledger.verify.records import Ids, Order, columns, entries
from strongroom.audit.ledger.verify.report import HeldCopy, Report, State, Tally, Verdict
from strongroom.audit.ledger.verify.rows import (
    Block,
    Proven,
    Unreadable,
    fetch,
    journal_blocks,
    total,
)
from strongroom.audit.ledger.verify.schema import Schema
from strongroom.audit.ledger.verify.segments import SealedSegments
from strongroom.audit.ledger.verify.streams import Database, Unledgered
from strongroom.audit.ledger.verify.trust import Trust
from strongroom.store import Store

_timestamp: Final = select(journal.c.timestamp).where(
    journal.c.stream == Stream.AUDIT.value, journal.c.seq == bindparam("wanted")
)
_held: Final = select(ledger_copy.c.place, ledger_copy.c.size, ledger_copy.c.copied_at)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: records of the audit stream."""

    done: int
    total: int


OnProgress = Callable[[Progress], None]


def verify(
    store: Store,
    *,
    trust: Trust,
    against: Sequence[Outside] = (),
    more_checks: Sequence[Check] = (),
    progress: OnProgress | None = None,
    is_forgotten: IsForgotten = nothing_forgotten,
    places: Sequence[str] = (),
) -> Report:
    """Recompute everything from the stored bytes; a verdict for each kind of check.

    Reads one consistent state, while others may go on writing, in constant memory. Writes nothing.
    What does not hold is told in the report, never raised. Use from any thread.

    :param trust: whose signatures count
    :param against: checkpoints held elsewhere
    :param more_checks: see the same records
    :param progress: called several times a second
    :param is_forgotten: whether a part may be missing that no kept list has
    :param places: that are set to get copies; what the database says of others is not told
    :raises sqlalchemy.exc.DBAPIError: when the database cannot be opened at all
    """
    ledger = LedgerCheck(trust, against)
    forgotten = ForgottenParts(is_forgotten)
    dropped = DroppedNetworks(forgotten.is_forgotten)
    columns_covers = "what records are searched by is what their entries say"
    checks: list[Check] = [
        Schema(),
        Database(),
        Order(),
        entries(Tally("entries", "every entry is canonical JSON of at most 65,535 bytes")),
        columns(Tally("columns", columns_covers)),
        Ids(),
        dropped,
        forgotten,
        parts(dropped.is_forgotten),
        PrunedRanges(),
        ledger,
        SealedSegments(),
        *(Unledgered(stream) for stream in Stream if stream is not Stream.AUDIT),
        *more_checks,
    ]
    return _run(store, checks, ledger, progress, places=places)


def verify_ledger(
    store: Store,
    *,
    trust: Trust,
    against: Sequence[Outside] = (),
    progress: OnProgress | None = None,
) -> Report:
    """Recompute the tree from the entries and compare tiles, head row, keys and checkpoints.

    A third of :func:`verify`'s time: leaves out whatever is not the ledger, such as the columns that
    are searched by and the parts. Otherwise the same.
    """
    ledger = LedgerCheck(trust, against)
    return _run(store, [Schema(), ledger], ledger, progress, ledger_only=True)


def _run(
    store: Store,
    checks: Sequence[Check],
    ledger: LedgerCheck,
    progress: OnProgress | None,
    *,
    ledger_only: bool = False,
    places: Sequence[str] = (),
) -> Report:
    began_at, started = time.time_ns() // 1000, time.perf_counter()
    guarded = [_Guarded(check) for check in checks]
    with reading(store), store.read() as connection:
        for check in guarded:
            check.begin(connection)
        records = _blocks(connection, ledger_only=ledger_only)
        expected = total(connection, Stream.AUDIT.value)
        start = _begin_of(connection)
        size, unreadable = _pass(records, guarded, start, expected, progress)
        verdicts = [verdict for check in guarded for verdict in check.verdicts()]
        warnings = list(_warnings(connection, size, ledger.signed.size))
        copies = _copies(connection, {shown(place): place for place in places}, store)
    if unreadable:
        reason = f"the records cannot be read: {unreadable}"
        verdicts.append(Verdict("reading", "all records can be read", State.FAILS, 0, None, reason))
    return Report(
        verdicts=verdicts,
        size=size,
        signed_size=ledger.signed.size,
        trust=ledger.trust.source,
        keys=ledger.keys,
        warnings=warnings,
        copies=copies,
        began_at=began_at,
        seconds=time.perf_counter() - started,
    )


def _blocks(connection: Connection, *, ledger_only: bool) -> Iterator[Block]:
    """The audit stream: what is sealed, and then what is in the journal."""
    yield from sealed_blocks(connection, ledger_only=ledger_only)
    stream = Stream.AUDIT.value
    start = boundary_of(connection, stream)
    yield from journal_blocks(connection, stream, start, ledger_only=ledger_only)


def _begin_of(connection: Connection) -> int:
    try:
        return pruned_of(connection, Stream.AUDIT.value)
    except Unreadable:
        return 0  # some check has failed already


class _Guarded:
    """A check that an error of the database fails, instead of ending the verification."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._broken: str | None = None

    def begin(self, connection: Connection) -> None:
        try:
            self._check.begin(connection)
        except Unreadable as error:
            self._broken = str(error)

    def see(self, block: Block) -> None:
        if self._broken is None:
            try:
                if block.proven is not Proven.NOT_BY_BYTES:
                    self._check.see(block)
                elif isinstance(self._check, LooksAgain):
                    self._check.see_again(block)
            except Unreadable as error:
                self._broken = str(error)

    def verdicts(self) -> Sequence[Verdict]:
        if self._broken is None:
            try:
                return self._check.verdicts()
            except Unreadable as error:
                self._broken = str(error)
        reason = f"the database cannot be read: {self._broken}"
        covers = "could not be looked at"
        return [Verdict(name, covers, State.FAILS, 0, None, reason) for name in self._check.names]


def _pass(
    records: Iterator[Block],
    checks: Sequence[_Guarded],
    start: int,
    expected: int,
    progress: OnProgress | None,
) -> tuple[int, str | None]:
    """Show every record to every check; how many there are with those that were pruned, and what the
    database said if there are more."""
    done = start
    try:
        for block in records:
            for check in checks:
                check.see(block)
            if block.proven is not Proven.NOT_BY_BYTES:
                done += len(block)
            if progress is not None:
                progress(Progress(done, max(done, expected)))
    except Unreadable as error:
        return done, str(error)
    return done, None


def _warnings(connection: Connection, size: int, signed: int) -> Iterator[str]:
    rows = _read_if_possible(connection, _timestamp, wanted=signed)
    if rows and is_late(rows[0][0]):
        yield (
            f"{size - signed:,} records are not signed yet, the first of them, {signed:,}, "
            f"since more than {LATE_SECONDS // 60} minutes: does the server run?"
        )


def _copies(connection: Connection, places: Mapping[str, str], store: Store) -> list[HeldCopy]:
    held = [
        HeldCopy(place, size, copied_at, on_this_machine(store, places[place]))
        for place, size, copied_at in _read_if_possible(connection, _held)
        if type(place) is str and type(size) is int and type(copied_at) is int and place in places
    ]
    return sorted(held, key=lambda copy: copy.copied_at, reverse=True)


def _read_if_possible(
    connection: Connection, wanted: Select[Any], /, **values: object
) -> Sequence[tuple[Any, ...]]:
    """What is said beside the verdicts; some check has failed already if it cannot be read."""
    try:
        return fetch(connection, wanted, **values)
    except Unreadable:
        return ()


def outcome(report: Report) -> Event:
    """The event that records what came of it."""
    told = {
        verdict.name: f"{verdict.state}, {verdict.count:,}"
        + (f": {verdict.reason}" if verdict.state is State.FAILS else "")
        for verdict in report.verdicts
    }
    extra = {"checks": told, "signed": report.signed_size, "seconds": round(report.seconds, 3)}
    if report.holds:
        return LogVerified(count=report.size, extra=extra)
    return VerificationFailed(
        reason=f"{report.failed[0].name}_failed", count=report.size, extra=extra
    )
