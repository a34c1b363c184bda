"""Where a record gets its time and its name."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache

import uuid_utils


def now() -> str:
    """The present moment: RFC 3339, UTC, microseconds, ``Z``."""
    seconds, microsecond = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second(seconds)}{microsecond:06d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7): unique everywhere, sorted by time of creation."""
    return str(uuid_utils.uuid7())
