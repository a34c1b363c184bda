"""Whether every stored file is still the one that was recorded: `strongroom verify --files`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.ledger.verify import Block, Tally, Verdict, fetch
from strongroom.files.blobs import Blobs
from strongroom.files.events import FileUploaded
from strongroom.files.tables import file_version

CHUNK: Final = 1_048_576
PAGE: Final = 500

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_versions: Final = (
    select(file_version.c.sha256, func.min(file_version.c.file_size_bytes))
    .where(file_version.c.sha256 > bindparam("last"))
    .group_by(file_version.c.sha256)
    .order_by(file_version.c.sha256)
    .limit(PAGE)
)
_version: Final = select(file_version.c.sha256, file_version.c.file_size_bytes).where(
    file_version.c.file_id == bindparam("wanted")
)


class Contents:
    """Reads all content that a file has or had, and compares it with what was recorded.

    Implements :class:`~strongroom.audit.ledger.verify.Check`.
    """

    def __init__(self, blobs: Blobs) -> None:
        covers = "every file uploaded is there, and its content has the recorded SHA-256"
        self._tally = Tally("files", covers)
        self._blobs = blobs
        self._connection: Connection | None = None
        self._bad: dict[Any, str] = {}  # the first few, whose records are to be named
        self.names = [self._tally.name]

    def begin(self, connection: Connection) -> None:
        """Read and hash all content that a version of a file names."""
        self._connection = connection
        last: Any = ""
        with self._tally as tally:
            while rows := fetch(connection, _versions, last=last):
                last = rows[-1][0]
                for sha256, size in rows:
                    tally.count += 1
                    reason = self._why_not(sha256, size)
                    if reason is not None:
                        tally.fail(reason)
                        if len(self._bad) < PAGE:
                            self._bad[sha256] = reason

    def see(self, block: Block) -> None:
        """Every recorded upload has its version, of the recorded content. Nothing is purged so far."""
        if FileUploaded.event_name not in block.events:
            return
        assert self._connection is not None
        with self._tally as tally:
            for seq, record in zip(block.seqs, block.records, strict=True):
                if record is None or record.get("event") != FileUploaded.event_name:
                    continue
                place = seq if type(seq) is int else None
                wanted = record.get("sha256"), record.get("file_size_bytes")
                versions = fetch(self._connection, _version, wanted=str(record.get("file_id")))
                if wanted not in versions:
                    tally.fail("the file uploaded then is gone, or has other content", place)
                elif wanted[0] in self._bad:
                    tally.fail(self._bad[wanted[0]], place)

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        return [self._tally.verdict(nothing=None if self._tally.count else "there are no files")]

    def _why_not(self, sha256: Any, size: Any) -> str | None:
        """Why this content does not hold; None when it does."""
        if type(sha256) is not str or not _SHA256.fullmatch(sha256):
            return "a version of a file has no SHA-256"
        digest, length = hashlib.sha256(), 0
        try:
            with self._blobs.open(sha256) as content:
                while chunk := content.read(CHUNK):
                    digest.update(chunk)
                    length += len(chunk)
        except FileNotFoundError:
            return f"the content {sha256} is gone"
        except OSError as error:
            return f"the content {sha256} cannot be read: {error}"
        if digest.hexdigest() != sha256 or length != size:
            return f"the content {sha256} is not what was uploaded"
        return None
