"""The application under test: the smallest Flask application that does a file server's work.

It notes what it saw (requests begun and closed, uploads complete or broken off, downloads ended) as
JSON lines in one file, which the measuring process reads; the small GET notes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FOLDER = "BENCH_WSGI_FOLDER"
EVENTS = "events.jsonl"
DOWNLOAD = "download.bin"
CHUNK = 256 * 1024
READ_AHEAD = 128 * 1024


class Notes:
    """Appends one JSON line per event; whole lines, since each is one write to an O_APPEND file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, event: str, ident: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "id": ident, "at": time.time(), **fields}) + "\n"
        os.write(self._descriptor, line.encode())


class ObservedFile(io.FileIO):
    """A file that tells, when it is closed, how the response that carried it ended.

    A FileIO and not a proxy, so that servers still hand it to sendfile.
    """

    def __init__(self, path: Path, notes: Notes, ident: str) -> None:
        super().__init__(path)
        self._notes, self._ident, self._told = notes, ident, False

    def close(self) -> None:
        if not self._told:
            self._told = True
            tell_end(self._notes, self._ident, self.tell())
        super().close()


class Blocks:
    """A file as an iterable of blocks, for servers without wsgi.file_wrapper."""

    def __init__(self, path: Path, notes: Notes, ident: str) -> None:
        self._file = path.open("rb", buffering=0)
        self._notes, self._ident = notes, ident

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(CHUNK):
            yield block

    def close(self) -> None:
        tell_end(self._notes, self._ident, self._file.tell())
        self._file.close()


def tell_end(notes: Notes, ident: str, position: int) -> None:
    error = sys.exc_info()[0]
    notes("download", ident, position=position, error=error.__name__ if error else None)


class CloseWatched:
    """Passes an iterable on and notes the call of its close()."""

    def __init__(self, inner: Iterable[bytes], notes: Notes, ident: str) -> None:
        self._inner, self._notes, self._ident = inner, notes, ident

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        if (close := getattr(self._inner, "close", None)) is not None:
            close()
        self._notes("close", self._ident)


def watched(inner: WSGIApplication, notes: Notes) -> WSGIApplication:
    """Notes begin and close of /work, and lets Werkzeug bound bodies of known length.

    Both servers set wsgi.input_terminated, on which Werkzeug takes the end of the stream for the
    end of the body. The header X-Keep-Terminated shows the behaviour without this cure.
    """

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") and "HTTP_X_KEEP_TERMINATED" not in environ:
            environ.pop("wsgi.input_terminated", None)
        if environ["PATH_INFO"] != "/work":
            return inner(environ, start)
        ident = environ["QUERY_STRING"]
        notes("begin", ident)
        return CloseWatched(inner(environ, start), notes, ident)

    return application


def set_timeout(environ: WSGIEnvironment) -> None:
    """Give the connection the time-out that the request asks for, where the server lends it."""
    seconds = request.args.get("timeout", type=float)
    if seconds and (connection := environ.get("gunicorn.socket")) is not None:
        connection.settimeout(seconds)


def read_size(environ: WSGIEnvironment) -> int:
    """Bytes per read; if asked, with gunicorn's read-ahead lowered from 1 MiB to the same.

    It copies what it holds ahead once more at every smaller read.
    """
    if "ahead" in request.args and hasattr(body := environ["wsgi.input"], "reader"):
        body.reader.unreader.max_body_chunk = READ_AHEAD
        return READ_AHEAD
    return CHUNK


def make_application() -> WSGIApplication:
    """Build the application; the folder comes from the environment."""
    folder = Path(os.environ[FOLDER])
    notes = Notes(folder / EVENTS)
    app = Flask("benchmarks.wsgi")

    @app.get("/json")
    def small() -> Response:
        return jsonify(status="ok", files=3, name="example.txt")

    @app.get("/work")
    def work() -> Response:
        time.sleep(0.005)
        return Response(iter([b"first ", b"second ", b"third"]), mimetype="text/plain")

    @app.put("/upload")
    def upload() -> Response:
        set_timeout(request.environ)
        ident, size, digest = request.args["id"], 0, hashlib.sha256()
        step = read_size(request.environ)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as target:
            try:
                while chunk := request.stream.read(step):
                    digest.update(chunk)
                    target.write(chunk)
                    size += len(chunk)
            except BaseException as error:
                notes("upload", ident, size=size, outcome=type(error).__name__)
                raise
            os.fsync(target.fileno())
        notes("upload", ident, size=size, outcome="complete")
        return jsonify(bytes=size, sha256=digest.hexdigest())

    @app.get("/download")
    def download() -> Response:
        set_timeout(request.environ)
        path, ident = folder / DOWNLOAD, request.args["id"]
        wrapper = request.environ.get("wsgi.file_wrapper")
        body: Iterable[bytes]
        if wrapper is None or "iterate" in request.args:
            body = Blocks(path, notes, ident)
        else:
            body = wrapper(ObservedFile(path, notes, ident), CHUNK)
        response = Response(body, mimetype="application/octet-stream", direct_passthrough=True)
        response.content_length = path.stat().st_size
        return response

    return watched(app.wsgi_app, notes)


def read_events(folder: Path) -> list[dict[str, Any]]:
    """All events noted so far, oldest first."""
    with contextlib.suppress(FileNotFoundError):
        return [json.loads(line) for line in (folder / EVENTS).read_text().splitlines()]
    return []
