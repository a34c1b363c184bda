"""Which blocks of a segment may hold a part of a text: a filter over pieces of words.

Texts are taken in small letters and split into runs of letters and digits: of ``0-9``, ``a-z``, and all
that is not ASCII. Of each run the filter has every piece of three to six characters. Whoever looks for
a part of a text looks for its runs: for a run of three to six itself, for a longer one's pieces of six,
for a shorter one not at all. Runs of one text are not tied together: most pieces then are of words
that many texts share, and a number costs ten pieces. Hashes are left out, if they are hexadecimal.

There is a filter for each :data:`BLOCK_ROWS` records, which is a row group. It is a plain Bloom filter
(B. H. Bloom, 1970): :data:`BITS` bits a piece, :data:`PROBES` of them set, at ``(u + j * l) mod bits``
(Kirsch, Mitzenmacher, 2006), where ``u`` and ``l`` are the two halves of the piece's MD5, each
little-endian. DuckDB and Python both have MD5; somebody who makes pieces collide makes a search read
more than it must, and nothing else. Bit 0 is the highest of the first byte.

The filters stand in the Parquet file, between its last row group and its footer, where no reader
looks who is not told; Parquet's own Bloom filters are in the same place. So they share the file's
digest, and they go with the file when something in it is forgotten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from strongroom.audit.archive.columns import HASHES, TEXTS

GRAMS: Final = "grams"
"""The name under which the index says where a segment's filters are."""

BLOCK_ROWS: Final = 16_384

SHORTEST: Final = 3
LONGEST: Final = 6

BITS: Final = 10
PROBES: Final = 6
"""Of 100 pieces that are not there, one seems to be."""

MOST: Final = 2**20
"""Pieces of a block. What has more, such as texts of random letters, gets no filter."""

_RUN: Final = re.compile("[0-9a-z\x80-\U0010ffff]+")
_RUN_SQL: Final = r"[0-9a-z\x{80}-\x{10FFFF}]+"
_CUT_AT: Final = 64
_CUT: Final = (
    f"cut AS (SELECT run FROM runs WHERE length(run) <= {_CUT_AT} UNION ALL "  # noqa: S608  # numbers
    f"SELECT DISTINCT two[1] || left(coalesce(two[2], ''), {LONGEST - 1}) FROM ("
    f"SELECT unnest(list_zip(cuts, cuts[2:])) AS two FROM (SELECT regexp_extract_all(run, "
    f"'.{{1,{_CUT_AT}}}') AS cuts FROM runs WHERE length(run) > {_CUT_AT})))"
)
"""Long runs cut up, each with the beginning of the next: to count to a place in a text takes as long
as the text is long, so a run of a million characters would take hours."""

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8  # the footer's length, little-endian, and the magic


