"""A ledgered database of which some records, sealed and not, are partly forgotten."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from strongroom.audit.archive.forgotten import SeqList
from strongroom.audit.journal import StoredRecord
from strongroom.audit.privacy.forgetting import Forgetter
from strongroom.audit.privacy.subject import Address
from strongroom.audit.privacy.wanted import Scope
from strongroom.audit.sealing import Sealer
from strongroom.audit.sealing.due import Span
from tests.fault.sealed import SPANS, Harm, SealedLedgered, recorder, sql
from tests.fault.tampering import recorded

THEIRS = (5, 2_000, 2_890)
"""In the first segment, in the second, and in the journal."""

ADDRESS = "192.0.2.250"


class ForgottenLedgered(SealedLedgered):
    """One address is forgotten, with the content of the records that came from it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        record = recorder(self.journal)
        forgetter = Forgetter(
            self.store,
            record,
            Scope(path.parent),
            tidy=Sealer(self.store, record, signed=True).tidy,
        )
        forgetter.begin(Address.of(ADDRESS), content=True)
        [about] = forgetter.pending()
        # The administrator's connection reads nothing at this moment, so that it comes to its end.
        outcome = forgetter.resume(about)
        assert outcome.waits is None, outcome
        self.keep()

    def record_of(self, number: int) -> StoredRecord:
        """See :class:`tests.fault.tampering.Ledgered`."""
        return recorded(number, ip_address=ADDRESS if number in THEIRS else "10.0.0.7")

    def parquet(self, span: Span = SPANS[2]) -> Path:
        """The Parquet file of what was sealed."""
        return super().parquet(span)


def lists(database: ForgottenLedgered) -> Iterator[tuple[str, Harm]]:
    """The lists: extended, shortened, removed, made up; and parts gone that no list has."""
    lost = "UPDATE journal SET network = NULL, network_salt = NULL WHERE seq = 2895"
    yield "a part gone that is in no list", sql(lost)
    for part in ("network", "content"):
        where = f"WHERE part = '{part}' AND stream = 'audit'"
        for name, seqs in (("extended", (*THEIRS, 2_895)), ("shortened", THEIRS[:-1])):
            [(_, packed)] = SeqList(seqs).rows()
            yield f"{part} {name}", partial(_put, where=where, packed=packed)
        yield f"{part} extended, with the part gone", partial(_extend, part=part, where=where)
        yield (
            f"{part} of no numbers",
            partial(_put, where=where, packed=zlib.compress(bytes(8_192))),
        )
        yield f"{part} of no list", partial(_put, where=where, packed=b"x")
        yield f"{part} removed", sql(f"DELETE FROM forgotten {where}")
        yield f"{part} moved", sql(f"UPDATE forgotten SET block = 1 {where}")
        yield f"{part} of text", sql(f"UPDATE forgotten SET seqs = 'x' {where}")
        yield f"{part} of another", sql(f"UPDATE forgotten SET forgetting_id = 'x' {where}")
    [(_, packed)] = SeqList([2_895]).rows()
    yield "a list made up", partial(_made_up, packed=packed, lost=lost)
    yield "an odd part", sql("UPDATE forgotten SET part = 'other' WHERE part = 'network'")


def _put(database: SealedLedgered, where: str, packed: bytes) -> None:
    database.run(f"UPDATE forgotten SET seqs = ? {where}", packed)


def _extend(database: SealedLedgered, part: str, where: str) -> None:
    [(_, packed)] = SeqList((*THEIRS, 2_895)).rows()
    database.run(f"UPDATE journal SET {part} = NULL, {part}_salt = NULL WHERE seq = 2895")
    _put(database, where, packed)


def _made_up(database: SealedLedgered, packed: bytes, lost: str) -> None:
    database.run(lost)
    database.run("INSERT INTO forgotten VALUES ('x', 'audit', 'network', 0, ?)", packed)
