"""Which files a backup has, and under which names. Nothing else is ever read of it.

::

    manifest.jsonl        every file with its size and SHA-256; written last
    manifest.signed       a note, signed with the ledger's key, that names the manifest's SHA-256
    strongroom.db         the database, one file
    archive/…             segments and entries, as in the archive's folder
    objects/blobs/…       content, under its SHA-256
    ledger.key.lost       verifier keys that were lost, where there are such
    ledger.key            only if it was asked for
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from strongroom.files.blobs import key_of

MANIFEST: Final = "manifest.jsonl"
SIGNED: Final = "manifest.signed"
DATABASE: Final = "strongroom.db"
ARCHIVE: Final = "archive/"
OBJECTS: Final = "objects/"
KEY: Final = "ledger.key"
LOST_KEYS: Final = "ledger.key.lost"

_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ARCHIVED: Final = re.compile(
    r"archive/(segments/(audit|ops|imported)/\d{12,18}\.g\d{1,9}\.parquet|entries/\d{12,18}\.zip)",
    re.ASCII,
)
_OBJECT: Final = re.compile(
    r"objects/blobs/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})", re.ASCII
)


def is_name(name: str) -> bool:
    """Whether a backup may have a file of this name: no other leads anywhere."""
    return (
        name in (DATABASE, KEY, LOST_KEYS)
        or _ARCHIVED.fullmatch(name) is not None
        or _OBJECT.fullmatch(name) is not None
    )


def is_hash(value: object) -> bool:
    """Whether content could be stored under it; a damaged database may say anything."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def is_object(name: str) -> bool:
    """Whether it is content."""
    return name.startswith(OBJECTS)


def object_name(sha256: str) -> str:
    """The name of content."""
    return OBJECTS + key_of(sha256)


def sha256_of(name: str) -> str:
    """The SHA-256 that a name of content promises."""
    return name.rpartition("/")[2]


def archived_name(folder: Path, path: Path) -> str:
    """The name of a file of the archive.

    :param folder: of the archive
    """
    return ARCHIVE + path.relative_to(folder).as_posix()
