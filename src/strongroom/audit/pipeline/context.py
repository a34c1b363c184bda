"""What every record of a request carries, bound freshly for each request."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

import structlog

from strongroom.audit.pipeline.shape import shape_context

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_bound: ContextVar[Mapping[str, Any]] = ContextVar("strongroom_context", default=_NOTHING)


def bind_context(**values: object) -> None:
    """Start a new context with these values; nothing of an earlier one is left.

    They are checked and searched for secrets once, here. Context variables belong to the thread
    (or task) that runs the request, so requests that run side by side cannot see each other's.
    What an application binds with ``structlog.contextvars`` comes on top, and ends with it.
    """
    structlog.contextvars.clear_contextvars()
    _bound.set(shape_context(values))


def clear_context() -> None:
    """End the context: what this thread logs next belongs to no request."""
    structlog.contextvars.clear_contextvars()
    _bound.set(_NOTHING)


def current_context() -> Mapping[str, Any]:
    """The values of the current context, ready for a record."""
    return _bound.get()
