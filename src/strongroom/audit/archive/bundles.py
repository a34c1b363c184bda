"""The entries of an audit segment: a zip of entry bundles under their paths of tlog-tiles.

Entries hold nothing that could be forgotten, so this file never has another generation. Source:
C2SP tlog-tiles; each member is what ``/ledger/tile/entries/<N>`` serves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from strongroom.audit.merkle import TILE_WIDTH, Bundle, Malformed, decode_bundle, encode_bundle
from strongroom.errors import Corrupt

_LEVEL: Final = 6
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)  # the times that zip begins with: no two runs differ
_UNIX: Final = 3
_FILE_MODE: Final = 0o100644 << 16


class BundleWriter:
    """Writes a zip of entry bundles.

    :param out: seekable
    :param first_seq: of the first entry, a multiple of 256
    """

    def __init__(self, out: IO[bytes], first_seq: int) -> None:
        self._archive = ZipFile(out, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._index = first_seq // TILE_WIDTH
        self._waiting: list[bytes] = []

    def extend(self, entries: Sequence[bytes]) -> None:
        """Append entries in their order."""
        self._waiting += entries
        done = len(self._waiting) - len(self._waiting) % TILE_WIDTH
        for start in range(0, done, TILE_WIDTH):
            self._write(self._waiting[start : start + TILE_WIDTH])
        del self._waiting[:done]

    def _write(self, entries: Sequence[bytes]) -> None:
        member = ZipInfo(Bundle(self._index, TILE_WIDTH).path, _FIRST_DAY)
        member.create_system, member.external_attr = _UNIX, _FILE_MODE
        member.compress_type = ZIP_DEFLATED
        self._archive.writestr(member, encode_bundle(entries))
        self._index += 1

    def close(self) -> None:
        """Write the directory.

        :raises ValueError: when the entries do not fill bundles
        """
        if self._waiting:
            raise ValueError(f"{len(self._waiting)} entries do not fill a bundle of {TILE_WIDTH}")
        self._archive.close()

    def let_go(self) -> None:
        """Have done with the file, whether or not it came to its end."""
        with suppress(ValueError, OSError):
            self._archive.close()


class BundleReader:
    """Reads entries from such a zip. A context manager; for one thread.

    :raises Corrupt: from every method, when the file is missing or damaged
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> BundleReader:
        try:
            self._archive = ZipFile(self._path)
        except (OSError, BadZipFile, ValueError, NotImplementedError) as error:
            raise self._corrupt(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def entries(self, index: int) -> list[bytes]:
        """The 256 entries of one bundle.

        :param index: of the bundle: a record's number // 256
        """
        bundle = Bundle(index, TILE_WIDTH)
        try:
            found = decode_bundle(self._archive.read(bundle.path), TILE_WIDTH)
        except (
            OSError, BadZipFile, KeyError, Malformed, ValueError, zlib.error, EOFError,
            NotImplementedError, RuntimeError,
        ) as error:  # fmt: skip  # whatever a damaged file makes of the reading
            raise self._corrupt(error, bundle.path) from None
        return list(found)

    def between(self, start: int, end: int) -> Iterator[bytes]:
        """The entries of the records [start, end), a bundle at a time in memory."""
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = index * TILE_WIDTH
            yield from self.entries(index)[max(start - first, 0) : end - first]

    def names(self) -> list[str]:
        """The paths of its members."""
        return self._archive.namelist()

    def _corrupt(self, error: Exception, member: str = "") -> Corrupt:
        where = f"{member} in {self._path.name}" if member else self._path.name
        if isinstance(error, FileNotFoundError):
            return Corrupt(f"the entries {where} are missing from the archive")
        return Corrupt(f"the entries {where} cannot be read: {error}")
