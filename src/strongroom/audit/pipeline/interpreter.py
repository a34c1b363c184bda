"""What Python itself reports, outside any logger: warnings, and exceptions that nothing caught.

Each hook records, and then calls the one that was there before, so that what is printed stays
the same.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, Final, TextIO

from strongroom.audit.events import Level
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.events.web import UnhandledException
from strongroom.audit.pipeline.stdlib import Recorder
from strongroom.audit.pipeline.trouble import described, say_once

WARNINGS_LOGGER: Final = "py.warnings"
"""What ``logging.captureWarnings`` calls it, so that a query finds both alike."""


class InterpreterHooks:
    """Installed once in a process, by whoever watches it; to be installed and removed once.

    :param with_warnings: off where ``logging.captureWarnings`` brings them already
    """

    def __init__(self, recorder: Recorder, *, with_warnings: bool) -> None:
        self._recorder = recorder
        self._active = True
        # Bound once: a method is a new object each time it is asked for.
        self._ours = (self._thread_failed, self._program_failed, self._warned)
        self._before = (threading.excepthook, sys.excepthook, warnings.showwarning)
        threading.excepthook, sys.excepthook = self._ours[0], self._ours[1]
        if with_warnings:
            warnings.showwarning = self._ours[2]

    def remove(self) -> None:
        """Put back what was there before, unless somebody else has hooked in on top of us."""
        self._active = False
        if threading.excepthook is self._ours[0]:
            threading.excepthook = self._before[0]
        if sys.excepthook is self._ours[1]:
            sys.excepthook = self._before[1]
        if warnings.showwarning is self._ours[2]:
            warnings.showwarning = self._before[2]

    def _thread_failed(self, arguments: threading.ExceptHookArgs) -> None:
        # SystemExit ends a thread silently, see threading.excepthook.
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            name = None if arguments.thread is None else arguments.thread.name
            self._unhandled(arguments.exc_value, {"thread": name})
        self._before[0](arguments)

    def _program_failed(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self._unhandled(error, {"thread": threading.current_thread().name})
        self._before[1](kind, error, trace)

    def _unhandled(self, error: BaseException, where: dict[str, object]) -> None:
        if not self._active or self._recorder.busy:
            return
        try:
            self._recorder.log(UnhandledException(extra=where), error=error)
        except Exception as trouble:  # noqa: BLE001  # the hook before us must still be called
            say_once(f"an exception could not be recorded: {described(trouble)}")

    def _warned(  # noqa: PLR0917  # the signature of warnings.showwarning
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        before: Any = self._before[2]
        # What goes to logging arrives from there.
        to_logging = before.__module__ == logging.__name__
        if self._active and file is None and not to_logging and not self._recorder.busy:
            try:
                said = f"{filename}:{lineno}: {category.__name__}: {message}"
                event = MessageLogged(extra={"logger": WARNINGS_LOGGER, "message": said})
                self._recorder.log(event, level=Level.WARNING)
            except Exception as trouble:  # noqa: BLE001  # as above
                say_once(f"a warning could not be recorded: {described(trouble)}")
        before(message, category, filename, lineno, file, line)
