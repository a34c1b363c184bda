"""All records of a search as a download, from ``/api/v1/export`` and ``/logs/export``.

How many records there are and what their digest is, is known once the last has left. WSGI (PEP 3333)
knows no trailers, and browsers would not show them. So ``logs_exported`` says both, and a ``Link`` in
the answer leads to it. A download that ends as HTTP says is whole: one that is cut off, or from which
records are missing, breaks off, so that every client takes it for failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from flask import Response, request, url_for
from werkzeug.datastructures import Headers

from strongroom.audit.events import Outcome
from strongroom.audit.events.system import LogExportStarted, LogsExported
from strongroom.audit.export import FORMATS, Export, Format, export_turns
from strongroom.audit.pipeline.context import current_context
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.audit.viewer.source import RecordSource
from strongroom.errors import Refused, ServerFault, Unavailable

EXPORT_SECONDS: Final = 3_600.0
"""After which a download is cut off: a client that hardly reads must not hold a turn for ever."""


def give_export(source: RecordSource) -> Response:
    """The answer to the current request: everything that matches, in the format that it names.

    :raises Refused: for a query, time or format that cannot be understood; recorded
    :raises ServerFault: 503 ``export_busy``; recorded
    :raises Unavailable: the export could not be recorded, so nothing is released
    """
    asked: dict[str, Any] = {name: request.args[name] for name in _ASKED if name in request.args}
    try:
        wanted, kind = _read()
        if request.method == "HEAD":
            return _answer(kind, b"")
        with ExitStack() as held:
            held.enter_context(export_turns(source.store))
            matches = source.search.matches(wanted.asked, wanted.window)
            export = Export(source.store, matches, kind, seconds=EXPORT_SECONDS)
            source.log(LogExportStarted(extra=asked))
            return _answer(kind, Sending(source, export, asked, held.pop_all()))
    except (Refused, ServerFault) as problem:
        source.log(
            LogsExported(outcome=Outcome.FAILED, reason=problem.reason, count=0, extra=asked)
        )
        raise


_ASKED: Final = ("format", "query", "time", "from", "to", "event", "level", "stream")


def _read() -> tuple[ViewerRequest, Format]:
    wanted = ViewerRequest.read(request.args)
    if wanted.error is not None:
        where = f"query, column {wanted.error.column}: {wanted.error.message}"
        raise Refused("query_not_valid", where)
    kind = FORMATS.get(request.args.get("format", "ndjson"))
    if kind is None:
        raise Refused("format_not_valid", f"format is one of {', '.join(FORMATS)}.")
    return wanted, kind


def _answer(kind: Format, body: bytes | Sending) -> Response:
    headers = Headers({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
    headers.set("Content-Disposition", "attachment", filename=f"records.{kind.name}")
    request_id = current_context().get("request_id")
    found = url_for(".list_records", query=f"event:logs_exported request_id:{request_id}")
    headers.add("Link", f'<{found}>; rel="describedby"')
    return Response(body, headers=headers, content_type=kind.media_type)


class Sending:
    """The body of an export; whichever way it ends, that is recorded. Used by one thread at a time."""

    def __init__(
        self, source: RecordSource, export: Export, asked: Mapping[str, Any], held: ExitStack
    ) -> None:
        self._source = source
        self._export = export
        self._asked = dict(asked)
        self._blocks = export.blocks()
        self._held = held
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            block = next(self._blocks, None)
        except (ServerFault, Unavailable) as problem:
            self._end(getattr(problem, "reason", "export_failed"))
            raise
        except Exception:
            self._end("export_failed")
            raise
        if block is not None:
            return block
        if self._export.missing:
            self._end("records_missing")
            raise ServerFault("records_missing", "Some of the records cannot be read.")
        self._end(None)
        raise StopIteration

    def close(self) -> None:
        """The server is done with it; before its end where the client has left."""
        self._end("client_left")

    def _end(self, reason: str | None) -> None:
        """Record how it ended, once."""
        if self._ended:
            return
        self._ended = True
        with self._held:
            self._blocks.close()
            self._source.log(ended(self._export, self._asked, reason))


def ended(export: Export, asked: Mapping[str, Any], reason: str | None) -> LogsExported:
    """The record of what became of an export.

    :param asked: which records, and in which format
    :param reason: why it failed; None where it did not
    """
    missing = export.missing
    shown = {"missing": missing[:_SHOWN], "missing_spans": len(missing)} if missing else {}
    return LogsExported(
        outcome=Outcome.SUCCESS if reason is None else Outcome.FAILED,
        reason=reason,
        count=export.count,
        file_size_bytes=export.bytes,
        sha256=export.sha256,
        extra={**asked, **shown},
    )


_SHOWN: Final = 20
"""Of what is missing, in the record: it has room for so much."""
