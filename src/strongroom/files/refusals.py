"""What the file server refuses, in the words in which it says so."""

from __future__ import annotations

from typing import Final

from strongroom.errors import Refused
from strongroom.sizes import size_text

DENIED: Final = "permission_missing"


def taken(name: str, sha256: str | None = None, *, replaceable: bool = False) -> Refused:
    """A name that is in use.

    :param sha256: of the file that bears it: what a replacement must name; None for a folder
    :param replaceable: whether what was asked for could put another content in its place
    """
    if sha256 is None:
        return Refused(
            "filename_taken",
            f"There is a folder called “{name}” already. Choose another name.",
            status=409,
        )
    return Refused(
        "filename_taken",
        f"There is a file called “{name}” already, and it was not touched. "
        f"{'Replace it, or choose' if replaceable else 'Choose'} another name.",
        status=409,
        extra={"sha256": sha256},
    )


def missing(name: str | None = None, *, hidden: bool = False) -> Refused:
    """A name that no file bears, or none that may be seen: nobody can tell which.

    :param name: None of what was asked for by its id, which tells nobody anything
    """
    what = "That is not there" if name is None else f"There is no file called “{name}”"
    return Refused(
        "file_not_found",
        f"{what}. It may have been deleted or moved meanwhile.",
        status=404,
        recorded=DENIED if hidden else None,
    )


def folder_missing(path: str, *, hidden: bool = False) -> Refused:
    """A folder that is not there, or that may not be seen: nobody can tell which."""
    return Refused(
        "folder_not_found",
        f"There is no folder “{path}”. It may have been deleted or moved meanwhile.",
        status=404,
        recorded=DENIED if hidden else None,
    )


def may_not(what: str, path: str) -> Refused:
    """Somebody may see a folder, and no more."""
    return Refused(
        DENIED,
        f"You may not {what} in “{path}”. Ask whoever manages that folder.",
        status=403,
    )


def not_matched(name: str, *, there: bool = True) -> Refused:
    """The file is another one than the client thinks.

    :param there: whether there is any
    """
    words = f"“{name}” was changed meanwhile, so it was not touched. Look at it again first."
    if not there:
        words = f"There is no file called “{name}” whose content could be replaced."
    return Refused("version_not_current", words, status=412)


def version_missing(name: str) -> Refused:
    """A version that is not there, or no longer."""
    return Refused(
        "version_not_found",
        f"“{name}” has no such version. It may have been deleted for good meanwhile.",
        status=404,
    )


def not_a_cursor() -> Refused:
    """An address of a page that nobody gave out."""
    return Refused("cursor_not_valid", "That page address is damaged; start at the first page.")


def too_many(limit: int) -> Refused:
    """More at once than one act can record, and others can wait for."""
    return Refused(
        "too_many_at_once",
        f"That would be more than {limit:,} files or folders at once. Take a part of them.",
        status=409,
    )


def into_itself(name: str) -> Refused:
    """A folder that should go into itself."""
    return Refused(
        "folder_into_itself",
        f"“{name}” cannot be moved into itself or into a folder in it.",
        status=409,
    )


def root_fixed() -> Refused:
    """The root is not moved, renamed or deleted."""
    return Refused("root_folder", "This is the folder that holds everything; it stays.", status=409)


def quota_exceeded(used: int, quota: int) -> Refused:
    """Somebody has uploaded as much as they may."""
    return Refused(
        "quota_exceeded",
        f"You have {size_text(used)} of {size_text(quota)} in use, older versions, the trash "
        "and unfinished uploads included, and this would be more. Delete something for good, or ask for more room.",
        status=507,
    )


def storage_full() -> Refused:
    """The disk must keep what it has left."""
    return Refused(
        "storage_full",
        "The server has no room left for this. Tell whoever runs the server.",
        status=507,
    )
