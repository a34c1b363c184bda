"""Every tus request that is refused, or that we could not serve, leaves exactly one record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from werkzeug.exceptions import ClientDisconnected

from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.tus.metadata import Metadata
from strongroom.files.tus.rows import UploadRow
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.files.upload_log import Attempt, UploadLog

_ENDED: Final = "upload_not_found"


@dataclass(slots=True)
class Trying:
    """What is known so far of the upload that a request is about.

    :param what: the upload, or, before there is one, what the client said
    :param size: bytes announced
    """

    what: UploadRow | Metadata | None = None
    size: int | None = None

    @property
    def begun(self) -> bool:
        """Whether there was an upload, of which what had arrived is kept whatever goes wrong."""
        return isinstance(self.what, UploadRow)

    def attempt(self, uploads: ResumableUploads) -> Attempt:
        """As the records of all uploads have it."""
        what = self.what
        if what is None:
            return Attempt(size=self.size)
        folder = what.place if isinstance(what, Metadata) else uploads.folder_of(what)
        return Attempt(what.filename, what.content_type, self.size, folder)


@contextmanager
def recorded(uploads: ResumableUploads) -> Iterator[Trying]:
    """Record what goes wrong in the block: ``upload_failed``, or ``upload_error`` for our faults.

    A body that broke off is neither: the upload is still there, to be gone on with. What becomes of
    it is told by ``upload_resumed``, ``upload_aborted`` or ``file_uploaded``. Nor is an upload that
    was there when the request began, and that another one has ended: that one's record tells of it.

    :raises ServerFault: in place of whatever was our fault
    """
    trying, log = Trying(), UploadLog(uploads.audit)
    try:
        yield trying
    except Refused as refusal:
        if not (trying.begun and refusal.reason == _ENDED):
            log.refused(refusal, trying.attempt(uploads))
        raise
    except (ClientDisconnected, Unavailable, ServerFault):
        raise
    except Exception as error:
        raise log.failed(error, trying.attempt(uploads), kept=trying.begun) from error
