"""Acts on files and folders leave a record when they fail, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.audit.events import Outcome
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.events import ChangeFailed, DeleteError, DeleteFailed, ListFailed


@contextmanager
def recorded_change(
    audit: AuditLog,
    *,
    filename: str | None = None,
    folder: str | None = None,
    file_id: str | None = None,
) -> Iterator[None]:
    """What goes wrong inside is recorded as ``change_failed``.

    :raises ServerFault: in the place of what nobody expected; nothing was changed
    """

    def log(outcome: Outcome, reason: str, status: int, error: Exception | None = None) -> None:
        event = ChangeFailed(
            outcome=outcome,
            reason=reason,
            status=status,
            filename=filename,
            folder=folder,
            file_id=file_id,
        )
        audit.log(event, error=error)

    try:
        yield
    except Refused as refusal:
        log(Outcome.DENIED, refusal.recorded, refusal.status)
        raise
    except Unavailable:
        raise
    except Exception as error:
        fault = ServerFault(
            "change_failed", "The server could not do this; nothing was changed. Try again."
        )
        log(Outcome.FAILED, fault.reason, fault.status, error)
        raise fault from error


@contextmanager
def recorded_deletion(
    audit: AuditLog, *, filename: str | None = None, folder: str | None = None
) -> Iterator[None]:
    """What goes wrong inside is recorded as ``delete_failed`` or ``delete_error``.

    :raises ServerFault: in the place of what nobody expected; nothing was deleted
    """
    try:
        yield
    except Refused as refusal:
        audit.log(
            DeleteFailed(
                reason=refusal.recorded, status=refusal.status, filename=filename, folder=folder
            )
        )
        raise
    except Unavailable:
        raise
    except Exception as error:
        audit.log(DeleteError(filename=filename), error=error)
        raise ServerFault(
            "delete_failed",
            "The server could not delete this; it is where it was. Try again.",
        ) from error


@contextmanager
def recorded_listing(audit: AuditLog, folder: str | None = None) -> Iterator[None]:
    """What goes wrong inside is recorded as ``list_failed``.

    :raises ServerFault: in the place of what nobody expected
    """
    try:
        yield
    except Refused as refusal:
        audit.log(
            ListFailed(
                outcome=Outcome.DENIED,
                reason=refusal.recorded,
                status=refusal.status,
                folder=folder,
            )
        )
        raise
    except Unavailable:
        raise
    except Exception as error:
        fault = ServerFault("list_error", "The server could not list this. Try again.")
        audit.log(
            ListFailed(
                outcome=Outcome.FAILED, reason=fault.reason, status=fault.status, folder=folder
            ),
            error=error,
        )
        raise fault from error
