"""What a request did, told to the person who made it, from the records it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.pipeline.render import escape
from strongroom.files.events import FileDeleted, FileUploaded, UploadError, UploadFailed

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the page.

    :param kind: ``done``, ``refused`` or ``failed``; decides colour and symbol
    :param record_id: the record that proves it; empty when there is none
    """

    kind: str
    text: str
    record_id: str = ""


REASONS: Final[Mapping[str, str]] = {
    "no_file_in_request": "no file was chosen",
    "filename_empty": "it has no name",
    "filename_too_long": "its name is too long",
    "filename_not_allowed": "its name contains what a name cannot",
    "filename_taken": "there is a file of that name already, and it was not touched",
    "file_too_large": "it is larger than this server takes",
    "form_too_large": "the form was too large",
    "form_not_valid": "the form was damaged",
    "storage_full": "the server has no room left for it",
    "storage_failed": "the server could not write it to its disk",
}


def notices(records: Iterable[Record]) -> list[Notice]:
    """The notices that these records of one request give, oldest first."""
    return [
        Notice(kind, tell(escape(record.get("filename") or "the upload"), record), record["id"])
        for record in records
        for kind, tell in [_TOLD.get(record["event"], (None, None))]
        if kind is not None and tell is not None
    ]


def _why(record: Record) -> str:
    return REASONS.get(record.get("reason", ""), "the server did not accept it")


_TOLD: Final[Mapping[str, tuple[str, Callable[[str, Record], str]]]] = {
    FileUploaded.event_name: ("done", lambda name, _: f"{name} is stored."),
    FileDeleted.event_name: ("done", lambda name, _: f"{name} is in the trash."),
    UploadFailed.event_name: ("refused", lambda name, r: f"{name} was not stored: {_why(r)}."),
    UploadError.event_name: ("failed", lambda name, r: f"{name} was not stored: {_why(r)}."),
}
