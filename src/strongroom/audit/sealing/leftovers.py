"""What a crash leaves of a sealing: files that the index does not know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from strongroom.audit.archive.index import Segment, sealed_through, segments
from strongroom.audit.archive.places import entries_path
from strongroom.audit.archive.writing import DRAFT
from strongroom.audit.events import Stream

_FIRST_SEQ: Final = re.compile(r"(\d{12,})\.(?:g\d+\.parquet|zip)")


def stray_files(connection: Connection, folder: Path) -> list[Path]:
    """Files of the archive that a crash has left.

    Those are drafts, other generations of a segment than the index has, and whatever begins at the
    boundary, where the next segment will. Anything else that the index does not know may be evidence,
    and is left where it is.

    :param folder: of the archive
    """
    found = list[Path]()
    for stream in Stream:
        known = {about.first_seq: about for about in segments(connection, stream.value)}
        boundary = sealed_through(connection, stream.value)
        places = [folder / "segments" / stream.value]
        if stream is Stream.AUDIT:
            places.append(entries_path(folder, 0).parent)
        for path in (path for place in places if place.is_dir() for path in place.iterdir()):
            if path.name.endswith(DRAFT) or _is_stray(path, folder, known, boundary):
                found.append(path)
    return sorted(found)


def _is_stray(path: Path, folder: Path, known: dict[int, Segment], boundary: int) -> bool:
    name = _FIRST_SEQ.fullmatch(path.name)
    if name is None:
        return False
    about = known.get(int(name[1]))
    return path not in about.files(folder) if about else int(name[1]) == boundary
