"""The stored hash tiles against the recomputed tree: each of them, and none besides."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select

from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.ledger.verify.report import Tally
from strongroom.audit.ledger.verify.rows import fetch
from strongroom.audit.merkle import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH, Tile

_one = select(ledger_tile.c.hashes).where(
    ledger_tile.c.level == bindparam("wanted_level"),
    ledger_tile.c.tile_index == bindparam("wanted_index"),
)
_count = select(func.count()).select_from(ledger_tile)
_last = (
    select(ledger_tile.c.tile_index, ledger_tile.c.hashes)
    .where(ledger_tile.c.level == 0)
    .order_by(ledger_tile.c.tile_index.desc())
    .limit(1)
)


class StoredTiles:
    """Compares the tiles as they are recomputed.

    They cover at least what is signed and at most what is recorded; how much, the last tile says.
    """

    def __init__(self, connection: Connection) -> None:
        covers = (
            "level 0 holds the hash of every entry, each level above the roots of the one below"
        )
        self.tally = Tally("tiles", covers)
        self._connection = connection
        self._above: tuple[str, int] | None = None
        ((self._stored,),) = fetch(connection, _count)
        self.size = self._tiled()

    def _tiled(self) -> int:
        """How many leaves the stored tiles say that they cover."""
        rows = fetch(self._connection, _last)
        if not rows:
            return 0
        index, hashes = rows[0]
        if type(index) is int and type(hashes) is bytes and 0 <= index < 2**55:
            width, rest = divmod(len(hashes), HASH_SIZE)
            if 0 < width <= TILE_WIDTH and not rest:
                return index * TILE_WIDTH + width
        self.tally.fail("the last tile of level 0 holds no row of hashes")
        return 0

    def compare(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        """Compare a stored tile with the recomputed hashes, as many as it must have."""
        there = (self.size >> (level * TILE_HEIGHT)) - index * TILE_WIDTH
        if there <= 0:
            return  # not tiled yet
        tile = Tile(level, index, min(TILE_WIDTH, there))
        first = (index * TILE_WIDTH) << (level * TILE_HEIGHT)
        self.tally.count += 1
        if tile.width > len(hashes):
            end = first + (len(hashes) << (level * TILE_HEIGHT))
            self._fail(level, f"{tile.path} covers records that are not there", end)
        wanted = b"".join(hashes[: tile.width])
        rows = fetch(self._connection, _one, wanted_level=level, wanted_index=index)
        stored = rows[0][0] if rows else None
        if stored == wanted or tile.width > len(hashes):
            return
        if stored is None:
            self._fail(level, f"{tile.path} is missing", first)
        elif type(stored) is not bytes or len(stored) != len(wanted):
            self._fail(level, f"{tile.path} does not hold {tile.width} hashes", first)
        else:
            differs = next(at for at in range(len(wanted)) if stored[at] != wanted[at])
            seq = first + ((differs // HASH_SIZE) << (level * TILE_HEIGHT))
            self._fail(level, f"{tile.path} does not hold the hashes of the entries", seq)

    def _fail(self, level: int, reason: str, seq: int) -> None:
        """Only level 0 names a record; a level above counts where all is well below it."""
        if level == 0:
            self.tally.fail(reason, seq)
        elif self._above is None:
            self._above = reason, seq

    def end(self, size: int, signed_size: int) -> None:
        """Compare their number and reach with the tree's.

        :param size: records from which the tree was recomputed
        :param signed_size: of the newest checkpoint
        """
        if self._above is not None and not self.tally.failed:
            self.tally.fail(*self._above)
        if self.size > size:
            self.tally.fail(f"the tiles cover {self.size:,} records, but {size:,} are there", size)
        if self.size < signed_size:
            self.tally.fail(
                f"the tiles cover {self.size:,} records, but {signed_size:,} were signed", self.size
            )
        expected, rest = 0, self.size
        while rest:
            expected += -(-rest // TILE_WIDTH)
            rest >>= TILE_HEIGHT
        if self._stored != expected:
            self.tally.fail(f"{self._stored:,} tiles are stored, {expected:,} belong to the tree")
