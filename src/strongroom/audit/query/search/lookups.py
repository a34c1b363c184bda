"""Single records: by id, of one request, and those around one in time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from strongroom.audit.archive.index import Segment, sealed_through
from strongroom.audit.journal.stored import decode, microseconds
from strongroom.audit.journal.tables import journal
from strongroom.audit.query.compile import compile_query
from strongroom.audit.query.cursor import Cursor
from strongroom.audit.query.language import Is, Query
from strongroom.audit.query.search.fences import Fences
from strongroom.audit.query.search.pages import OLDEST_FIRST, first_keys
from strongroom.audit.query.search.plan import Plan
from strongroom.audit.query.search.protocol import Record, Window
from strongroom.audit.query.search.reader import Reader
from strongroom.audit.query.search.records import read_records
from strongroom.audit.query.search.snapshot import Snapshot
from strongroom.audit.query.search.sources import Source
from strongroom.store import Store


def plan_for(field: str, value: str) -> Plan:
    """The plan that asks for one value of a field exactly."""
    query = Query((Is(field, value),))
    compiled = {r: compile_query(query, 0, _nobody, has_rest=r) for r in (False, True)}
    clauses = {has_rest: (done.sql, done.params) for has_rest, done in compiled.items()}
    return Plan(Window(), compiled[True].facts, clauses, None)


def _nobody(_fits: object, /) -> frozenset[str]:
    return frozenset()


def unsealed(store: Store, record_id: str) -> Record | None:
    """The record of that id, if it is in the journal: by the journal's own index."""
    wanted = select(journal).where(journal.c.id == record_id)
    with store.read() as connection:
        row = connection.execute(wanted).first()
        if row is None or row.seq < sealed_through(connection, row.stream):
            return None  # a leftover, if anything: the segment has it
        return decode(row)


def sealed(
    reader: Reader, plan: Plan, seen: Snapshot, sources: Sequence[Source], fences: Fences
) -> list[Record]:
    """The one record that a plan finds.

    Ids of ours tell when they were made, so those segments are read first where it should be; yet a
    clock may have been wrong, so the others are read too.
    """
    near = [source for source in sources if isinstance(source, Segment)]
    chosen = set(near)
    for some in (
        near,
        fences.may_hold([s for s in seen.sealed if s not in chosen], plan.facts.needles),
    ):
        keys = first_keys(reader, plan, some, None, limit=1).found
        if keys:
            return read_records(reader, keys, some)
    return []


def of_request(reader: Reader, plan: Plan, sources: Sequence[Source], limit: int) -> list[Record]:
    """The records that a plan finds, oldest first."""
    keys = first_keys(reader, plan, sources, None, limit=limit, order=OLDEST_FIRST).found
    return read_records(reader, keys, sources)


def place_of(record: Record, timestamp: int | None = None) -> Cursor:
    """Where a record is in the order of time."""
    at = microseconds(record["timestamp"]) if timestamp is None else timestamp
    return Cursor(at, record["stream"], record["seq"])


def around(
    reader: Reader, plan: Plan, sources: Sequence[Source], place: Cursor, limit: int
) -> tuple[list[Record], list[Record]]:
    """Those before a place and those after it, each oldest first."""
    before = first_keys(reader, plan, sources, place, limit=limit).found
    after = first_keys(reader, plan, sources, place, limit=limit, order=OLDEST_FIRST).found
    return (
        read_records(reader, before[::-1], sources),
        read_records(reader, after, sources),
    )
