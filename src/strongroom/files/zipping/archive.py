"""The bytes of a zip, made piece by piece and never kept.

Members are stored, not compressed, so that the length is known before. Their checksums are not,
so they follow the content (APPNOTE 6.3.10, section 4.3.9, "data descriptor"). Written by the
standard library; names are UTF-8 and times UTC ("extended timestamp" 0x5455, of Info-ZIP).
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Final, cast
from zipfile import ZipFile, ZipInfo

from strongroom.files.model import StoredFile
from strongroom.files.zipping.members import Member

Read = Callable[[StoredFile], Iterator[bytes]]
"""Gives the content of a file in pieces: exactly as many bytes as the file has."""

PIECE: Final = 64 * 1024
"""Bytes that are gathered before they are sent, so that small files go out together."""

_LARGE: Final = 1 << 30
"""Bytes of a file from which on its sizes are written in 64 bits (zip64); 4 GiB is the most without,
and the standard library's own limit is in between."""

_UTF8: Final = 0x800
_FOLDER_OF_DOS: Final = 0x10
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


def length(members: Sequence[Member]) -> int:
    """How many bytes :func:`written` will give: the same is written, without the contents."""
    sink = _Counter()
    with ZipFile(cast("IO[bytes]", sink), "w") as archive:
        for member in members:
            info = _Info(member)
            if member.file is None:
                archive.mkdir(info)
                continue
            size = member.file.file_size_bytes
            with archive.open(info, "w", force_zip64=size > _LARGE):
                sink.skip(size)
            info.file_size = info.compress_size = size
    return sink.tell()


def written(members: Sequence[Member], read: Read) -> Iterator[bytes]:
    """The zip in pieces. When ``read`` raises, it ends there, and what was given is no zip."""
    sink = _Sink()
    with ZipFile(cast("IO[bytes]", sink), "w") as archive:
        for member in members:
            info = _Info(member)
            if member.file is None:
                archive.mkdir(info)
                if len(archive.filelist) == 1:
                    yield sink.take()  # the status leaves before any content can break
                continue
            large = member.file.file_size_bytes > _LARGE
            with archive.open(info, "w", force_zip64=large) as content:
                for piece in read(member.file):
                    content.write(piece)
                    if sink.waiting >= PIECE:
                        yield sink.take()
            if sink.waiting >= PIECE:
                yield sink.take()
    yield from sink.take_all()


class _Info(ZipInfo):
    """The head of a member."""

    def __init__(self, member: Member) -> None:
        moment = datetime.fromtimestamp(member.changed_at // 1_000_000, UTC)
        kept = min(max(moment, _EARLIEST), _LATEST)
        super().__init__(member.path, kept.timetuple()[:6])
        self.CRC = self.compress_size = self.file_size = 0
        self.create_system = 3  # Unix: what the attributes below are of
        if member.file is None:
            self.external_attr = (stat.S_IFDIR | 0o755) << 16 | _FOLDER_OF_DOS
        else:
            self.external_attr = (stat.S_IFREG | 0o644) << 16
            self.file_size = member.file.file_size_bytes
        seconds = int(moment.timestamp())
        if seconds < 1 << 31:
            self.extra = struct.pack("<HHBl", 0x5455, 5, 1, seconds)

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # the library's name
        """ASCII, else UTF-8: later versions of the library would write code page 437 where they can,
        which is read as another one in many places."""
        if self.filename.isascii():
            return self.filename.encode("ascii"), self.flag_bits & ~_UTF8
        return self.filename.encode("utf-8"), self.flag_bits | _UTF8


class _Counter:
    """What the library writes into: it knows its position, and cannot go back. It keeps nothing."""

    def __init__(self) -> None:
        self._position = 0

    def write(self, data: bytes) -> int:
        """Count this."""
        self._position += len(data)
        return len(data)

    def skip(self, count: int) -> None:
        """As if so many bytes had been written."""
        self._position += count

    def tell(self) -> int:
        """Bytes written so far."""
        return self._position

    def flush(self) -> None:
        """There is nothing behind it."""


class _Sink(_Counter):
    """One that keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self.waiting = 0

    def write(self, data: bytes) -> int:
        """Keep this."""
        self._pieces.append(data)
        self.waiting += len(data)
        return super().write(data)

    def take(self) -> bytes:
        """All that waits."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def take_all(self) -> Iterator[bytes]:
        """The same in pieces: the directory at the end of a zip is as long as all its paths."""
        some: list[bytes] = []
        size = 0
        for piece in self._pieces:
            some.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(some)
                some, size = [], 0
        self._pieces, self.waiting = [], 0
        yield b"".join(some)
