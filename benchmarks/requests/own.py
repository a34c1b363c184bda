"""Strongroom itself under test, with and without recording; everything else is the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flask import Flask

from benchmarks.requests.app import AUDITED, FOLDER
from strongroom.bootstrap import Installation
from strongroom.files.blobs import Blobs
from strongroom.files.service import FileService
from strongroom.files.tables import ROOT_ID
from strongroom.settings import Settings, load

FILES: Final = 50
CONTENT: Final = b"x" * 100_000

UPLOADS: Final = """
local name = tostring({}):match("0x(%w+)") .. os.time() .. "-"
local body = string.rep("x", 100000)
local number = 0
request = function()
  number = number + 1
  return wrk.format("PUT", "/api/v1/files/" .. name .. number, nil, body)
end
"""
"""A new name each time: wrk takes its requests from a script in Lua."""


def make_application() -> Flask:
    """The whole product, served as it always is; without recording, no record is even made."""
    app = Installation.open(_settings()).app()
    if os.environ[AUDITED] == "no":
        _silence(app)
    return app


def make_folder(_folder: Path) -> None:
    """Some files."""
    installation = Installation.open(_settings())
    audit = installation.audit()
    blobs = Blobs(installation.objects)
    files = FileService(installation.store, blobs, audit, lambda *_: True)
    for number in range(FILES):
        with blobs.receive() as blob:
            blob.write(CONTENT)
            files.add(ROOT_ID, f"report {number} final.pdf", "application/pdf", blob.publish())
    audit.close()


def _settings() -> Settings:
    folder = Path(os.environ[FOLDER])
    return load(data=folder / "data", no_auth=True, log_output="none", verify_every=0)


def _silence(app: Flask) -> None:
    """Take away what stands around the application, and what its own code logs."""
    audit = app.extensions["strongroom.audit"]
    proxies: Any = app.wsgi_app
    # The application inside the watcher's partial.
    proxies._app = proxies._app.args[0]  # noqa: SLF001  # nobody else has a use for it
    audit.log = lambda *_arguments, **_options: None


def kinds() -> Iterator[tuple[str, str, str]]:
    """Name, path and script of each measurement."""
    yield f"Strongroom: page of {FILES} files", "/", ""
    yield "Strongroom: download of 100 kB", "/api/v1/files/report%200%20final.pdf", ""
    yield "Strongroom: upload of 100 kB", "/", UPLOADS
