"""What a log file and the files rotated from it hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from strongroom.audit.pipeline.log_file import LogFile, Rotation


def log_file(path: Path, **rotation: Any) -> LogFile:
    """A log file that is not rotated unless the arguments say so."""
    usual = {"max_bytes": 10**9, "max_age": 10**9, "keep": 10**6, "compress": True}
    return LogFile(path, Rotation(**{**usual, **rotation}))


def rotated(path: Path) -> list[Path]:
    """The rotated files, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.*Z*"))


def logged_lines(path: Path) -> list[bytes]:
    """Every line, oldest first; of a file that is being compressed, once."""
    files = [file for file in rotated(path) if file.suffix != ".part"]
    plain = [file for file in files if file.with_name(file.name + ".gz") not in files]
    read = [gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in plain]
    return b"".join([*read, path.read_bytes() if path.exists() else b""]).splitlines(keepends=True)


def logged(path: Path) -> list[dict[str, Any]]:
    """Every record, oldest first; each line must be one."""
    return [json.loads(line) for line in logged_lines(path)]
