"""What a request did, told to the person who made it, from the records it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.pipeline.render import escape
from strongroom.files import events

Record = Mapping[str, Any]

FEW: Final = 3
"""Acts of one kind that are told one by one; more are told as a number."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the page.

    :param kind: ``done``, ``refused`` or ``failed``; decides colour and symbol
    :param record_id: the record that proves it; empty when there is none
    :param undo: ids of what can be had back from the trash
    """

    kind: str
    text: str
    record_id: str = ""
    undo: tuple[str, ...] = ()


REASONS: Final[Mapping[str, str]] = {
    "no_file_in_request": "no file was chosen",
    "nothing_chosen": "nothing was chosen",
    "filename_empty": "it has no name",
    "filename_too_long": "its name is too long",
    "filename_not_allowed": "its name contains what a name cannot",
    "filename_taken": "there is something of that name already, and it was not touched",
    "version_not_current": "it was changed meanwhile",
    "file_not_found": "it is not there any more",
    "folder_not_found": "that folder is not there any more",
    "permission_missing": "you may not do that there",
    "file_too_large": "it is larger than this server takes",
    "form_too_large": "the form was too large",
    "form_not_valid": "the form was damaged",
    "quota_exceeded": "you would have more stored than you may",
    "storage_full": "the server has no room left for it",
    "storage_failed": "the server could not write it to its disk",
}


def notices(records: Iterable[Record]) -> list[Notice]:
    """The notices that these records of one request give, oldest first."""
    kinds: dict[str, list[Record]] = {}
    for record in records:
        if record["event"] in _TOLD:
            kinds.setdefault(record["event"], []).append(record)
    for inside, whole in _WITH_FOLDER.items():
        # The files in a folder went with it, and are told of with it.
        above = [f"{record.get('folder')}/" for record in kinds.get(whole, ())]
        left = [r for r in kinds.pop(inside, ()) if not _is_in(r, above)]
        if left:
            kinds[inside] = left
    return [notice for found in kinds.values() for notice in _tell(found)]


def _tell(records: list[Record]) -> list[Notice]:
    kind, tell, many = _TOLD[records[0]["event"]]
    if len(records) <= FEW:
        return [Notice(kind, tell(record), record["id"], _undo([record])) for record in records]
    return [Notice(kind, many.format(len(records)), records[0]["id"], _undo(records))]


def _undo(records: list[Record]) -> tuple[str, ...]:
    if records[0]["event"] not in (events.FileDeleted.event_name, events.FolderDeleted.event_name):
        return ()
    return tuple(record.get("file_id") or record["folder_id"] for record in records)


def _is_in(record: Record, above: list[str]) -> bool:
    return f"{record.get('folder')}/".startswith(tuple(above)) if above else False


def _name(record: Record) -> str:
    return escape(record.get("filename") or "the upload")


def _folder(record: Record) -> str:
    return escape(str(record.get("folder", "")).rsplit("/", 1)[-1])


def _why(record: Record) -> str:
    return REASONS.get(record.get("reason", ""), "the server did not accept it")


def _not_stored(record: Record) -> str:
    return f"{_name(record)} was not stored: {_why(record)}."


_WITH_FOLDER: Final = {
    events.FileDeleted.event_name: events.FolderDeleted.event_name,
    events.FileRestored.event_name: events.FolderRestored.event_name,
    events.FilePurged.event_name: events.FolderPurged.event_name,
}

_Tell = Callable[[Record], str]
_TOLD: Final[Mapping[str, tuple[str, _Tell, str]]] = {
    events.FileUploaded.event_name: (
        "done",
        lambda r: f"{_name(r)} is stored.",
        "{} files are stored.",
    ),
    events.FileDeleted.event_name: (
        "done",
        lambda r: f"{_name(r)} is in the trash.",
        "{} files are in the trash.",
    ),
    events.FolderDeleted.event_name: (
        "done",
        lambda r: f"The folder {_folder(r)} is in the trash, with {r.get('count')} files.",
        "{} folders are in the trash.",
    ),
    events.FileRestored.event_name: (
        "done",
        lambda r: f"{_name(r)} is back in {escape(r.get('folder', ''))}.",
        "{} files are back.",
    ),
    events.FolderRestored.event_name: (
        "done",
        lambda r: f"The folder {_folder(r)} is back, with {r.get('count')} files.",
        "{} folders are back.",
    ),
    events.FilePurged.event_name: (
        "done",
        lambda r: f"{_name(r)} is gone for good.",
        "{} contents are gone for good.",
    ),
    events.FolderPurged.event_name: (
        "done",
        lambda r: f"The folder {_folder(r)} is gone for good.",
        "{} folders are gone for good.",
    ),
    events.FolderCreated.event_name: (
        "done",
        lambda r: f"There is a new folder {_folder(r)}.",
        "{} folders were made.",
    ),
    events.FileRenamed.event_name: (
        "done",
        lambda r: f"{escape(r.get('previous_filename', ''))} is called {_name(r)} now.",
        "{} files were renamed.",
    ),
    events.FileMoved.event_name: (
        "done",
        lambda r: f"{_name(r)} is in {escape(r.get('folder', ''))} now.",
        "{} files were moved.",
    ),
    events.FolderMoved.event_name: (
        "done",
        lambda r: f"The folder is {escape(r.get('folder', ''))} now.",
        "{} folders were moved.",
    ),
    events.VersionRestored.event_name: (
        "done",
        lambda r: f"{_name(r)} has that content again; the other is kept as a version.",
        "{} files have their old content again.",
    ),
    events.FolderPermissionChanged.event_name: (
        "done",
        lambda _: "The permissions are changed.",
        "{} permissions are changed.",
    ),
    events.UploadFailed.event_name: ("refused", _not_stored, "{} files were not stored."),
    events.UploadError.event_name: ("failed", _not_stored, "{} files were not stored."),
}
"""By event: kind, the sentence for one, and the one for many."""
