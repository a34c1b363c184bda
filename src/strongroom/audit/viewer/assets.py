"""Addresses of static files that change when the file does, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def fingerprint(*files: Path) -> str:
    """A short hash of these files' content; ``missing`` when one was not built."""
    if not all(file.is_file() for file in files):
        return "missing"
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
