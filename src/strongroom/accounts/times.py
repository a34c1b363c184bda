"""Times of the database in templates: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(moment: int) -> str:
    """For programs: 2026-11-24T10:42:00Z."""
    return f"{_EPOCH + timedelta(microseconds=moment):%Y-%m-%dT%H:%M:%SZ}"


def time_text(moment: int) -> str:
    """For people without scripts: 2026-11-24 10:42 UTC."""
    return f"{_EPOCH + timedelta(microseconds=moment):%Y-%m-%d %H:%M} UTC"
