"""The resumable uploads of the application, as its routes find them."""

from __future__ import annotations

from flask import Flask, current_app

from strongroom.files.tus.uploads import ResumableUploads

_KEY = "strongroom.tus"


def install(app: Flask, uploads: ResumableUploads) -> None:
    """Make them available to the routes of this application."""
    app.extensions[_KEY] = uploads


def uploads() -> ResumableUploads:
    """Those of the application that handles the current request."""
    found: ResumableUploads = current_app.extensions[_KEY]
    return found
