"""What every record of a request carries, bound freshly for each request."""

from __future__ import annotations

import structlog


def bind_context(**values: object) -> None:
    """Start a new context with these values; nothing of an earlier one is left.

    Context variables belong to the thread (or task) that runs the request, so requests that run
    side by side cannot see each other's.
    """
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        **{name: value for name, value in values.items() if value is not None}
    )


def clear_context() -> None:
    """End the context: what this thread logs next belongs to no request."""
    structlog.contextvars.clear_contextvars()
