"""Forgetting somebody: listed, recorded, dropped, looked for, and recorded again.

The list is recorded before anything is dropped, so that at no moment a part is missing which no
record accounts for. From then on it is pending, until a scan of every file finds nothing; a crash
anywhere, or somebody who still reads what is to go, leaves it pending, and it is taken up again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, delete

from strongroom.audit.archive.forgotten import (
    CLEAN,
    DONE,
    PENDING,
    Forgetting,
    Place,
    SeqList,
    enter_forgetting,
    forgettings,
    note,
    read_lists,
    remove_lists,
)
from strongroom.audit.archive.holds import Hold, read_holds
from strongroom.audit.events import Event, Stream
from strongroom.audit.events.system import ForgettingStarted, PersonForgotten
from strongroom.audit.journal.people import person
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.privacy.dropping import Dropper, check_holds, overwrite_deleted
from strongroom.audit.privacy.kept import Kept, in_rollups, rightly_kept
from strongroom.audit.privacy.locked import locked, unlocked
from strongroom.audit.privacy.log_files import files_of, remove_lines
from strongroom.audit.privacy.pages import empty_log, readers, write_anew
from strongroom.audit.privacy.records import records_of
from strongroom.audit.privacy.scanning import files_with
from strongroom.audit.privacy.subject import Subject
from strongroom.audit.privacy.traces import CONTENT, NETWORK, Matcher
from strongroom.audit.privacy.wanted import Outcome, Scope, Wanted, statement, take
from strongroom.store import Store

LOG_SECONDS: Final = 5.0
"""How long to wait for whoever reads the database."""


Progress = Callable[[str], None]
"""Told what is done next, in words."""


class Forgetter:
    """Forgets in one installation. For one thread, and only by whoever has the archive's lease.

    :param record: logs an event; called inside a unit of work, in its context
    :param tidy: removes what a crash or a reader has left of the archive, as the sealer's does
    :param patience: seconds to wait for whoever reads the database
    """

    def __init__(
        self,
        store: Store,
        record: Callable[[Event], None],
        scope: Scope,
        *,
        tidy: Callable[[], None],
        progress: Progress = lambda _what: None,
        patience: float = LOG_SECONDS,
    ) -> None:
        self._store = store
        self._record = record
        self._scope = scope
        self._tidy = tidy
        self._progress = progress
        self._patience = patience

    def plan(self, subject: Subject, *, content: bool) -> Wanted:
        """What would be forgotten now; changes nothing.

        :raises Refused: 409 ``records_held``, when a hold covers some of it
        :raises Corrupt: when a segment is damaged
        """
        wanted = Wanted((CONTENT, NETWORK) if content else (NETWORK,), traces=set(subject.names))
        self._progress("looking for records")
        with self._store.read() as connection:
            wanted.holds = read_holds(connection)
            for found in records_of(connection, subject):
                take(wanted, subject, found)
        return wanted

    def begin(self, subject: Subject, *, content: bool) -> str:
        """List and record what is to be forgotten, and delete the names. Durable; its id.

        :raises Refused: 409 ``records_held``, or ``holds_changed``
        :raises Corrupt: when a segment is damaged
        :raises Unavailable: when the database cannot be written
        """
        wanted = self.plan(subject, content=content)
        token, key = locked(wanted.traces)
        now = time.time_ns() // 1000
        about = Forgetting(new_id(), subject.kind, PENDING, now, 0, token, key, None)
        known = list(subject.user_ids)
        event = ForgettingStarted(
            count=sum(wanted.counts.values()),
            target_user_id=known[0] if len(known) == 1 else None,
            extra=statement(about.id, subject.kind, wanted.lists, wanted.counts),
        )

        def unit(connection: Connection) -> None:
            check_holds(connection, wanted.holds)
            overwrite_deleted(connection)
            enter_forgetting(connection, about, wanted.lists)
            connection.execute(delete(person).where(person.c.user_id.in_(known)))
            self._record(event)

        self._store.write(unit)
        return about.id

    def pending(self) -> list[Forgetting]:
        """Those that have not come to their end."""
        with self._store.read() as connection:
            return forgettings(connection, pending_only=True)

    def resume(self, about: Forgetting) -> Outcome:
        """Go on with a forgetting that is pending, as far as that is possible now. Durable.

        :raises Refused: 409, when a hold covers some of it
        :raises Corrupt: when a segment is damaged: it is evidence, and stays
        :raises Unavailable: when there is no room, or the database cannot be written
        :raises OSError: when a file cannot be read or written
        """
        outcome = Outcome(about.id)
        with self._store.read() as connection:
            lists = read_lists(connection, about.id)
            holds = read_holds(connection)
        if about.state == PENDING:
            self._drop(about, lists, holds)
            outcome = self._look(about)
            if outcome.waits is not None:
                return self._wait(outcome)
            self._wipe(about)
        if not empty_log(self._store, self._patience):
            return self._wait(Outcome(about.id, self._reading(), outcome.kept, outcome.lines))
        self._finish(about, lists)
        return outcome

    def _drop(
        self, about: Forgetting, lists: Mapping[Place, SeqList], holds: Sequence[Hold]
    ) -> None:
        self._tidy()
        dropper = Dropper(self._store, self._record, about.id, lists, holds)
        self._progress("dropping from the journal")
        dropper.drop_from_journal()
        dropper.drop_from_segments(
            lambda one: self._progress(f"{one.stream}: writing {one.rows:,} records anew")
        )

    def _look(self, about: Forgetting) -> Outcome:
        """Look for what is left, and remove it where that can be done."""
        assert about.traces is not None
        assert about.traces_key is not None
        traces = unlocked(about.traces, about.traces_key)
        self._progress("looking what others hold")
        with self._store.read() as connection:
            kept = rightly_kept(connection, Matcher(traces))
        alone = [trace for trace in traces if trace not in kept]
        lines = remove_lines(self._scope.log_file, Matcher(alone))
        where = _told(kept)
        emptied, found = self._scan(alone)
        if found is not None and emptied:  # else it may be in the log alone
            self._progress("writing the database anew")
            write_anew(self._store)
            _, found = self._scan(alone)
        return Outcome(about.id, found, where, lines)

    def _scan(self, traces: Collection[str]) -> tuple[bool, str | None]:
        """Whether the database's log was emptied; and what is still found, in words, None for
        nothing."""
        emptied = empty_log(self._store, self._patience)
        self._tidy()
        self._progress("reading every file")
        scope = self._scope
        with self._store.read() as connection:
            if in_rollups(connection, Matcher(traces)):
                return emptied, "a roll-up of the archive still has something"
        folders = [scope.folder, *scope.also]
        files = files_with(folders, traces, scope.outside, files_of(scope.log_file))
        if not files:
            return emptied, None
        names = ", ".join(path.name for path in files[:5])
        why = "" if emptied else f"; {self._reading()}"
        return emptied, f"still found in {names}{why}"

    def _reading(self) -> str:
        found = ", ".join(map(str, readers(self._store)))
        who = f"process {found} reads" if found else "somebody reads"
        return f"{who} an earlier state of the database, whose log cannot be emptied before the end"

    def _wait(self, outcome: Outcome) -> Outcome:
        def unit(connection: Connection) -> None:
            note(connection, outcome.id, waits=outcome.waits)

        self._store.write(unit)
        return outcome

    def _wipe(self, about: Forgetting) -> None:
        """Nothing was found: what was looked for goes too."""

        def unit(connection: Connection) -> None:
            overwrite_deleted(connection)
            note(connection, about.id, state=CLEAN, traces=None, traces_key=None)

        self._store.write(unit)

    def _finish(self, about: Forgetting, lists: Mapping[Place, SeqList]) -> None:
        seqs: dict[str, SeqList] = {}
        for (stream, _), some in lists.items():
            seqs.setdefault(stream, SeqList()).merge(some)
        counts = Counter({stream: len(some) for stream, some in seqs.items()})
        event = PersonForgotten(
            count=sum(counts.values()), extra=statement(about.id, about.kind, lists, counts)
        )

        def unit(connection: Connection) -> None:
            note(connection, about.id, state=DONE, waits=None)
            remove_lists(connection, about.id, but=Stream.AUDIT.value)
            self._record(event)

        self._store.write(unit)


def _told(kept: Kept) -> dict[str, int]:
    """How many traces may stay, by where."""
    return dict(sorted(Counter(where for places in kept.values() for where in places).items()))
