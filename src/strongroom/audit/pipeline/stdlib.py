"""The standard library's logging ends in the same pipeline: Flask, Werkzeug, the WSGI server."""

from __future__ import annotations

import logging
from typing import Final

from strongroom.audit.events import Level
from strongroom.audit.events.system import MessageLogged
from strongroom.audit.pipeline.chain import Pipeline

_OWN_MACHINERY: Final = ("sqlalchemy", "alembic", "structlog")
"""Used to store records: what they say about it below WARNING would never end."""


class PipelineHandler(logging.Handler):
    """Makes a ``message_logged`` record of every message. Never raises, never recurses."""

    def __init__(self, pipeline: Pipeline, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._pipeline = pipeline

    def emit(self, record: logging.LogRecord) -> None:
        """Log one message with its logger's name."""
        if self._pipeline.busy:
            return
        if record.levelno < logging.WARNING and record.name.startswith(_OWN_MACHINERY):
            return
        try:
            event = MessageLogged(extra={"logger": record.name, "message": _message(record)})
            error = record.exc_info[1] if record.exc_info else None
            self._pipeline.log(event, error=error, level=_level(record.levelno))
        except Exception:  # noqa: BLE001  # as logging.Handler demands
            self.handleError(record)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"  # the arguments do not fit


def _level(number: int) -> Level:
    if number >= logging.CRITICAL:
        return Level.CRITICAL
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG


def capture_stdlib(pipeline: Pipeline, level: int = logging.INFO) -> PipelineHandler:
    """Send everything that reaches the root logger, and ``warnings``, into the pipeline."""
    handler = PipelineHandler(pipeline, level)
    root = logging.getLogger()
    root.addHandler(handler)
    if root.level > logging.INFO or root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    return handler


def release_stdlib(handler: PipelineHandler) -> None:
    """Take the handler away again."""
    logging.getLogger().removeHandler(handler)
