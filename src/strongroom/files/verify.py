"""Whether every stored file is still the one that was recorded: `strongroom verify --files`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.ledger.verify import Block, Tally, Verdict, fetch
from strongroom.files.blobs import Blobs
from strongroom.files.events import FilePurged, FileUploaded
from strongroom.files.service.integrity import DAMAGED, MISSING
from strongroom.files.tables import damaged, file_version

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
_known: Final = select(damaged.c.sha256)
_named: Final = (
    select(file_version.c.version_id).where(file_version.c.sha256 == bindparam("wanted")).limit(1)
)
_version: Final = select(file_version.c.sha256, file_version.c.file_size_bytes).where(
    file_version.c.file_id == bindparam("wanted")
)


_Content = tuple[str, str, int]
"""``file_id``, SHA-256 and size."""

_LOOKED_AT: Final = frozenset((FileUploaded.event_name, FilePurged.event_name))


class Contents:
    """Reads all content that a file has or had, and compares it with what was recorded.

    Implements :class:`~strongroom.audit.ledger.verify.Check`. Needs memory for what was purged, and
    for what is missing: an upload without a version waits for the record of its purge.

    :ivar damage: reason and stamp, by hash, of the first contents that do not hold; see
        :meth:`FileService.note_damage`
    :ivar sound: hashes of contents that were found damaged before, and hold now
    """

    def __init__(self, blobs: Blobs) -> None:
        covers = "every file uploaded is there, and its content has the recorded SHA-256"
        self._tally = Tally("files", covers)
        self._blobs = blobs
        self._connection: Connection | None = None
        self._bad: dict[Any, str] = {}  # the first few, whose records are to be named
        self._known: set[str] = set()
        self._owed: dict[_Content, tuple[int, int | None]] = {}
        self.damage: dict[str, tuple[str, str]] = {}
        self.sound: list[str] = []
        self.names = [self._tally.name]

    def begin(self, connection: Connection) -> None:
        """Read and hash all content that a version of a file names."""
        self._connection = connection
        self._known = {row[0] for row in fetch(connection, _known)}
        last: Any = ""
        with self._tally as tally:
            while rows := fetch(connection, _versions, last=last):
                last = rows[-1][0]
                for sha256, size in rows:
                    tally.count += 1
                    stamp = self._blobs.stamp(sha256) if _is_hash(sha256) else None
                    reason = self._why_not(sha256, size)
                    if reason is None:
                        if sha256 in self._known:
                            self.sound.append(sha256)
                    elif not self._was_purged(sha256):
                        tally.fail(reason)
                        self._note(sha256, reason, stamp)

    def see(self, block: Block) -> None:
        """Every recorded upload has its version, of the recorded content, or was purged since."""
        if not _LOOKED_AT.intersection(block.events):
            return
        with self._tally as tally:
            for seq, record in zip(block.seqs, block.records, strict=True):
                event = None if record is None else record.get("event")
                if record is None or type(event) is not str or event not in _LOOKED_AT:
                    continue
                place = seq if type(seq) is int else None
                content = _content(record)
                if content is None:
                    tally.fail(f"the record {event} names no content", place)
                elif event == FileUploaded.event_name:
                    self._uploaded(tally, content, place)
                elif content in self._owed:
                    self._purged(content)

    def _uploaded(self, tally: Tally, content: _Content, place: int | None) -> None:
        assert self._connection is not None
        versions = fetch(self._connection, _version, wanted=content[0])
        if content[1:] not in versions:
            times, first = self._owed.get(content, (0, place))
            self._owed[content] = times + 1, first
        elif content[1] in self._bad:
            tally.fail(self._bad[content[1]], place)

    def _purged(self, content: _Content) -> None:
        times, first = self._owed.pop(content)
        if times > 1:
            self._owed[content] = times - 1, first

    def verdicts(self) -> Sequence[Verdict]:
        """What it came to."""
        for _, place in self._owed.values():
            self._tally.fail("the file uploaded then is gone, or has other content", place)
        return [self._tally.verdict(nothing=None if self._tally.count else "there are no files")]

    def _note(self, sha256: Any, reason: str, stamp: str | None) -> None:
        if len(self._bad) < PAGE:
            self._bad[sha256] = reason
            if _is_hash(sha256):
                why = MISSING if stamp is None else DAMAGED
                self.damage[sha256] = why, stamp or ""

    def _was_purged(self, sha256: Any) -> bool:
        """Whether it went after the state of the database that is looked at."""
        assert self._connection is not None
        if not _is_hash(sha256):
            return False
        with self._connection.engine.connect() as now:
            return not fetch(now, _named, wanted=sha256)

    def _why_not(self, sha256: Any, size: Any) -> str | None:
        """Why this content does not hold; None when it does."""
        if not _is_hash(sha256):
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


def _is_hash(value: Any) -> bool:
    return type(value) is str and _SHA256.fullmatch(value) is not None


def _content(record: dict[str, Any]) -> _Content | None:
    """What a record is about; None when it does not say."""
    file_id, sha256, size = (record.get(f) for f in ("file_id", "sha256", "file_size_bytes"))
    if type(file_id) is not str or type(sha256) is not str or type(size) is not int:
        return None
    return file_id, sha256, size
