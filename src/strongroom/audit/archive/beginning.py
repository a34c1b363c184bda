"""Where the records of a stream begin, now that older ones may have been pruned."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from strongroom.audit.archive.index import segment_of
from strongroom.audit.archive.pruned import Pruning, pruned_through, pruning_of


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is not kept any more of a stream.

    :param newest: the last pruning: when it was, and because of which rule
    :param kept_since: moment of the oldest record that is kept in the archive, in microseconds since
        1970-01-01 UTC; None when nothing is left there
    """

    newest: Pruning
    kept_since: int | None


def beginning_of(connection: Connection, stream: str) -> Beginning | None:
    """Where the stream begins; None when nothing of it was ever pruned.

    :raises Corrupt: when the archive's index contradicts itself
    """
    first = pruned_through(connection, stream)
    newest = pruning_of(connection, stream, first - 1) if first else None
    if newest is None:
        return None
    oldest = segment_of(connection, stream, first)
    return Beginning(newest, None if oldest is None else oldest.min_timestamp)
