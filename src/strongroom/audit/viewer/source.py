"""What the viewer needs of the audit system."""

from __future__ import annotations

from typing import Protocol

from strongroom.audit.events import Catalogue, Event
from strongroom.audit.query import RecordSearch


class RecordSource(Protocol):
    """Something that has records to show, and that logs who looked at them."""

    @property
    def search(self) -> RecordSearch:
        """Reads records."""

    @property
    def catalogue(self) -> Catalogue:
        """The events that can occur."""

    def log(self, event: Event) -> None:
        """Log a declared event."""
