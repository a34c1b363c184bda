"""The file server's parts, as its routes find them in the application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask, current_app

from strongroom.audit.extension import AuditLog
from strongroom.files.addresses import AnyName
from strongroom.files.downloads import Downloads
from strongroom.files.service import FileService
from strongroom.files.tus import access as tus_access
from strongroom.files.tus.uploads import ResumableUploads
from strongroom.files.uploads import Uploads

_KEY = "strongroom.files"


@dataclass(frozen=True, slots=True)
class FileServer:
    """What the routes of the file server work with."""

    files: FileService
    uploads: Uploads
    resumable: ResumableUploads
    downloads: Downloads
    audit: AuditLog
    people: Callable[[], Sequence[tuple[str, str]]]
    """Id and name of everybody who could be given a permission."""


def install(app: Flask, server: FileServer) -> None:
    """Make the parts, and ``<name:…>``, available to the routes of this application."""
    app.url_map.converters["name"] = AnyName
    app.extensions[_KEY] = server
    tus_access.install(app, server.resumable)


def server() -> FileServer:
    """The parts of the application that handles the current request."""
    found: FileServer = current_app.extensions[_KEY]
    return found
