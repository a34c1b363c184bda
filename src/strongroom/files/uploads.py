"""Bodies become files: streamed, hashed, fsynced, published by hash, then listed.

Nothing passes through memory or a second temporary copy. Whatever happens to a file is one
event: uploaded, refused, aborted, or failed by our fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.blobs import IncomingBlob
from strongroom.files.forms import Form, FormPart, part_of, unfinished
from strongroom.files.model import Folder, StoredFile
from strongroom.files.names import check_filename
from strongroom.files.refusals import not_matched
from strongroom.files.service import FileService
from strongroom.files.service.part import now
from strongroom.files.upload_log import Attempt, UploadLog
from strongroom.permissions import Identity
from strongroom.sizes import size_text

CHUNK: Final = 128 * 1024
"""Bytes read at a time: what the server reads ahead, so that it copies nothing twice."""

FORM_OVERHEAD: Final = 1024 * 1024
"""What boundaries, part headers and text fields may add to the files of a form."""

MAX_PARTS: Final = 1_000
"""Parts of one form."""

DEFAULT_TYPE: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")


@dataclass(frozen=True, slots=True)
class Target:
    """What a raw body shall become.

    :param path: folder and name
    :param replaces: SHA-256 of the content to be replaced; None for a new file
    :param only_new: whether the client says itself that there must be nothing of that name: then it is
        a condition that is not met (RFC 9110, section 13.1.2) where there is
    """

    path: str
    replaces: str | None = None
    only_new: bool = False

    def refused(self, refusal: Refused, filename: str) -> Refused:
        """What refuses it, as a condition that is not met where it is one."""
        if self.only_new and refusal.reason == "filename_taken":
            refusal.status = 412
        if self.replaces is not None and refusal.reason == "folder_not_found":
            unmet = not_matched(filename, there=False)  # what is not there is not what it should be
            if refusal.recorded != refusal.reason:
                unmet.recorded = refusal.recorded
            return unmet
        return refusal


@dataclass(frozen=True, slots=True)
class Body:
    """A raw body as it stands in the request.

    :param length: in bytes as announced; None when it is not known beforehand
    """

    stream: IO[bytes]
    content_type: str | None
    length: int | None


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file of a form: it is stored, or there is a problem."""

    filename: str
    file: StoredFile | None = None
    problem: Refused | ServerFault | None = None


