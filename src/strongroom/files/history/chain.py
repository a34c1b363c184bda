"""Which records are a file's history, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.archive.beginning import Beginning, beginning_of
from strongroom.audit.events import Outcome, Stream
from strongroom.audit.query import Page, Query, RecordSearch, Window
from strongroom.audit.query.language import And, AtLeast, Is, Not, Or, Term
from strongroom.files import events
from strongroom.files.history.contents import Present
from strongroom.files.model import rfc3339
from strongroom.store import Store

Record = Mapping[str, Any]

LOOKS: Final = (events.HistoryViewed.event_name, events.VersionsListed.event_name)
"""Somebody looked at what is known of the file, not at the file: left out unless asked for."""

_BY_NAME: Final = (
    events.DownloadFailed.event_name,
    events.DeleteFailed.event_name,
    events.ChangeFailed.event_name,
    events.UploadFailed.event_name,
)
"""Refusals of what was asked for by its path, which do not tell the id."""

_ABOUT_IT: Final = ("permission_missing", "version_not_current", "filename_taken")
"""Reasons that a file can have been the reason of, being there."""

_MOST_PEOPLE: Final = 200
_MOST_EVENTS: Final = 50
_CHECKS: Final = 100
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Totals:
    """All of a history in numbers.

    :param events: how many records, by event
    :param people: ids of those who acted; at most 200 are told apart
    :param partial: whether there was not the time to count all
    """

    events: Mapping[str, int]
    people: Sequence[str]
    partial: bool

    @property
    def acts(self) -> int:
        """Records, without those of somebody who only looked at the history."""
        return sum(count for event, count in self.events.items() if event not in LOOKS)

    @property
    def looks(self) -> int:
        """Records of somebody who only looked at the history."""
        return sum(self.events.get(event, 0) for event in LOOKS)


class Chain:
    """The records of one file, newest first.

    :param present: the file, if it is there still: then what was refused under its name counts too
    """

    def __init__(self, search: RecordSearch, file_id: str, present: Present | None) -> None:
        self._search = search
        self._file_id = file_id
        named: Term = Is("file_id", file_id)
        if present is not None:
            named = Or((named, _refused(present)))
        self.everything = Query((Is("stream", Stream.AUDIT.value), named))
        self.acts = Query((*self.everything.terms, *(Not(Is("event", look)) for look in LOOKS)))

    def page(self, cursor: str | None, limit: int, *, looks: bool) -> Page:
        """One page of it.

        :param looks: with those who only looked at the history
        :raises Refused: 400 ``cursor_not_valid``
        :raises ServerFault: 503 while too much is searched
        """
        wanted = self.everything if looks else self.acts
        return self._search.page(wanted, Window(), cursor=cursor, limit=limit)

    def totals(self) -> Totals:
        """How much there is of it.

        :raises ServerFault: 503 while too much is searched
        """
        by_event = self._search.facet(self.everything, Window(), "event", limit=_MOST_EVENTS)
        people = self._search.facet(self.acts, Window(), "user_id", limit=_MOST_PEOPLE)
        return Totals(
            events=dict(by_event.values),
            people=[user_id for user_id, _ in people.values],
            partial=by_event.partial or people.partial,
        )

    def checks(self) -> Mapping[str, str]:
        """When each content was last read on the spot and found sound, by its SHA-256.

        :raises ServerFault: 503 while too much is searched
        """
        checked = (
            Is("file_id", self._file_id),
            Is("event", events.ContentChecked.event_name),
            Is("outcome", Outcome.SUCCESS.value),
        )
        page = self._search.page(Query(checked), Window(), limit=_CHECKS)
        return {record["sha256"]: record["timestamp"] for record in reversed(page.records)}

    def seqs(self) -> Iterator[int]:
        """The numbers of all its records, those of looks included.

        :raises ServerFault: 503 while too much is searched
        """
        page = Page((), next="")
        while page.next is not None:
            page = self._search.page(
                self.everything, Window(), cursor=page.next or None, limit=_AT_ONCE
            )
            yield from (record["seq"] for record in page.records)


def _refused(present: Present) -> Term:
    """Refusals of what was asked for under the name that the file has now, since it is there."""
    return And(
        (
            Is("filename", present.filename),
            Is("folder", present.folder),
            Is("outcome", Outcome.DENIED.value),
            Or(tuple(Is("event", event) for event in _BY_NAME)),
            Or(tuple(Is("reason", reason) for reason in _ABOUT_IT)),
            AtLeast("time", rfc3339(present.created_at)),
        )
    )


def is_first_upload(record: Record) -> bool:
    """Whether a history can begin with this: there was no such file before."""
    uploaded = events.FileUploaded.event_name
    return record["event"] == uploaded and "previous_sha256" not in record


def read_beginning(store: Store) -> Beginning | None:
    """What of the audit records is not kept any more; None when all are."""
    with store.read() as connection:
        return beginning_of(connection, Stream.AUDIT.value)
