"""The application under test: a page from a database, an upload, and next to nothing.

Each exists with and without the audit system; everything else is the same. With it, every request
leaves ``request`` and ``response`` in the ops stream and one event in the audit stream.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from flask import Flask, request, url_for

from strongroom import AuditLog
from strongroom.audit.events import Catalogue, Event
from strongroom.files.events import FilesListed, FileUploaded
from strongroom.files.tables import ROOT_ID

FOLDER: Final = "BENCHMARK_FOLDER"
AUDITED: Final = "BENCHMARK_AUDITED"

_PAGE: Final = """<!doctype html><title>Files</title><h1>{{ rows|length }} files</h1><table>
{% for row in rows %}<tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ row.id }}</td>
<td><a href="{{ url_for('page') }}?file={{ row.id }}">{{ row.name }}</a></td>
<td>{{ '{:,}'.format(row.size) }}</td></tr>{% endfor %}</table>"""


def make_application() -> Flask:
    """The application; where and how is in the environment."""
    folder = Path(os.environ[FOLDER])
    app = Flask(__name__)
    template = app.jinja_env.from_string(_PAGE)
    audit: AuditLog | None = None
    if os.environ[AUDITED] == "yes":
        audit = AuditLog(
            app,
            database=f"sqlite:///{folder / 'audit.db'}",
            catalogue=Catalogue(FilesListed, FileUploaded),
            viewer=None,
        )

    def record(event: Event) -> None:
        if audit is not None:
            audit.log(event)

    @app.get("/nothing")
    def nothing() -> dict[str, int]:
        record(FilesListed(count=0, folder="/", folder_id=ROOT_ID))
        return {"files": 0}

    @app.get("/page")
    def page() -> str:
        with closing(sqlite3.connect(folder / "app.db")) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT id, name, size FROM file LIMIT 50").fetchall()
        record(FilesListed(count=len(rows), folder="/", folder_id=ROOT_ID))
        return template.render(rows=rows, url_for=url_for)

    @app.put("/upload")
    def upload() -> tuple[dict[str, str], int]:
        body = request.get_data()
        digest = hashlib.sha256(body).hexdigest()
        with (folder / f"upload-{os.getpid()}").open("ab") as file:
            file.truncate(0)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        record(
            FileUploaded(
                file_id=digest[:36],
                filename="upload.bin",
                folder="/",
                folder_id=ROOT_ID,
                file_size_bytes=len(body),
                content_type="application/octet-stream",
                detected_type="application/octet-stream",
                sha256=digest,
            )
        )
        return {"sha256": digest}, 201

    return app


def make_folder(folder: Path) -> None:
    """What the application reads."""
    with closing(sqlite3.connect(folder / "app.db")) as connection, connection:
        connection.execute("CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT, size INTEGER)")
        rows = [(n, f"report {n} <final>.pdf", n * 1_234_567) for n in range(50)]
        connection.executemany("INSERT INTO file VALUES (?, ?, ?)", rows)
