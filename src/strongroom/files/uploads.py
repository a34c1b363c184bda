"""Bodies become files: streamed, hashed, fsynced, published by hash, then listed.

Nothing passes through memory or a second temporary copy. Whatever happens to a file is one
event: uploaded, refused, aborted, or failed by our fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, Final

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from strongroom.audit.extension import AuditLog
from strongroom.audit.viewer.present import size_text
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.blobs import IncomingBlob
from strongroom.files.names import check_filename
from strongroom.files.service import FileService, StoredFile
from strongroom.files.upload_log import Attempt, UploadLog
from strongroom.permissions import Identity

CHUNK: Final = 128 * 1024
"""Bytes read at a time: what the server reads ahead, so that it copies nothing twice."""

FORM_OVERHEAD: Final = 1024 * 1024
"""What boundaries, part headers and text fields may add to the files of a form."""

MAX_PARTS: Final = 1_000
"""Parts of one form."""

DEFAULT_TYPE: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")


@dataclass(frozen=True, slots=True)
class Form:
    """The body of a form as it stands in the request.

    :param length: in bytes as announced; None when it is not known beforehand
    :param options: parameters of its media type, the boundary among them
    """

    stream: IO[bytes]
    mimetype: str
    length: int | None
    options: dict[str, str]


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

    def put(
        self,
        filename: str,
        content_type: str | None,
        stream: IO[bytes],
        length: int | None,
        by: Identity | None = None,
    ) -> StoredFile:
        """Store a raw body under a name.

        :param length: of the body as announced; None when it is not known beforehand
        :raises Refused: the client's mistake, recorded as ``upload_failed``
        :raises ServerFault: ours, recorded as ``upload_error``
        :raises ClientDisconnected: the body broke off, recorded as ``upload_aborted``
        """
        media_type = clean_type(content_type)
        received = 0
        try:
            self._check_length(length, self.max_bytes)
            self._files.check_free(filename)
            room = self._room()
            with self._files.blobs.receive() as blob:
                while chunk := stream.read(CHUNK):
                    received += len(chunk)
                    room(len(chunk))
                    blob.write(chunk)
                return self._files.add(filename, media_type, blob.publish(), by)
        except ClientDisconnected:
            self._log.aborted(Attempt(filename, media_type, received))
            raise
        except Refused as refusal:
            self._log.refused(refusal, Attempt(filename, media_type, length))
            raise
        except Unavailable:
            raise
        except Exception as error:
            raise self._log.failed(error, Attempt(filename, media_type)) from error

    def form(self, form: Form, by: Identity | None = None) -> list[UploadResult]:
        """Store the files of a ``multipart/form-data`` body, from its fields named ``file``.

        :raises Refused: the form as a whole cannot be accepted
        :raises ServerFault: the form as a whole could not be stored
        :raises ClientDisconnected: the body broke off; none of its files was kept
        """
        with ExitStack() as arriving:
            parts: list[_Part] = []
            try:
                self._check_length(form.length, self.max_bytes + FORM_OVERHEAD)
                chosen = self._parse(form, parts, arriving)
            except ClientDisconnected:
                for attempt in [part.attempt() for part in parts] or [Attempt()]:
                    self._log.aborted(attempt)
                raise
            except Refused as refusal:
                self._log.refused(refusal, _unfinished(parts))
                raise
            except Unavailable:
                raise
            except Exception as error:
                raise self._log.failed(error, _unfinished(parts)) from error
            # Only now, since a form that breaks off must leave nothing behind.
            return self._store_all(chosen, by)

    def _parse(self, form: Form, parts: list[_Part], arriving: ExitStack) -> list[_Part]:
        """Read the whole form; what arrives is noted in ``parts`` while it does."""
        if form.mimetype != "multipart/form-data":
            raise _no_file()
        room = self._room()

        def receive(
            total_content_length: int | None,  # noqa: ARG001  # the parser's protocol
            content_type: str | None,
            filename: str | None,
            content_length: int | None = None,  # noqa: ARG001  # the parser's protocol
        ) -> Any:
            part = _Part(filename or "", clean_type(content_type), room)
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
        chosen = [_part_of(item) for item in files.getlist("file")]
        # A browser sends a nameless empty part when no file was chosen.
        chosen = [part for part in chosen if part.filename or part.blob.size]
        if not chosen:
            raise _no_file()
        return chosen

    def _store_all(self, parts: list[_Part], by: Identity | None) -> list[UploadResult]:
        """Store the parts one by one; what became of each.

        :raises Unavailable: when not even the first could be recorded, so that nothing changed
        """
        results: list[UploadResult] = []
        for part in parts:
            try:
                results.append(self._store(part, by))
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

    def _store(self, part: _Part, by: Identity | None) -> UploadResult:
        try:
            check_filename(part.filename)
            self._files.check_free(part.filename)
            stored = self._files.add(part.filename, part.content_type, part.blob.publish(), by)
        except Refused as refusal:
            self._log.refused(refusal, part.attempt())
            return UploadResult(part.filename, problem=refusal)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever broke, it was ours
            return UploadResult(part.filename, problem=self._log.failed(error, part.attempt()))
        return UploadResult(part.filename, file=stored)

    def _check_length(self, length: int | None, limit: int) -> None:
        if length is not None and length > limit:
            raise self._too_large()

    def _room(self) -> Callable[[int], None]:
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


@dataclass(slots=True)
class _Part:
    """A file of a form while it arrives; as much of a stream as the form parser needs."""

    filename: str
    content_type: str
    room: Callable[[int], None]
    blob: IncomingBlob = field(init=False)

    def write(self, data: bytes) -> int:
        self.room(len(data))
        return self.blob.write(data)

    def seek(self, _offset: int) -> int:
        # The parser rewinds a part once it is complete. Nobody reads it here, and a form of a
        # thousand files must not hold a thousand descriptors.
        self.blob.finish()
        return 0

    def close(self) -> None:
        """The blob is discarded with the request, not with the parser's view of it."""

    def attempt(self) -> Attempt:
        blob: IncomingBlob | None = getattr(self, "blob", None)
        return Attempt(self.filename, self.content_type, blob.size if blob else 0)


def _unfinished(parts: list[_Part]) -> Attempt:
    """The part at which a form was given up; its size is not known."""
    return Attempt(parts[-1].filename, parts[-1].content_type) if parts else Attempt()


def _part_of(item: FileStorage) -> _Part:
    stream: object = item.stream
    if not isinstance(stream, _Part):
        raise AssertionError("the parser hands back the streams it was given")
    stream.filename = _name_as_sent(item.headers.get("Content-Disposition", "")) or stream.filename
    return stream


def _name_as_sent(header: str) -> str | None:
    r"""The quoted name with its backslashes, where the parser took one for an escape.

    HTTP escapes in quoted strings, the forms of browsers do not (HTML standard, multipart form
    data): ``a\b.txt`` would be kept as ``ab.txt``.
    """
    quoted = re.search(r'\bfilename="((?:[^"\\]|\\.)*)"', header, re.DOTALL | re.IGNORECASE)
    if quoted is None:
        return None
    name = quoted[1].replace('\\"', '"')
    return name if "\\" in name else None


def clean_type(declared: str | None) -> str:
    """The media type without parameters; ``application/octet-stream`` when it is not one."""
    media_type = (declared or "").partition(";")[0].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else DEFAULT_TYPE


def _no_file() -> Refused:
    return Refused("no_file_in_request", "No file was chosen. Choose one and try again.")
