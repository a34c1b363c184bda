"""The file server's parts, as its routes find them in the application."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from flask import Flask, current_app, request, url_for

from strongroom.audit.extension import AuditLog
from strongroom.errors import Refused
from strongroom.files.downloads import Downloads
from strongroom.files.service import FileService
from strongroom.files.uploads import Uploads

_KEY = "strongroom.files"


@dataclass(frozen=True, slots=True)
class FileServer:
    """What the routes of the file server work with."""

    files: FileService
    uploads: Uploads
    downloads: Downloads
    audit: AuditLog


def install(app: Flask, server: FileServer) -> None:
    """Make the parts available to the routes of this application."""
    app.extensions[_KEY] = server


def server() -> FileServer:
    """The parts of the application that handles the current request."""
    found: FileServer = current_app.extensions[_KEY]
    return found


def address_below(endpoint: str, filename: str) -> str:
    """The address of a route that ends in ``<path:path>``, for this file name.

    ``url_for`` leaves some characters of a name as they are that clients then normalise.
    """
    return url_for(endpoint, path="_").removesuffix("_") + quote(filename, safe="")


def name_in_path(path: str) -> str:
    """The file name in an address.

    :param path: as the router decoded it
    :raises Refused: 400 when the address is not UTF-8, since no name may be kept other than sent
    """
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Refused(
            "filename_not_allowed", "The name in the address is not UTF-8. Encode it so."
        ) from None
    return path
