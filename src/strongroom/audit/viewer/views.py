"""Who looked at what: recorded once for each search, though its page is made of several requests.

A part of a page (the histogram, a list of values, a poll of the tail) is asked for on its own. That
its search was recorded already is looked up in the journal itself, by who asks and for what: so it
makes no difference which process answers, and nobody reads a part whose search was not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from strongroom.audit.events import Stream
from strongroom.audit.events.system import LogsViewed
from strongroom.audit.journal.stored import decode
from strongroom.audit.journal.tables import journal, journal_head
from strongroom.audit.pipeline.context import current_context
from strongroom.audit.viewer.source import RecordSource, log_view

LOOKED_AT: Final = 2_000
"""Of the newest audit records: how far back an earlier view is looked for. What is older, or sealed,
is recorded again."""

_VIEWED: Final = str(LogsViewed.event_name)
_WHO: Final = ("user_id", "session_id", "token_id")


def record_part(source: RecordSource, searched: Mapping[str, str], part: str, count: int) -> None:
    """Record that a part of a search was looked at, unless the search itself was recorded.

    :param searched: what was looked for, as :meth:`ViewerRequest.searched` gives it
    :param part: what of it was asked for
    :param count: how many records or values it shows
    """
    if not _is_recorded(source, searched, part):
        log_view(source, LogsViewed(count=count, extra={**searched, "as": part}))


def _is_recorded(source: RecordSource, searched: Mapping[str, str], part: str) -> bool:
    known = (dict(searched), {**searched, "as": part})
    context = current_context()
    who = {name: context.get(name) for name in _WHO}
    with source.store.read() as connection:
        heads = select(journal_head.c.next_seq).where(journal_head.c.stream == Stream.AUDIT)
        newest = connection.scalar(heads) or 0
        viewed = (
            select(journal)
            .where(
                journal.c.stream == Stream.AUDIT,
                journal.c.seq >= newest - LOOKED_AT,
                journal.c.event == _VIEWED,
            )
            .order_by(journal.c.seq.desc())
        )
        for row in connection.execute(viewed):
            record = decode(row)
            if (record.get("extra") or {}) in known and all(
                record.get(name) == value for name, value in who.items()
            ):
                return True
    return False
