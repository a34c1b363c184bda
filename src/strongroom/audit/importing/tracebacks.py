"""The exception of a foreign line: its class and message as fields, its frames as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from strongroom.audit.importing.values import MAX_READ, searched_text

_KEYS: Final = ("exception", "exc_info", "traceback", "stack_trace")
"""structlog, python-json-logger, and what people rename these to."""

_LAST_LINE: Final = re.compile(r"([A-Za-z_][\w.]{0,254})(?:: (.*))?", re.ASCII | re.DOTALL)


def error_fields(extra: dict[str, Any], fields: dict[str, Any]) -> None:
    """Fill ``error_type`` and ``error_msg`` from an exception in ``extra``, where they are missing.

    A structured exception (structlog's ``dict_tracebacks``) becomes text: its frames would lie
    deeper than ``extra`` goes, and may carry local variables, which are never stored.
    """
    for key in _KEYS:
        value = extra.get(key)
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            extra[key] = "\n".join(line for one in reversed(value) for line in _lines(one))
            _fill(fields, value[0].get("exc_type"), value[0].get("exc_value"))
            return
        if isinstance(value, str) and "Traceback (most recent call last)" in value:
            # The end says what happened, and would be the first to be cut off.
            last = value.rstrip()[-MAX_READ:].rpartition("\n")[2]
            if match := _LAST_LINE.fullmatch(last):
                _fill(fields, match[1], match[2])
            return


def _fill(fields: dict[str, Any], kind: object, message: object) -> None:
    for name, value in (("error_type", kind), ("error_msg", message)):
        if (found := searched_text(value)) is not None:
            fields.setdefault(name, found)


def _lines(exception: Mapping[str, Any]) -> list[str]:
    frames = exception.get("frames")
    lines = [
        f"{frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
        for frame in (frames if isinstance(frames, list) else ())
        if isinstance(frame, Mapping)
    ]
    return [*lines, f"{exception.get('exc_type')}: {exception.get('exc_value')}"]
