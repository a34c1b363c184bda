"""An exception becomes data: chained exceptions with their frames, never local variables."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Final

import orjson
from structlog.tracebacks import ExceptionDictTransformer

from strongroom.audit.pipeline.plain import plain, text

MAX_BYTES: Final = 32 * 1024
"""Of the ``exception`` field as JSON."""

MAX_MESSAGE: Final = 2_048
"""Characters of ``error_msg`` and of each exception's text."""

MAX_CHAIN: Final = 20
"""Exceptions of one chain of causes."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_transform: Final = ExceptionDictTransformer(show_locals=False, max_frames=40)


def structure_exception(given: object) -> dict[str, Any]:
    """The fields ``error_type``, ``error_msg`` and ``exception`` of what ``exc_info`` was given.

    None at all when it stands for no exception.
    """
    exc_info = _resolve(given)
    if exc_info is None:
        return {}
    kind, error, _ = exc_info
    return {
        "error_type": kind.__qualname__[:255],
        "error_msg": text(_message(error), limit=MAX_MESSAGE),
        "exception": _bounded([_one(item) for item in _transform(exc_info)[:MAX_CHAIN]]),
    }


def _one(exception: dict[str, Any]) -> dict[str, Any]:
    """One exception of the chain as plain data, its text no longer than a message."""
    shortened = {**exception, "exc_value": str(exception.get("exc_value", ""))[:MAX_MESSAGE]}
    found: dict[str, Any] = plain(shortened, depth=8)
    return found


def _resolve(given: object) -> ExcInfo | None:
    if given is None or given is False:
        return None
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException):
        return given
    kind, error, trace = sys.exc_info()
    return None if kind is None or error is None else (kind, error, trace)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  # __str__ may raise anything
        return f"<message that cannot be read: {type(broken).__name__}>"


def _bounded(exceptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop frames from the middle of the stacks, then causes, until the whole fits."""
    while len(orjson.dumps(exceptions)) > MAX_BYTES:
        longest = max(exceptions, key=lambda item: len(item.get("frames") or ()))
        frames = longest.get("frames") or []
        if len(frames) > 4:
            middle = len(frames) // 2
            longest["frames"] = frames[: middle - 1] + frames[middle + 1 :]
        elif len(exceptions) > 1:
            exceptions = exceptions[:-1]
        else:
            return [{"exc_type": exceptions[0].get("exc_type"), "exc_value": "[too long]"}]
    return exceptions
