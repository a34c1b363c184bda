"""An exception becomes data: chained exceptions with their frames, never local variables."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Final

import orjson

from strongroom.audit.pipeline.plain import text
from strongroom.audit.pipeline.traces import MAX_MESSAGE, Reading

__all__ = ["MAX_BYTES", "MAX_MESSAGE", "structure_exception"]

MAX_BYTES: Final = 32 * 1024
"""Of the ``exception`` field as JSON."""

MAX_PARTS: Final = 32
"""How small a part of what is usually read may be read instead."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def structure_exception(given: object) -> dict[str, Any]:
    """The fields ``error_type``, ``error_msg`` and ``exception`` of what ``exc_info`` was given.

    None at all when it stands for no exception.
    """
    exc_info = _resolve(given)
    if exc_info is None:
        return {}
    kind, error, trace = exc_info
    chain = Reading().chain(error, trace)
    return {
        "error_type": text(kind.__qualname__, limit=255),
        "error_msg": chain[0]["exc_value"],
        "exception": _bounded(chain, error, trace),
    }


def _resolve(given: object) -> ExcInfo | None:
    if given is None or given is False:
        return None
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException):
        return given
    kind, error, trace = sys.exc_info()
    return None if kind is None or error is None else (kind, error, trace)


def _bounded(
    chain: list[dict[str, Any]], error: BaseException, trace: TracebackType | None
) -> list[dict[str, Any]]:
    """The chain; read again with half as much of everything until the whole fits."""
    part = 1
    while len(orjson.dumps(chain)) > MAX_BYTES:
        part *= 2
        if part > MAX_PARTS:
            return [{"exc_type": chain[0]["exc_type"], "exc_value": "[too long]"}]
        chain = Reading(part).chain(error, trace)
    return chain
