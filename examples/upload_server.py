"""An upload server of the kind that tutorials have, and a record of everything that it does.

    flask --app examples/upload_server.py run

Files are kept in ``instance/uploads``, records in ``instance/audit.db``. Open / and upload
something, then open /logs.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from flask import Flask, abort, redirect, request, send_from_directory, url_for
from markupsafe import escape
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from strongroom import AuditLog, Catalogue, Event, Level, Outcome, Stream, declare

ALLOWED = {".gif", ".jpeg", ".jpg", ".pdf", ".png", ".txt"}

log = structlog.get_logger()


@declare("file_uploaded", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class FileUploaded(Event):
    """Somebody uploaded a file, and it is stored."""

    filename: str
    file_size_bytes: int
    content_type: str


def create_app(instance: str | None = None) -> Flask:
    """The application; ``instance`` is the folder in which it keeps everything."""
    app = Flask(__name__, instance_path=instance)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
    folder = Path(app.instance_path) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    audit = AuditLog(app, catalogue=Catalogue(FileUploaded))

    @app.get("/")
    def list_files() -> str:
        links = "".join(
            f'<li><a href="{url_for("download", name=path.name)}">{escape(path.name)}</a>'
            for path in sorted(folder.iterdir())
        )
        form = '<input type="file" name="file"><button>Upload</button>'
        return f'<ul>{links}</ul><form method="post" enctype="multipart/form-data">{form}</form>'

    @app.post("/")
    def upload() -> Response:
        file = request.files.get("file")
        name = secure_filename(file.filename or "") if file else ""
        if file is None or Path(name).suffix.lower() not in ALLOWED:
            log.warning("upload_refused", filename=name)  # undeclared: it goes to the stream ops
            abort(400, f"Choose a file of one of these kinds: {', '.join(sorted(ALLOWED))}")
        file.save(folder / name)
        size = (folder / name).stat().st_size
        audit.log(
            FileUploaded(filename=name, file_size_bytes=size, content_type=file.content_type or "")
        )
        return redirect(url_for("list_files"))

    @app.get("/uploads/<name>")
    def download(name: str) -> Response:
        return send_from_directory(folder, name)

    return app
