"""The address of a static file, for templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask, url_for

from strongroom.audit.viewer.assets import fingerprint


def asset_address(app: Flask) -> Callable[[str, str], str]:
    """A function for templates: ``asset(endpoint, filename)``."""

    def asset(endpoint: str, filename: str) -> str:
        blueprint = endpoint.rpartition(".")[0]
        owner = app.blueprints[blueprint] if blueprint else app
        version = fingerprint(Path(str(owner.static_folder)) / filename)
        return url_for(endpoint, filename=filename, v=version)

    return asset
