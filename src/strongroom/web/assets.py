"""Addresses of static files that change when the file does, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from flask import Flask, url_for


def asset_address(app: Flask) -> Callable[[str, str], str]:
    """A function for templates: ``asset(endpoint, filename)``."""

    @cache
    def fingerprint(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "missing"

    def asset(endpoint: str, filename: str) -> str:
        name, _, _ = endpoint.rpartition(".")
        owner = app.blueprints[name] if name else app
        version = fingerprint(Path(str(owner.static_folder)) / filename)
        return url_for(endpoint, filename=filename, v=version)

    return asset
