"""An exception with its causes and members, as structlog's structured traceback describes it.

Read here and not by ``structlog.tracebacks``, which walks everything there is: a group of twenty
thousand exceptions, or a chain of as many, must not cost more than the few that are kept. The
fields are those of ``structlog.tracebacks.Stack`` and ``Frame``.
"""

from __future__ import annotations

import os.path
from collections import deque
from itertools import islice
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Any, Final

from strongroom.audit.pipeline.plain import text

MAX_MESSAGE: Final = 2_048
"""Characters of ``error_msg`` and of each exception's text."""

MAX_CHAIN: Final = 20
"""Exceptions of one chain of causes."""

MAX_EXCEPTIONS: Final = 40
"""Exceptions read for one record, members of groups included."""

MAX_DEPTH: Final = 4
"""Groups inside one another."""

MAX_FRAMES: Final = 40
"""Of one exception: the first and the last ones."""

MAX_ALL_FRAMES: Final = 160
"""Of all exceptions of a record, but for the few that each of them may have."""

MAX_CHARACTERS: Final = 24 * 1024
"""Of messages and notes in a record; what is kept of all is less than twice as much."""

MAX_NOTES: Final = 10
LEAST: Final = 64
"""Characters kept of a message however long the others are."""


class Reading:
    """What may still be read for one record. Use from one thread.

    :param part: 2 reads half as much of everything, and so on
    """

    __slots__ = ("_characters", "_exceptions", "_frames", "_seen")

    def __init__(self, part: int = 1) -> None:
        self._exceptions = MAX_EXCEPTIONS // part
        self._frames = MAX_ALL_FRAMES // part
        self._characters = MAX_CHARACTERS // part
        self._seen: set[int] = set()

    def chain(
        self, error: BaseException, trace: TracebackType | None, depth: int = MAX_DEPTH
    ) -> list[dict[str, Any]]:
        """The exception and what caused it, latest first.

        :param trace: the frames it passed through
        :param depth: how many levels of groups are looked into
        """
        found: list[dict[str, Any]] = []
        following: BaseException | None = error
        is_cause = False
        while following is not None and len(found) < MAX_CHAIN and self._exceptions > 0:
            if id(following) in self._seen:
                break
            self._seen.add(id(following))
            self._exceptions -= 1
            found.append(self._one(following, trace, depth, is_cause=is_cause))
            following, is_cause = _before(following)
            trace = None if following is None else following.__traceback__
        return found

    def _one(
        self, error: BaseException, trace: TracebackType | None, depth: int, *, is_cause: bool
    ) -> dict[str, Any]:
        notes = getattr(error, "__notes__", None)
        return {
            "exc_type": text(type(error).__name__, limit=255),
            "exc_value": self.message(error),
            "exc_notes": [
                self.message(note)
                for note in (notes[:MAX_NOTES] if isinstance(notes, (list, tuple)) else ())
            ],
            "syntax_error": self._syntax(error),
            "is_cause": is_cause,
            "frames": self._stack(trace),
            "is_group": isinstance(error, BaseExceptionGroup),
            "exceptions": self._members(error, depth),
        }

    def message(self, said: object) -> str:
        """What an exception or a note says, without secrets and bounded. Never raises."""
        try:
            whole = str(said)
        except Exception as broken:  # noqa: BLE001  # __str__ may raise anything
            return f"<message that cannot be read: {type(broken).__name__}>"
        limit = min(MAX_MESSAGE, max(self._characters, LEAST))
        self._characters -= min(len(whole), limit)
        return text(whole, limit=limit)

    def _members(self, error: BaseException, depth: int) -> list[list[dict[str, Any]]]:
        if not isinstance(error, BaseExceptionGroup) or depth <= 0:
            return []
        chains = (
            self.chain(member, member.__traceback__, depth - 1)
            for member in islice(error.exceptions, MAX_EXCEPTIONS)
        )
        return [chain for chain in chains if chain]

    def _syntax(self, error: BaseException) -> dict[str, Any] | None:
        if not isinstance(error, SyntaxError):
            return None
        return {
            "offset": error.offset or 0,
            "filename": self.message(error.filename or "?"),
            "line": self.message(error.text or ""),
            "lineno": error.lineno or 0,
            "msg": self.message(error.msg),
        }

    def _stack(self, trace: TracebackType | None) -> list[dict[str, Any]]:
        """The first and the last frames, with one between them that says how many are missing."""
        # A quarter of what is left, so that no exception comes away with nothing.
        half = min(MAX_FRAMES, max(self._frames // 4, 4)) // 2
        walk = walk_tb(trace)
        first = list(islice(walk, half))
        last: deque[tuple[FrameType, int]] = deque(maxlen=half)
        skipped = -half
        for frame in walk:
            last.append(frame)
            skipped += 1
        found = [_frame(*frame) for frame in first]
        if skipped > 0:
            found.append({"filename": "", "lineno": -1, "name": f"Skipped frames: {skipped}"})
        found += [_frame(*frame) for frame in last]
        self._frames -= len(found)
        return found


def _before(error: BaseException) -> tuple[BaseException | None, bool]:
    """What the exception was raised from, or while handling what, and whether it is the former."""
    cause = error.__cause__
    if cause is not None and cause.__traceback__ is not None:
        return cause, True
    context = error.__context__
    if context is not None and context.__traceback__ is not None and not error.__suppress_context__:
        return context, False
    return None, False


def _frame(frame: FrameType, line: int) -> dict[str, Any]:
    name = frame.f_code.co_filename
    if name and not name.startswith("<"):
        name = os.path.abspath(name)  # noqa: PTH100  # resolve() would ask the disk
    return {
        "filename": text(name or "?", limit=1_024),
        "lineno": line,
        "name": text(frame.f_code.co_name, limit=255),
    }
