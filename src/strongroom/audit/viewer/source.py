"""What the viewer needs of the audit system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, Protocol

from flask import Response

from strongroom.audit.events import Catalogue, Event
from strongroom.audit.events.system import LogsViewedUnrecorded
from strongroom.audit.ledger import Ledger
from strongroom.audit.query import RecordSearch
from strongroom.audit.query.search import Record
from strongroom.errors import Unavailable
from strongroom.store import Store

RETRY_SECONDS: Final = 3
"""After which a search that found no place may be tried again."""


RelatedPages = Callable[[Record], Sequence[tuple[str, str]]]
"""Words and address of each page of the application that tells more about a record."""


class RecordSource(Protocol):
    """Something that has records to show, and that logs who looked at them."""

    @property
    def search(self) -> RecordSearch:
        """Reads records."""

    @property
    def store(self) -> Store:
        """Where they are kept."""

    @property
    def ledger(self) -> Ledger:
        """What is signed of them."""

    @property
    def copy_places(self) -> Sequence[str]:
        """Where copies of its checkpoints are held."""

    @property
    def catalogue(self) -> Catalogue:
        """The events that can occur."""

    @property
    def related_pages(self) -> RelatedPages:
        """Pages of the application that tell more about a record."""

    def log(self, event: Event) -> None:
        """Log a declared event."""


def log_view(source: RecordSource, event: Event) -> None:
    """Record that somebody looked; the logs stay readable when the journal cannot be written."""
    try:
        source.log(event)
    except Unavailable:
        source.log(LogsViewedUnrecorded())


def when_to_retry(response: Response) -> Response:
    """Say so in an answer that refuses for the moment."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response
