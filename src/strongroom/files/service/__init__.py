"""Everything that can be done to files, whoever asks: page, API, tus or command line."""

from __future__ import annotations

from strongroom.files.service.integrity import Integrity
from strongroom.files.service.listing import Reading
from strongroom.files.service.moving import Moving
from strongroom.files.service.permitting import Permitting
from strongroom.files.service.purging import Purging
from strongroom.files.service.storing import Storing, content_sizes
from strongroom.files.service.versions import Versions

__all__ = ["FileService", "content_sizes"]


class FileService(Reading, Storing, Versions, Moving, Purging, Permitting, Integrity):
    """Folders and files: listed, stored, moved, trashed. Every act commits with its record.

    Thread-safe; several processes may use one database. Methods that change something have done so
    durably when they return, together with their audit records; when they raise, nothing was
    changed. Each checks what whoever asks may do, the changing ones in the very transaction that
    acts. ``by`` is who that is; None stands for the machine itself, which may everything.
    Any of them raises :class:`~strongroom.errors.Unavailable` when the database cannot be written.
    """