class Uploads:
    """Receives uploads. Thread-safe; memory use does not depend on the size of a body.

    :param max_bytes: of one file, and of the files of one form together
    """

    def __init__(self, files: FileService, audit: AuditLog, max_bytes: int) -> None:
        self._files = files
        self._log = UploadLog(audit)
        self.max_bytes = max_bytes

    def put(self, target: Target, body: Body, by: Identity | None = None) -> StoredFile:
        """Store a raw body under a name; folders above it that are missing are made.

        :raises Refused: the client's mistake, recorded as ``upload_failed``
        :raises ServerFault: ours, recorded as ``upload_error``
        :raises ClientDisconnected: the body broke off, recorded as ``upload_aborted``
        """
        started = now()
        *above, filename = target.path.removeprefix("/").rsplit("/", 1)
        folder_path = "/" + "".join(above)
        media_type = clean_type(body.content_type)
        attempt = partial(Attempt, filename, media_type, folder=folder_path)
        received = 0
        try:
            self._check_length(body.length, self.max_bytes)
            check_filename(filename)
            with (
                self._files.arriving(body.length, by) as room,
                self._files.blobs.receive() as blob,
            ):
                make = target.replaces is None
                folder = self._files.place(folder_path, by, make=make)
                self._files.check_free(folder.folder_id, filename, by, target.replaces)
                limit = self._limit()
                while chunk := body.stream.read(CHUNK):
                    received += len(chunk)
                    limit(len(chunk))
                    room(len(chunk))
                    blob.write(chunk)
                return self._keep(
                    folder.folder_id,
                    filename,
                    media_type,
                    blob,
                    by,
                    replaces=target.replaces,
                    started_at=started,
                )
        except ClientDisconnected:
            self._log.aborted(attempt(received))
            raise
        except Refused as error:
            refusal = target.refused(error, filename)
            self._log.refused(refusal, attempt(body.length))
            raise refusal from None
        except Unavailable:
            raise
        except Exception as error:
            raise self._log.failed(error, attempt()) from error

    def _keep(
        self,
        folder_id: str,
        filename: str,
        content_type: str,
        blob: IncomingBlob,
        by: Identity | None,
        *,
        replaces: str | None = None,
        started_at: int,
    ) -> StoredFile:
        """Publish what has arrived, and list it.

        :raises Refused: what is refused before it is published leaves nothing behind
        """
        complete = blob.complete(filename)
        self._files.admit(folder_id, filename, complete, by, replaces)
        return self._files.add(
            folder_id,
            filename,
            content_type,
            blob.publish(filename),
            by,
            replaces=replaces,
            started_at=started_at,
        )

    def form(self, form: Form, folder_path: str, by: Identity | None = None) -> list[UploadResult]:
        """Store the files of a ``multipart/form-data`` body, from its fields named ``file``.

        :param folder_path: where they go

        :raises Refused: the form as a whole cannot be accepted
        :raises ServerFault: the form as a whole could not be stored
        :raises ClientDisconnected: the body broke off; none of its files was kept
        """
        with ExitStack() as arriving:
            started = now()
            parts: list[FormPart] = []
            try:
                self._check_length(form.length, self.max_bytes + FORM_OVERHEAD)
                room = arriving.enter_context(self._files.arriving(form.length, by))
                folder = self._files.place(folder_path, by)
                chosen = self._parse(form, parts, arriving, room)
            except ClientDisconnected:
                for attempt in [part.attempt(folder_path) for part in parts] or [Attempt()]:
                    self._log.aborted(attempt)
                raise
            except Refused as refusal:
                self._log.refused(refusal, unfinished(parts, folder_path))
                raise
            except Unavailable:
                raise
            except Exception as error:
                raise self._log.failed(error, unfinished(parts, folder_path)) from error
            # Only now, since a form that breaks off must leave nothing behind.
            return self._store_all(chosen, folder, by, started)

    def _parse(
        self,
        form: Form,
        parts: list[FormPart],
        arriving: ExitStack,
        room: Callable[[int], None],
    ) -> list[FormPart]:
        """Read the whole form; what arrives is noted in ``parts`` while it does."""
        if form.mimetype != "multipart/form-data":
            raise _no_file()
        limit = self._limit()

        def take(count: int) -> None:
            limit(count)
            room(count)

        def receive(
            total_content_length: int | None,  # noqa: ARG001  # the parser's protocol
            content_type: str | None,
            filename: str | None,
            content_length: int | None = None,  # noqa: ARG001  # the parser's protocol
        ) -> Any:
            part = FormPart(filename or "", clean_type(content_type), take)
            parts.append(part)  # first, so that it is known what could not even begin
            part.blob = arriving.enter_context(self._files.blobs.receive())
            return part

        parser = FormDataParser(
            stream_factory=receive,
            max_form_memory_size=FORM_OVERHEAD,
            max_form_parts=MAX_PARTS,
            silent=False,
        )
        try:
            _, _, files = parser.parse(form.stream, form.mimetype, form.length, form.options)
        except RequestEntityTooLarge:
            raise Refused(
                "form_too_large",
                f"The form has more than {MAX_PARTS} parts or too much text beside its files.",
                status=413,
            ) from None
        except ValueError:
            raise Refused(
                "form_not_valid", "The form ended before it was complete, or is damaged. Try again."
            ) from None
        chosen = [part_of(item) for item in files.getlist("file")]
        # A browser sends a nameless empty part when no file was chosen.
        chosen = [part for part in chosen if part.filename or part.blob.size]
        if not chosen:
            raise _no_file()
        return chosen

    def _store_all(
        self, parts: list[FormPart], folder: Folder, by: Identity | None, started: int
    ) -> list[UploadResult]:
        """Store the parts one by one; what became of each.

        :raises Unavailable: when not even the first could be recorded, so that nothing changed
        """
        results: list[UploadResult] = []
        for part in parts:
            try:
                results.append(self._store(part, folder, by, started))
            except Unavailable:
                if not results:
                    raise
                problem = ServerFault(
                    "journal_not_writable",
                    "The server cannot write its records now. Try this file again in a moment.",
                    status=503,
                )
                results.append(UploadResult(part.filename, problem=problem))
        return results

    def _store(
        self, part: FormPart, folder: Folder, by: Identity | None, started: int
    ) -> UploadResult:
        try:
            stored = self._keep(
                folder.folder_id,
                part.filename,
                part.content_type,
                part.blob,
                by,
                started_at=started,
            )
        except Refused as refusal:
            self._log.refused(refusal, part.attempt(folder.path))
            return UploadResult(part.filename, problem=refusal)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever broke, it was ours
            problem = self._log.failed(error, part.attempt(folder.path))
            return UploadResult(part.filename, problem=problem)
        return UploadResult(part.filename, file=stored)

    def _check_length(self, length: int | None, limit: int) -> None:
        if length is not None and length > limit:
            raise self._too_large()

    def _limit(self) -> Callable[[int], None]:
        """Counts bytes down, and refuses those beyond the limit."""
        left = self.max_bytes

        def take(count: int) -> None:
            nonlocal left
            left -= count
            if left < 0:
                raise self._too_large()

        return take

    def _too_large(self) -> Refused:
        return Refused(
            "file_too_large",
            f"An upload may have {size_text(self.max_bytes)} at most, and this is larger. "
            "Nothing of it was kept.",
            status=413,
        )


def clean_type(declared: str | None) -> str:
    """The media type without parameters; ``application/octet-stream`` when it is not one."""
    media_type = (declared or "").partition(";")[0].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else DEFAULT_TYPE


def _no_file() -> Refused:
    return Refused("no_file_in_request", "No file was chosen. Choose one and try again.")
