"""What a tus request is refused for, beside what every upload is."""

from __future__ import annotations

from typing import Final

from strongroom.errors import Refused
from strongroom.sizes import size_text

CHECKSUM_MISMATCH: Final = 460
"""The status that the checksum extension of tus 1.0 gives it; no registered one."""


class ChecksumMismatch(Refused):
    """What arrived is not what was sent; it was thrown away."""

    def __init__(self) -> None:
        super().__init__(
            "checksum_mismatch",
            "What arrived is not what was sent, so it was thrown away. Send this piece again.",
            status=CHECKSUM_MISMATCH,
        )


def not_found(*, hidden: bool = False) -> Refused:
    """An upload that is not there, or is somebody else's: nobody can tell which."""
    return Refused(
        "upload_not_found",
        "There is no such upload. It may have ended or expired; begin again.",
        status=404,
        recorded="permission_missing" if hidden else None,
    )


def expired() -> Refused:
    """An upload that nobody went on with in time."""
    return Refused(
        "upload_expired",
        "This upload was not gone on with for too long, so what had arrived was dropped. "
        "Begin again.",
        status=410,
    )


def wrong_offset(size: int) -> Refused:
    """A piece that does not belong where the upload stands."""
    return Refused(
        "offset_mismatch",
        f"The server has {size:,} bytes of this upload, and this piece belongs elsewhere. "
        "Ask where to go on.",
        status=409,
    )


def overtaken() -> Refused:
    """A connection that another one has taken over from."""
    return Refused(
        "upload_overtaken",
        "Another connection goes on with this upload, so this one ended. Nothing is lost.",
        status=409,
    )


def too_many(limit: int) -> Refused:
    """Somebody has begun more uploads than one can go on with."""
    return Refused(
        "too_many_uploads",
        f"You have {limit:,} uploads that are not finished. Finish or cancel some of them first.",
        status=429,
    )


def overrun(length: int) -> Refused:
    """More bytes than were announced."""
    return Refused(
        "upload_overrun",
        f"The upload was announced with {length:,} bytes, and this would be more.",
        status=413,
    )


def too_large(limit: int) -> Refused:
    """More than one file may have."""
    return Refused(
        "file_too_large",
        f"An upload may have {size_text(limit)} at most, and this is larger.",
        status=413,
    )


def damaged() -> Refused:
    """A whole upload whose bytes are gone."""
    return Refused(
        "upload_lost",
        "What had arrived of this upload is no longer there. Begin again.",
        status=410,
    )
