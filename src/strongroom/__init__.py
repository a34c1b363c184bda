"""Strongroom: a self-hosted file server that keeps receipts.

``AuditLog`` is the audit half, a Flask extension for any application; ``create_app`` is the
whole product. Both are imported on first use, so that ``import strongroom`` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.version import __version__

__all__ = ["AuditLog", "__version__", "create_app"]

if TYPE_CHECKING:
    from strongroom.audit.extension import AuditLog as AuditLog
    from strongroom.bootstrap import create_app as create_app


def __getattr__(name: str) -> Any:
    if name == "AuditLog":
        from strongroom.audit.extension import AuditLog  # noqa: PLC0415  # on first use

        return AuditLog
    if name == "create_app":
        from strongroom.bootstrap import create_app  # noqa: PLC0415  # on first use

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
