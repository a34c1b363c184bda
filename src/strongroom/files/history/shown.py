"""All that a page of a history shows, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from strongroom.audit.archive.beginning import Beginning
from strongroom.audit.ledger.standing import Proved, Standing, standings
from strongroom.audit.ledger.status import Assurance, counted
from strongroom.audit.pipeline.render import escape
from strongroom.audit.query import Page
from strongroom.files.access import FileServer
from strongroom.files.events import ContentChecked
from strongroom.files.history.chain import Chain, Totals, is_first_upload, read_beginning
from strongroom.files.history.contents import Content, Health, Present, read_present, with_checks
from strongroom.files.history.telling import Told, told
from strongroom.files.model import rfc3339
from strongroom.sizes import size_text

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """One record of the page: itself, in words, and how it stands in the ledger."""

    record: Record
    told: Told
    standing: Standing


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a history.

    :param present: the file; None when it is gone for good
    :param beginning: set where the oldest records of the file may have been pruned
    :param is_newest: whether the page begins with the newest record
    """

    file_id: str
    present: Present | None
    acts: Sequence[Act]
    page: Page
    totals: Totals
    assurance: Assurance
    beginning: Beginning | None
    is_newest: bool

    @property
    def is_nothing(self) -> bool:
        """Whether there is no such file, nor a record that there ever was one."""
        return self.present is None and not self.totals.events

    @property
    def name(self) -> str:
        """What the file is called, or was called last as far as that is still known."""
        if self.present is not None:
            return escape(self.present.filename)
        names = (act.record.get("filename") for act in self.acts)
        return escape(next((name for name in names if isinstance(name, str)), "A file"))

    @property
    def folder(self) -> str | None:
        """Where it is, or was."""
        if self.present is not None:
            return escape(self.present.folder)
        folders = (act.record.get("folder") for act in self.acts)
        return next((escape(folder) for folder in folders if isinstance(folder, str)), None)

    @property
    def state(self) -> str:
        """``listed``, ``trash`` or ``purged``."""
        if self.present is None:
            return "purged"
        return "listed" if self.present.is_listed else "trash"

    @property
    def verified(self) -> int:
        """Records on the page whose proof holds."""
        return sum(act.standing.proved is Proved.VERIFIED for act in self.acts)

    @property
    def wrong(self) -> int:
        """Records on the page whose proof does not hold."""
        return sum(act.standing.proved is Proved.WRONG for act in self.acts)

    @property
    def read_at(self) -> str:
        """The moment, RFC 3339, UTC."""
        return rfc3339(self.assurance.now)

    @property
    def root(self) -> str:
        """The root hash that the newest checkpoint signs, in hexadecimal; empty without one."""
        return "" if self.assurance.newest is None else self.assurance.newest.root.hex()

    @property
    def origin(self) -> str:
        """What the ledger calls itself; empty where nothing is signed."""
        signed = self.assurance.newest
        return "" if signed is None else signed.note.text.partition("\n")[0]


def read_shown(
    here: FileServer, file_id: str, cursor: str | None, limit: int, *, looks: bool
) -> Shown:
    """One page of the history of a file.

    :raises Refused: 400 ``cursor_not_valid``
    :raises ServerFault: 503 while too much is searched
    """
    audit = here.audit
    present = read_present(audit.store, here.files.blobs, file_id)
    chain = Chain(audit.search, file_id, present)
    page = chain.page(cursor, limit, looks=looks)
    totals = chain.totals()
    if present is not None and ContentChecked.event_name in totals.events:
        present = with_checks(present, chain.checks())
    assurance = Assurance.load(audit.store, audit.copy_places)
    stood = standings(audit.store, assurance, [record["seq"] for record in page.records])
    oldest = page.records[-1] if page.records else None
    whole = page.next is not None or (oldest is not None and is_first_upload(oldest))
    return Shown(
        file_id=file_id,
        present=present,
        acts=[_act(record, stood[record["seq"]]) for record in page.records],
        page=page,
        totals=totals,
        assurance=assurance,
        beginning=None if whole else read_beginning(audit.store),
        is_newest=cursor is None,
    )


def _act(record: Record, standing: Standing) -> Act:
    forgotten = "network" in standing.forgotten and "ip_address" not in record
    return Act(record, told(record, network_forgotten=forgotten), standing)


def health_text(content: Content) -> str:
    """What is known of stored bytes, in a few words."""
    if content.was_checked:
        return f"matched when it was read on {moment(content.looked_at)}"
    if content.health is Health.SOUND:
        return f"matched when the scrub read it, by {day(content.looked_at)}"
    if content.health is Health.UNREAD:
        return "not read since it was stored"
    what = "gone" if content.health is Health.MISSING else "damaged"
    found = f", found on {moment(content.looked_at)}" if content.looked_at else ""
    return f"{what}{found}"


def moment(timestamp: str | int | None) -> str:
    """A time to the second: ``24 Nov 2026, 14:31:07``, in UTC, which the page says once."""
    if timestamp is None:
        return ""
    text = rfc3339(timestamp) if isinstance(timestamp, int) else timestamp
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


def day(timestamp: str | int | None) -> str:
    """Its date alone."""
    return moment(timestamp).partition(",")[0]


HELPERS: Final[Mapping[str, Any]] = {
    "counted": counted,
    "day": day,
    "health_text": health_text,
    "moment": moment,
    "size_text": size_text,
    "Health": Health,
    "Proved": Proved,
}
"""What the templates can use."""
