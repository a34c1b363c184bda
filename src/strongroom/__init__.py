"""Strongroom: a self-hosted file server that keeps receipts.

``AuditLog`` is the audit half, a Flask extension for any application. An application declares
events of its own with ``declare``, ``Event``, ``Level``, ``Outcome`` and ``Stream``, and hands them
over in a ``Catalogue``. ``create_app`` is the whole product. All are imported on first use, so that
``import strongroom`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from strongroom.version import __version__

__all__ = [
    "AuditLog",
    "Catalogue",
    "Event",
    "Level",
    "Outcome",
    "Output",
    "Stream",
    "__version__",
    "create_app",
    "declare",
]

if TYPE_CHECKING:
    from strongroom.audit.events import Catalogue as Catalogue
    from strongroom.audit.events import Event as Event
    from strongroom.audit.events import Level as Level
    from strongroom.audit.events import Outcome as Outcome
    from strongroom.audit.events import Stream as Stream
    from strongroom.audit.events import declare as declare
    from strongroom.audit.extension import AuditLog as AuditLog
    from strongroom.audit.pipeline.output import Output as Output
    from strongroom.bootstrap import create_app as create_app

_EVENTS = "strongroom.audit.events"
_HOMES = {
    "AuditLog": "strongroom.audit.extension",
    "Catalogue": _EVENTS,
    "Event": _EVENTS,
    "Level": _EVENTS,
    "Outcome": _EVENTS,
    "Output": "strongroom.audit.pipeline.output",
    "Stream": _EVENTS,
    "create_app": "strongroom.bootstrap",
    "declare": _EVENTS,
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