def grams_of(text: str) -> frozenset[str]:
    """The pieces that stand in a filter if the text is part of one that does.

    :param text: in small letters
    """
    return frozenset(
        run[at : at + LONGEST]
        for run in _RUN.findall(text)
        if len(run) >= SHORTEST
        for at in range(max(1, len(run) - LONGEST + 1))
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where in a segment's file its filters are.

    :param at: the first byte
    :param rows: records of a block
    :param sizes: bytes of each block's filter; 0 where it has none and may hold anything
    """

    at: int
    rows: int
    sizes: tuple[int, ...]

    def packed(self) -> bytes:
        """As the index has it."""
        return orjson.dumps({"at": self.at, "rows": self.rows, "sizes": self.sizes})

    @classmethod
    def read(cls, packed: bytes) -> Places:
        """Read what :meth:`packed` wrote."""
        told = orjson.loads(packed)
        return cls(told["at"], told["rows"], tuple(told["sizes"]))


# --- Writing ------------------------------------------------------------------------------------


def append_grams(
    connection: duckdb.DuckDBPyConnection, path: Path, first_seq: int, count: int
) -> Places:
    """Make the filters of a segment and put them into its file; not durable yet.

    :param path: of a Parquet file that nobody reads yet
    :param first_seq: of its records, which are dense
    :raises OSError: when the file cannot be written
    """
    relation = "read_parquet('" + str(path).replace("'", "''") + "')"
    starts = range(first_seq, first_seq + count, BLOCK_ROWS)
    filters = [_block(connection, relation, start) for start in starts]
    with path.open("r+b") as file:
        file.seek(-_TAIL, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        at = file.seek(-_TAIL - length, os.SEEK_END)
        footer = file.read()
        assert footer.endswith(_MAGIC)
        file.seek(at)
        file.writelines(filters)
        file.write(footer)
    return Places(at, BLOCK_ROWS, tuple(map(len, filters)))


def _block(connection: duckdb.DuckDBPyConnection, relation: str, start: int) -> bytes:
    """The filter of one block's records; empty where there would be too many pieces."""
    texts = " UNION ALL ".join(
        f'SELECT DISTINCT "{name}" AS text FROM block WHERE {_parted(name)}'  # noqa: S608  # our own names
        for name in TEXTS
    )
    pieces = (
        f"WITH block AS (SELECT * FROM {relation} WHERE seq >= {start} AND seq < {start + BLOCK_ROWS}), "  # noqa: S608  # numbers
        f"runs AS (SELECT DISTINCT unnest(regexp_extract_all(lower(text), '{_RUN_SQL}')) AS run "
        f"FROM ({texts})), {_CUT} "
        "SELECT DISTINCT substr(run, place, n) AS gram FROM (SELECT run, n, "
        "unnest(range(1, length(run) - n + 2)) AS place FROM cut, "
        f"range({SHORTEST}, {LONGEST + 1}) AS lengths(n) WHERE length(run) >= n) LIMIT {MOST + 1}"
    )
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE grams AS {pieces}")
        return _filter(connection)
    except duckdb.OutOfMemoryException:
        return b""
    finally:
        with suppress(duckdb.Error):
            connection.execute("DROP TABLE IF EXISTS grams")


def _parted(name: str) -> str:
    """Which texts of a column have their pieces in the filter: hashes have too many."""
    if name in HASHES:
        return f"NOT regexp_full_match(\"{name}\", '[0-9a-fA-F]*')"
    return f'"{name}" IS NOT NULL'


def _filter(connection: duckdb.DuckDBPyConnection) -> bytes:
    """The filter of the pieces in the table ``grams``."""
    (found,) = connection.execute("SELECT count(*) FROM grams").fetchone() or (0,)
    if not 0 < found <= MOST:
        return b"" if found else b"\0"
    bits = -(-found * BITS // 8) * 8
    place = f"((u % {bits} + j * (l % {bits})) % {bits})::BIGINT"
    row = connection.execute(
        f"SELECT bitstring_agg({place}, 0, {bits - 1})::BLOB FROM (SELECT md5_number_upper(gram) AS u, "  # noqa: S608  # numbers
        f"md5_number_lower(gram) AS l FROM grams), range({PROBES}) AS probes(j)"
    ).fetchone()
    assert row is not None
    return bytes(row[0])


# --- Reading ------------------------------------------------------------------------------------


class Wanted:
    """What to look for in filters: the pieces of some texts, of which each may be absent by itself.

    :param texts: in small letters
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = [text for text in texts if grams_of(text)]
        self._grams = [[_halves(gram) for gram in _chosen(text)] for text in self.texts]

    def absent(self, path: Path, places: Places) -> list[frozenset[str]]:
        """For each block the texts that are certainly in none of its records' texts but hashes.

        :param path: of the segment's file
        :raises OSError: when it cannot be read
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return [
                frozenset(
                    text
                    for text, grams in zip(self.texts, self._grams, strict=True)
                    if size and not all(_there(descriptor, at, size, gram) for gram in grams)
                )
                for at, size in _blocks(places)
            ]
        finally:
            os.close(descriptor)


_ENOUGH: Final = 8
"""Pieces of a text that are looked for; more tell hardly more."""


def _chosen(text: str) -> Sequence[str]:
    """The longest pieces, spread over the whole of it, since neighbours overlap."""
    grams = sorted(grams_of(text), key=lambda gram: (-len(gram), text.find(gram)))
    step = max(1, len(grams) // _ENOUGH)
    return grams[::step][:_ENOUGH]


def _halves(gram: str) -> tuple[int, int]:
    digest = md5(gram.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def _blocks(places: Places) -> Iterator[tuple[int, int]]:
    at = places.at
    for size in places.sizes:
        yield at, size
        at += size


def _there(descriptor: int, at: int, size: int, gram: tuple[int, int]) -> bool:
    """Whether a piece may be in the filter that begins there: reads a byte for each of its bits."""
    bits = size * 8
    place, step = gram[0] % bits, gram[1] % bits
    for _ in range(PROBES):
        byte: Any = os.pread(descriptor, 1, at + (place >> 3))
        if byte and not byte[0] & 0x80 >> (place & 7):
            return False
        place = (place + step) % bits
    return True
