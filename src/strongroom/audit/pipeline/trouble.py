"""The last resort: what cannot be recorded is said on standard error, and nowhere else.

Whatever goes wrong while a record is made must not be logged, since that would make a record.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

from strongroom.audit.pipeline.plain import text
from strongroom.audit.pipeline.render import escape

MAX_SAID: Final = 100
"""Different sentences of one process: a storm of trouble must not fill a disk."""

_said: set[str] = set()


def say_once(sentence: str) -> None:
    """Print one line, without secrets, unless this process has said the same. Never raises."""
    if sentence in _said or len(_said) >= MAX_SAID:
        return
    _said.add(sentence)
    with suppress(Exception):  # closed, full, or not there: then nobody is listening
        sys.stderr.write(f"strongroom: {escape(text(sentence, limit=1_000))}\n")


def described(error: BaseException) -> str:
    """The exception's class and what it says, as far as it says anything."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # __str__ may raise anything
        return type(error).__name__
