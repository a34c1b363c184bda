"""Every tus request that is refused, or that we could not serve, leaves exactly one record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.exceptions import ClientDisconnected

from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.tus.metadata import Metadata
from strongroom.files.tus.rows import UploadRow
from strongroom.files.upload_log import Attempt, UploadLog


@dataclass(slots=True)
class Trying:
    """What is known so far of the upload that a request is about.

    :param what: the upload, or, before there is one, what the client said
    :param size: bytes announced
    """

    what: UploadRow | Metadata | None = None
    size: int | None = None

    def attempt(self) -> Attempt:
        """As the records of all uploads have it."""
        if self.what is None:
            return Attempt(size=self.size)
        return Attempt(
            filename=self.what.filename, content_type=self.what.content_type, size=self.size
        )


@contextmanager
def recorded(audit: AuditLog) -> Iterator[Trying]:
    """Record what goes wrong in the block: ``upload_failed``, or ``upload_error`` for our faults.

    A body that broke off is neither: the upload is still there, to be gone on with. What becomes of
    it is told by ``upload_resumed``, ``upload_aborted`` or ``file_uploaded``.

    :raises ServerFault: in place of whatever was our fault
    """
    trying, log = Trying(), UploadLog(audit)
    try:
        yield trying
    except Refused as refusal:
        log.refused(refusal, trying.attempt())
        raise
    except (ClientDisconnected, Unavailable, ServerFault):
        raise
    except Exception as error:
        raise log.failed(error, trying.attempt()) from error
