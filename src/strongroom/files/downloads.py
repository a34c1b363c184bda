"""A file leaves: conditional, by range, and recorded before its first byte.

Ranges: RFC 9110, section 14. One range is answered; several at once, or one outside the file,
are 416.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import partial
from typing import IO, BinaryIO, Final, cast
from urllib.parse import quote

from flask import Response, after_this_request, request
from werkzeug.http import parse_range_header
from werkzeug.wsgi import wrap_file

from strongroom.audit.events import Outcome
from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused, ServerFault, Unavailable
from strongroom.files.addresses import name_in_path
from strongroom.files.conditions import Condition
from strongroom.files.events import DownloadFailed, FileDownloaded
from strongroom.files.model import StoredFile
from strongroom.files.service import FileService
from strongroom.permissions import identity_of

BLOCK: Final = 256 * 1024
"""Bytes a server reads at a time where it cannot use sendfile."""

SANDBOX: Final = "default-src 'none'; sandbox"
"""Content-Security-Policy of what people uploaded: even if a browser opens it, nothing runs."""


class Downloads:
    """Answers GET and HEAD for one file. Thread-safe."""

    def __init__(self, files: FileService, audit: AuditLog) -> None:
        self._files = files
        self._audit = audit

    def respond(self, path: str) -> Response:
        """The response to the current request for the file of that path.

        :raises Refused: 404, 412 or 416, recorded as ``download_failed``
        :raises ServerFault: the stored bytes are missing or damaged, recorded as ``download_failed``
        :raises Unavailable: the download could not be recorded, so it is not released
        """
        return self._respond(
            lambda: self._files.find(name_in_path(path), identity_of(request)), path
        )

    def respond_version(self, file_id: str, version_id: str) -> Response:
        """The response to the current request for one of the contents that a file has had.

        :raises Refused: 404 or 416, recorded as ``download_failed``
        """

        by = identity_of(request)
        return self._respond(lambda: self._files.version(file_id, version_id, by), None, file_id)

    def _respond(
        self, find: Callable[[], StoredFile], path: str | None, file_id: str | None = None
    ) -> Response:
        found = None
        try:
            found = find()
            if "If-Match" in request.headers:
                Condition(if_match=request.if_match).check(found.filename, found.sha256)
            if request.if_none_match.contains_weak(found.sha256):
                return _headers(Response(status=304), found)
            span = _range(found)
            return self._send(found, span)
        except (Refused, ServerFault) as problem:
            self._record_failure(problem, path, found, file_id)
            raise
        except Unavailable:
            raise
        except Exception as error:
            fault = ServerFault(
                "download_error", "The server could not hand out this file. Try again in a moment."
            )
            fault.__cause__ = error
            self._record_failure(fault, path, found, file_id)
            raise fault from error

    def _record_failure(
        self,
        problem: Refused | ServerFault,
        path: str | None,
        found: StoredFile | None,
        file_id: str | None,
    ) -> None:
        denied = isinstance(problem, Refused)
        folder, _, name = (path or "").removeprefix("/").rpartition("/")
        event = DownloadFailed(
            outcome=Outcome.DENIED if denied else Outcome.FAILED,
            reason=problem.recorded if isinstance(problem, Refused) else problem.reason,
            status=problem.status,
            filename=found.filename if found else name or None,
            folder=found.folder if found else f"/{folder}" if path is not None else None,
            file_id=found.file_id if found else file_id,
        )
        self._audit.log(event, error=None if denied else problem.__cause__ or problem)

    def _send(self, found: StoredFile, span: tuple[int, int] | None) -> Response:
        start, stop = span or (0, found.file_size_bytes)
        blob = self._files.open_content(found)
        body = Span(blob, start, stop)
        response = Response(
            wrap_file(request.environ, cast("IO[bytes]", body), BLOCK),
            mimetype=found.content_type,
            direct_passthrough=True,
        )
        response.content_length = stop - start
        if span is not None:
            response.status_code = 206
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.file_size_bytes}"
        if request.method != "HEAD":
            self._record(found, span, response)
        return _headers(response, found)

    def _record(self, found: StoredFile, span: tuple[int, int] | None, response: Response) -> None:
        event = FileDownloaded(
            file_id=found.file_id,
            filename=found.filename,
            folder=found.folder,
            file_size_bytes=found.file_size_bytes,
            content_type=found.content_type,
            sha256=found.sha256,
            range=None if span is None else f"{span[0]}-{span[1] - 1}",
        )
        try:
            self._audit.log(event)
        except BaseException:
            response.close()
            raise


class Span(io.RawIOBase):
    """Part of a file as a stream that ends where the part does; sendfile can use it."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        super().__init__()
        self._file = file
        self._left = stop - start
        file.seek(start)

    def fileno(self) -> int:
        """The descriptor; its position is where the rest of the part begins."""
        return self._file.fileno()

    def tell(self) -> int:
        """The position in the whole file."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move in the whole file."""
        return self._file.seek(offset, whence)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, none after the end of the part."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _range(found: StoredFile) -> tuple[int, int] | None:
    """First byte and the one after the last; None when the whole file is wanted.

    :raises Refused: 416
    """
    header = request.headers.get("Range")
    if header is None or request.method != "GET":
        return None
    if request.headers.get("If-Range", f'"{found.sha256}"') != f'"{found.sha256}"':
        return None  # the client has another version, or is not sure: it gets this one whole
    parsed = parse_range_header(header)
    if parsed is None or parsed.units != "bytes":
        return None  # RFC 9110: a Range that is not understood is ignored
    span = _span(parsed.ranges[0], found.file_size_bytes) if len(parsed.ranges) == 1 else None
    if span is None:
        after_this_request(partial(_set_range, f"bytes */{found.file_size_bytes}"))
        raise Refused(
            "range_not_satisfiable",
            f"The file has {found.file_size_bytes} bytes; the range asked for cannot be had.",
            status=416,
        )
    return span


def _span(wanted: tuple[int, int | None], size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None when the file has none of these bytes."""
    first, stop = wanted
    if first < 0:  # the last bytes, or the whole file when it has no more
        first, stop = max(size + first, 0), size
    stop = size if stop is None else min(stop, size)
    return (first, stop) if first < stop else None


def _set_range(value: str, response: Response) -> Response:
    response.headers["Content-Range"] = value
    return response


def as_attachment(response: Response, filename: str) -> Response:
    """The response, with the headers under which a browser saves it and runs nothing of it."""
    # RFC 6266: the encoded name for all of today's clients, an ASCII one for the rest.
    plain = filename.encode("ascii", "replace").decode("ascii").replace("?", "_")
    encoded = f"UTF-8''{quote(filename, safe='')}"
    response.headers.set(
        "Content-Disposition", "attachment", **{"filename": plain, "filename*": encoded}
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = SANDBOX
    return response


def _headers(response: Response, found: StoredFile) -> Response:
    response.set_etag(found.sha256)
    response.headers["Accept-Ranges"] = "bytes"
    return as_attachment(response, found.filename)
