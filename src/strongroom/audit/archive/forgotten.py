"""Which records have lost which part: the kept lists, and the rows that say how far it is.

A list is kept in blocks of 65,536 sequence numbers, each as a bitmap (the lowest bit of the first
byte is the block's first number), compressed with zlib. Its digest is SHA-256 over the numbers in
ascending order, each in decimal and followed by a line feed: ``seq 5 9 | sha256sum`` gives one.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from strongroom.audit.archive.tables import forgetting, forgotten

BLOCK: Final = 65_536
_BYTES: Final = BLOCK // 8
_BITS: Final = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]

PENDING, CLEAN, DONE = "pending", "clean", "done"


class SeqList:
    """Sequence numbers, each once. Not thread-safe.

    8 kB of memory for each 65,536 consecutive numbers of which one is listed.
    """

    def __init__(self, seqs: Iterable[int] = ()) -> None:
        self._blocks: dict[int, bytearray] = {}
        for seq in seqs:
            self.add(seq)

    def add(self, seq: int) -> None:
        """List a number, 0 or more."""
        block, place = divmod(seq, BLOCK)
        bits = self._blocks.setdefault(block, bytearray(_BYTES))
        bits[place >> 3] |= 1 << (place & 7)

    def load(self, block: int, packed: bytes) -> None:
        """Add a block as :meth:`rows` gives it.

        :raises ValueError: when it is none
        """
        self._blocks[block] = bytearray(unpacked(packed))

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """The blocks in which a number is listed, and the list in each, packed."""
        for block in sorted(self._blocks):
            yield block, zlib.compress(bytes(self._blocks[block]), 9)

    def __contains__(self, seq: int) -> bool:
        block, place = divmod(seq, BLOCK)
        bits = self._blocks.get(block)
        return bits is not None and bool(bits[place >> 3] >> (place & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        for block in sorted(self._blocks):
            yield from listed(block, self._blocks[block])

    def __len__(self) -> int:
        return sum(int.from_bytes(bits).bit_count() for bits in self._blocks.values())

    def merge(self, other: SeqList) -> None:
        """List also what another lists."""
        for block, bits in other._blocks.items():
            both = int.from_bytes(self._blocks.get(block, b"")) | int.from_bytes(bits)
            self._blocks[block] = bytearray(both.to_bytes(_BYTES))

    def touches(self, first: int, last: int) -> bool:
        """Whether a number from the first to the last, inside, is listed."""
        for block in range(first // BLOCK, last // BLOCK + 1):
            bits = self._blocks.get(block)
            if bits is not None and any(first <= seq <= last for seq in listed(block, bits)):
                return True
        return False

    def statement(self) -> dict[str, object]:
        """What is recorded of the list."""
        return statement(self)


def unpacked(packed: bytes) -> bytes:
    """The bitmap of a block.

    :raises ValueError: when it is none
    """
    try:
        bits = zlib.decompressobj().decompress(packed, _BYTES + 1)
    except (zlib.error, TypeError) as error:
        raise ValueError("no list of numbers") from error
    if len(bits) != _BYTES:
        raise ValueError("no list of numbers")
    return bits


def listed(block: int, bits: bytes | bytearray) -> Iterator[int]:
    """The numbers of a block, in ascending order."""
    first = block * BLOCK
    for place, byte in enumerate(bits):
        if byte:
            for bit in _BITS[byte]:
                yield first + place * 8 + bit


def statement(seqs: Iterable[int]) -> dict[str, object]:
    """How many numbers a list has, its last one, and its digest.

    :param seqs: in ascending order
    """
    digest, count, last = hashlib.sha256(), 0, -1
    for last in seqs:
        digest.update(b"%d\n" % last)
        count += 1
    return {"count": count, "last_seq": last, "sha256": digest.hexdigest()}


@dataclass(frozen=True, slots=True)
class Forgetting:
    """One act of forgetting, and how far it is.

    :param kind: ``user`` or ``ip``
    :param state: ``pending``, ``clean`` or ``done``
    :param asked_at: microseconds since 1970-01-01 UTC
    :param changes: how often records have lost something by it
    :param traces: what is looked for, encrypted; None once that was not found any more
    :param waits: what it waits for, in words; None for nothing
    """

    id: str
    kind: str
    state: str
    asked_at: int
    changes: int
    traces: bytes | None
    traces_key: bytes | None
    waits: str | None


Place = tuple[str, str]
"""A stream, and a part."""


def forgettings(connection: Connection, *, pending_only: bool = False) -> list[Forgetting]:
    """All of them, oldest first; or those that have not come to their end."""
    wanted = select(forgetting).order_by(forgetting.c.asked_at, forgetting.c.id)
    if pending_only:
        wanted = wanted.where(forgetting.c.state != DONE)
    return [Forgetting(**row) for row in connection.execute(wanted).mappings()]


def enter_forgetting(
    connection: Connection, about: Forgetting, lists: Mapping[Place, SeqList]
) -> None:
    """Keep what is to be forgotten, with its lists."""
    values = {name: getattr(about, name) for name in about.__dataclass_fields__}
    connection.execute(insert(forgetting), values)
    for (stream, part), seqs in lists.items():
        place = {"forgetting_id": about.id, "stream": stream, "part": part}
        rows = [place | {"block": block, "seqs": packed} for block, packed in seqs.rows()]
        if rows:
            connection.execute(insert(forgotten), rows)


def read_lists(connection: Connection, forgetting_id: str) -> dict[Place, SeqList]:
    """The lists of one forgetting, by stream and part."""
    found: dict[Place, SeqList] = {}
    wanted = select(forgotten).where(forgotten.c.forgetting_id == forgetting_id)
    for row in connection.execute(wanted):
        found.setdefault((row.stream, row.part), SeqList()).load(row.block, row.seqs)
    return found


def note(connection: Connection, forgetting_id: str, **values: object) -> None:
    """Change what the row of a forgetting says."""
    where = forgetting.c.id == forgetting_id
    connection.execute(update(forgetting).where(where).values(**values))


def count_change(connection: Connection, forgetting_id: str) -> None:
    """Records have lost something: whoever keeps copies of them must let go of these."""
    where = forgetting.c.id == forgetting_id
    connection.execute(update(forgetting).where(where).values(changes=forgetting.c.changes + 1))


def changes(connection: Connection) -> int:
    """How often records of this database have lost something."""
    total = select(func.coalesce(func.sum(forgetting.c.changes), 0))
    return int(connection.execute(total).scalar_one())


def remove_lists(connection: Connection, forgetting_id: str, *, but: str) -> None:
    """Remove the lists of one forgetting, but those of this stream: they license nothing."""
    where = (forgotten.c.forgetting_id == forgetting_id) & (forgotten.c.stream != but)
    connection.execute(delete(forgotten).where(where))
