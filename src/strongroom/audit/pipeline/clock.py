"""Where a record gets its time and its name."""

from __future__ import annotations

from datetime import UTC, datetime

import uuid_utils


def now() -> str:
    """The present moment: RFC 3339, UTC, microseconds, ``Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7): unique everywhere, sorted by time of creation."""
    return str(uuid_utils.uuid7())
