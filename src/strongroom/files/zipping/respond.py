"""A zip leaves: every file in it recorded before its first byte, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from flask import Response, after_this_request, request
from sqlalchemy import Connection

from strongroom.audit.events import Event, Outcome
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.downloads import BLOCK, as_attachment
from strongroom.files.events import DownloadFailed, FileDownloaded, FilesListed
from strongroom.files.model import StoredFile
from strongroom.files.service import FileService
from strongroom.files.service.integrity import DAMAGED
from strongroom.files.zipping.archive import length, written
from strongroom.files.zipping.members import Choosing, Chosen
from strongroom.files.zipping.turns import AT_A_TIME, PATIENCE, Turns
from strongroom.permissions import identity_of

_TURNS: Final = Turns(AT_A_TIME, PATIENCE)
_RETRY_SECONDS: Final = 5


class Zips:
    """Answers GET, HEAD and POST for a zip. Thread-safe."""

    def __init__(self, files: FileService, audit: AuditLog) -> None:
        self._files = files
        self._audit = audit

    def respond(self, folder: str | None, node_ids: Sequence[str]) -> Response:
        """The response to the current request: a zip of what was chosen, else of the folder.

        :raises Refused: 400, 404 or 409, recorded as ``download_failed``
        :raises ServerFault: the stored bytes of a file are missing or not whole, or there are too many
            zips at once; nothing is sent, recorded as ``download_failed``
        :raises Unavailable: the downloads could not be recorded, so nothing is released
        """
        choosing = found = None
        try:
            with _TURNS.one():
                with self._audit.store.read() as connection:
                    choosing = Choosing(connection, identity_of(request))
                    chosen = _chosen(choosing, folder, node_ids)
                for found in {file.sha256: file for file in chosen.files}.values():
                    self._files.open_content(found).close()
                return self._send(chosen)
        except (Refused, ServerFault) as problem:
            if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                after_this_request(_say_when)
            at = None if choosing is None else choosing.at
            if found is not None:
                self._record_failure(problem, found.file_id, found.filename, found.folder)
            elif at is not None:
                self._record_failure(problem, at.node_id, at.name, folder)
            else:
                self._record_failure(problem, None, None, folder)
            raise
        except Unavailable:
            raise
        except Exception as error:
            fault = ServerFault(
                "download_error", "The server could not make this zip. Try again in a moment."
            )
            fault.__cause__ = error
            self._record_failure(fault, None, None, folder)
            raise fault from error

    def _send(self, chosen: Chosen) -> Response:
        response = Response(mimetype="application/zip")
        response.content_length = length(chosen.members)
        response.headers["Accept-Ranges"] = "none"
        if request.method != "HEAD":
            self._record(chosen)
            response.response = written(chosen.members, self._read)
        return as_attachment(response, f"{chosen.name}.zip")

    def _record(self, chosen: Chosen) -> None:
        """One record for each file, all durable when it returns; of a zip without any, one as well.

        :raises Unavailable: none was recorded
        """
        events: list[Event] = [
            FileDownloaded(
                file_id=file.file_id,
                filename=file.filename,
                folder=file.folder,
                file_size_bytes=file.file_size_bytes,
                content_type=file.content_type,
                sha256=file.sha256,
            )
            for file in chosen.files
        ]
        if not events and chosen.folder is not None:
            # Folders alone tell what they are called, as a listing does.
            count, folder = len(chosen.members) - 1, chosen.folder
            events = [FilesListed(count=count, folder=folder.path, folder_id=folder.folder_id)]

        def unit(_connection: Connection) -> None:
            for event in events:
                self._audit.log(event)

        try:
            self._audit.store.write(unit)
        except Unavailable:
            if self._audit.audit_failure == "refuse":
                raise
            for event in events:  # printed, at least
                self._audit.log(event)

    def _read(self, file: StoredFile) -> Iterator[bytes]:
        """The content of a file in pieces. That files were recorded and then break off is seen by
        the client, whose zip has no end, and in the records.

        :raises ServerFault: it is gone, or not whole
        """
        left = file.file_size_bytes
        try:
            with self._files.open_content(file) as content:
                while left:
                    piece = content.read(min(left, BLOCK))
                    if not piece:
                        raise _cut()
                    left -= len(piece)
                    yield piece
        except ServerFault as problem:
            self._record_failure(problem, file.file_id, file.filename, file.folder)
            raise
        except OSError as error:
            fault = _cut()
            fault.__cause__ = error
            self._record_failure(fault, file.file_id, file.filename, file.folder)
            raise fault from error

    def _record_failure(
        self,
        problem: Refused | ServerFault,
        file_id: str | None,
        filename: str | None,
        folder: str | None,
    ) -> None:
        denied = isinstance(problem, Refused)
        event = DownloadFailed(
            outcome=Outcome.DENIED if denied else Outcome.FAILED,
            reason=problem.recorded if isinstance(problem, Refused) else problem.reason,
            status=problem.status,
            filename=filename,
            folder=folder,
            file_id=file_id,
        )
        self._audit.log(event, error=None if denied else problem.__cause__ or problem)


def _chosen(choosing: Choosing, folder: str | None, node_ids: Sequence[str]) -> Chosen:
    if node_ids:
        return choosing.nodes(node_ids)
    if folder is None:
        raise Refused(
            "nothing_chosen",
            "Nothing was chosen to download. Tick what you want first; all of a folder has a link "
            "of its own above its list.",
        )
    return choosing.folder(folder)


def _say_when(response: Response) -> Response:
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _cut() -> ServerFault:
    return ServerFault(DAMAGED, "The stored bytes of a file in this zip cannot all be read.")
