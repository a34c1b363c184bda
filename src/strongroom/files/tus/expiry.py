"""What nobody goes on with is dropped: uploads whose time is over, and what a crash left of others."""

from __future__ import annotations

from typing import Final

from strongroom.files.tus import rows
from strongroom.files.tus.rows import UploadRow
from strongroom.files.tus.uploads import MICROSECONDS, ResumableUploads

_AT_ONCE: Final = 100

ORPHAN_SECONDS: Final = 3_600
"""What no row names is removed once it is so old: one may be just about to be inserted."""


def expire(uploads: ResumableUploads, now: int) -> int:
    """Drop uploads whose time is over; records ``upload_aborted`` for each that was not stored.

    One that is being written, however long that takes, is let go on. Several processes may do this
    at once.

    :param now: microseconds since 1970-01-01 UTC
    :returns: how many were dropped
    :raises Unavailable: when the database cannot be written
    :raises OSError: when something cannot be removed
    """
    written = dict(uploads.objects.resumables())
    count, after = 0, ""
    while True:
        with uploads.store.read() as connection:
            some = rows.expired(connection, now, _AT_ONCE, after)
        if not some:
            break
        count += sum(_end(uploads, upload, written, now) for upload in some)
        after = some[-1].upload_id
    _drop_orphans(uploads, written, now)
    return count


def _end(uploads: ResumableUploads, upload: UploadRow, written: dict[str, float], now: int) -> bool:
    upload_id = upload.upload_id
    if upload.file_id is not None:
        # The file stays; it is only no longer known that it came so.
        uploads.store.write(lambda connection: rows.remove(connection, upload_id, stored=True))
        return False
    end = int(written.get(upload_id, 0) * MICROSECONDS) + uploads.expiry
    if end > now:
        uploads.store.write(lambda connection: rows.prolong(connection, upload_id, end))
        return False
    return uploads.abort(upload, expired_by=now)


def _drop_orphans(uploads: ResumableUploads, written: dict[str, float], now: int) -> None:
    oldest = now / MICROSECONDS - ORPHAN_SECONDS
    old = {upload_id for upload_id, when in written.items() if when < oldest}
    with uploads.store.read() as connection:
        named = rows.known(connection, old)
    for upload_id in old - named:
        uploads.objects.resumable(upload_id).discard()
