"""The ledger's hash tiles in the database: one row for each, the last of each level growing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.merkle import (
    HASH_SIZE,
    TILE_WIDTH,
    CompactRange,
    Tile,
    TileReader,
    grown_tiles,
)
from strongroom.errors import Corrupt


def tiled_size(connection: Connection) -> int:
    """How many leaves the stored tiles cover."""
    last = select(ledger_tile.c.tile_index, func.length(ledger_tile.c.hashes).label("length"))
    last = last.where(ledger_tile.c.level == 0).order_by(ledger_tile.c.tile_index.desc())
    row = connection.execute(last.limit(1)).first()
    return 0 if row is None else row.tile_index * TILE_WIDTH + row.length // HASH_SIZE


def fetch_tile(connection: Connection, tile: Tile) -> bytes:
    """The contents of a tile, of which more may be stored by now.

    :raises Corrupt: when there are not as many hashes as it must have
    """
    wanted = select(ledger_tile.c.hashes).where(
        ledger_tile.c.level == tile.level, ledger_tile.c.tile_index == tile.index
    )
    hashes: object = connection.execute(wanted).scalar() or b""
    if not isinstance(hashes, bytes):
        raise Corrupt(f"{tile.path} is not what was stored")
    if len(hashes) < tile.length:
        raise Corrupt(f"{tile.path} has {len(hashes):,} bytes instead of {tile.length:,}")
    return hashes[: tile.length]


def tile_reader(connection: Connection, size: int) -> TileReader:
    """Reads the hash of any perfect subtree of the first ``size`` leaves, while the connection lives."""
    return TileReader(size, lambda tile: fetch_tile(connection, tile))


def grow_tiles(
    connection: Connection, size: int, leaves: Sequence[bytes]
) -> list[tuple[Tile, bytes]]:
    """The tiles, with contents, that are new once these leaves follow the first ``size``.

    :raises Corrupt: when the stored tiles are not those of ``size`` leaves
    """
    return list(grown_tiles(size, leaves, lambda tile: fetch_tile(connection, tile)))


def store_tiles(connection: Connection, tiles: Sequence[tuple[Tile, bytes]]) -> None:
    """Write the tiles; partial ones replace what they have grown from."""
    if not tiles:
        return
    for tile, _ in tiles:
        connection.execute(
            delete(ledger_tile).where(
                ledger_tile.c.level == tile.level, ledger_tile.c.tile_index == tile.index
            )
        )
    rows = [
        {"level": tile.level, "tile_index": tile.index, "hashes": hashes} for tile, hashes in tiles
    ]
    connection.execute(insert(ledger_tile), rows)


def stored_leaves(connection: Connection, start: int, end: int) -> Iterator[list[bytes]]:
    """The leaf hashes of [start, end) from the tiles, one tile at a time.

    :param start: a multiple of 256, as is ``end``
    :raises Corrupt: when a tile is not whole
    """
    for index in range(start // TILE_WIDTH, end // TILE_WIDTH):
        hashes = fetch_tile(connection, Tile(0, index, TILE_WIDTH))
        yield [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


def subtree_root(connection: Connection, start: int, end: int) -> bytes:
    """The root of the tree that has these leaves alone (RFC 6962: MTH(D[start:end])).

    :raises Corrupt: as :func:`stored_leaves`
    """
    edge = CompactRange()
    for leaves in stored_leaves(connection, start, end):
        edge = edge.extend(leaves)
    return edge.root()
