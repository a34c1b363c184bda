"""Puts back what belongs to the whole process, and fails a test that left an audit log open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from flask import Flask

from strongroom import AuditLog
from strongroom.audit.pipeline.hooks import PROCESS

Closing = Callable[[Flask | AuditLog], AuditLog]


@pytest.fixture
def closing() -> Iterator[Closing]:
    """Closes the audit log of an application, or the one given, at the end of the test."""
    opened: list[AuditLog] = []

    def later(found: Flask | AuditLog) -> AuditLog:
        audit = found if isinstance(found, AuditLog) else found.extensions["strongroom.audit"]
        assert isinstance(audit, AuditLog)
        opened.append(audit)
        return audit

    yield later
    for audit in opened:
        audit.close()
    assert PROCESS.current() is None


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """structlog and the root logger as a new process has them."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers
