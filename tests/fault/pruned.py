"""A ledgered database of which a part is pruned, and another has lost its addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from strongroom.audit.archive.index import segments
from strongroom.audit.retention import Pruner, Rules
from strongroom.audit.retention.plan import Going
from strongroom.audit.retention.rules import Rule
from strongroom.audit.sealing.due import Span
from tests.fault.sealed import SPANS, Harm, SealedLedgered, recorder, sql

PRUNED, DROPPED, WHOLE, OPS = SPANS


class PrunedLedgered(SealedLedgered):
    """The first segment was pruned, and the second has lost its network part."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        pruner = Pruner(self.store, recorder(self.journal), Rules())
        for span, rule in ((PRUNED, Rule.MAX_AGE), (DROPPED, Rule.NETWORK_AGE)):
            with self.store.read() as connection:
                [about] = [
                    one for one in segments(connection, "audit") if one.first_seq == span.start
                ]
            pruner.carry_out(Going(about, rule), frozenset())
        self.keep()

    def parquet(self, span: Span = WHOLE) -> Path:
        """The Parquet file of what was sealed."""
        return super().parquet(span)


def rows(_: PrunedLedgered) -> Iterator[tuple[str, Harm]]:
    """What the database says of prunings and of dropped addresses: altered, removed, or made up."""
    for stream in ("audit", "ops", "imported"):
        for change in ("pruned_through + 1", "pruned_through + 256", "'x'", "-1"):
            statement = f"UPDATE archive_head SET pruned_through = {change}"
            yield f"{stream}: {change}", sql(f"{statement} WHERE stream = '{stream}'")
    for change in ("0", "pruned_through - 1", "pruned_through - 256"):
        statement = f"UPDATE archive_head SET pruned_through = {change} WHERE stream = 'audit'"
        yield f"audit: {change}", sql(statement)
    for statement in (
        "DELETE FROM pruning",
        "UPDATE pruning SET last_seq = last_seq + 256",
        "UPDATE pruning SET last_seq = last_seq - 256",
        "UPDATE pruning SET first_seq = 256",
        "UPDATE pruning SET rule = 'max_bytes'",
        "UPDATE pruning SET stream = 'ops'",
        "UPDATE pruning SET last_seq = 'x'",
        "INSERT INTO pruning VALUES ('ops', 0, 3, 'max_age', 1)",
        "INSERT INTO pruning VALUES ('audit', 1024, 2047, 'max_age', 1)",
        "INSERT INTO pruning VALUES ('other', 0, 3, 'max_age', 1)",
        "DELETE FROM network_drop",
        "UPDATE network_drop SET last_seq = last_seq - 1",
        "UPDATE network_drop SET last_seq = last_seq + 1",
        "UPDATE network_drop SET first_seq = first_seq + 1",
        "UPDATE network_drop SET last_seq = 'x'",
        "INSERT INTO network_drop VALUES (2048, 2815, 1)",
        "INSERT INTO network_drop VALUES (0, 1023, 1)",
    ):
        yield statement, sql(statement)
    drop = "INSERT INTO network_drop VALUES (2900, 2900, 1)"
    lost = "UPDATE journal SET network = NULL, network_salt = NULL WHERE seq = 2900"
    yield "a part gone", sql(lost)
    yield "a part gone, with a row", partial(_both, statements=(lost, drop))
    for level, place in ((0, 0), (0, 3), (1, 0)):
        where = f"WHERE level = {level} AND tile_index = {place}"
        # Another byte than the one there, whichever that is.
        other = "CASE substr(hashes, 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END"
        flipped = f"CAST({other} || substr(hashes, 2) AS BLOB)"
        yield f"a hash {level}/{place}", sql(f"UPDATE ledger_tile SET hashes = {flipped} {where}")
        yield f"no hash {level}/{place}", sql(f"DELETE FROM ledger_tile {where}")


def _both(database: SealedLedgered, statements: Sequence[str]) -> None:
    for statement in statements:
        database.run(statement)
