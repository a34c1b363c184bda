"""Tiles and entry bundles: their paths, which there are, and what is in them (C2SP tlog-tiles)."""

from __future__ import annotations

import pytest

from strongroom.audit.merkle import (
    MAX_ENTRY_BYTES,
    MAX_SIZE,
    Bundle,
    Malformed,
    Tile,
    TileReader,
    bundles_of,
    decode_bundle,
    encode_bundle,
    grown_tiles,
    new_bundles,
    new_tiles,
    split_tile,
    tile_contents,
    tiles_of,
)
from tests.trees import SparseTree, StoredTree

TREE = StoredTree([b"entry %d" % index for index in range(66_000)])

PLACES = {
    "000": (0, 256),
    "067": (67, 256),
    "999": (999, 256),
    "x001/000": (1000, 256),
    "x001/x234/067": (1_234_067, 256),  # the example of C2SP tlog-tiles
    "x001/x234/067.p/1": (1_234_067, 1),
    "000.p/255": (0, 255),
    "x009/x223/x372/x036/x854/x775/807.p/10": (MAX_SIZE, 10),
}


def tiles_at(size: int) -> dict[Tile, bytes]:
    """The tiles of the first ``size`` entries, straight from the definition."""
    found = {}
    for level in range(8):
        hashes = TREE.levels[8 * level][: size >> 8 * level] if 8 * level < len(TREE.levels) else []
        for start in range(0, len(hashes), 256):
            cut = hashes[start : start + 256]
            found[Tile(level, start // 256, len(cut))] = b"".join(cut)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("level", [0, 1, 9, 10, 63])
def test_path_of_a_tile(place: str, level: int) -> None:
    tile = Tile(level, *PLACES[place])
    assert tile.path == f"tile/{level}/{place}"
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize("place", PLACES)
def test_path_of_a_bundle(place: str) -> None:
    bundle = Bundle(*PLACES[place])
    assert bundle.path == f"tile/entries/{place}"
    assert Bundle.parse(bundle.path) == bundle


@pytest.mark.parametrize(
    "place",
    [
        "",
        "0",
        "00",
        "0000",
        "x000",
        "x001",
        "001/000",
        "x000/001",
        "x001/x000",
        "X001/000",
        "x001/x234/x067",
        "x001//067",
        "x01/067",
        "/000",
        "000/",
        "000\n",
        " 000",
        "-01",
        "+01",
        "1_0",
        "\u0660\u0660\u0660",
        "000.p",
        "000.p/",
        "000.p/0",
        "000.p/01",
        "000.p/256",
        "000.p/999",
        "000.p/1000",
        "000.p/-1",
        "000.p/1/",
        "000.p/1.p/1",
        "000p/1",
        "../../x001/000",
        "x009/x223/x372/x036/x854/x775/808",
        "x999/" * 100 + "000",
    ],
)
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(Malformed):
        Tile.parse(f"tile/0/{place}")
    with pytest.raises(Malformed):
        Bundle.parse(f"tile/entries/{place}")


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/000",
        "0/000",
        "Tile/0/000",
        "tile",
        "tile//000",
        "tile/-1/000",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/01/000",
        "tile/100/000",
        "tile/64/000",
        "tile/entries/000",
        "tile/\N{ARABIC-INDIC DIGIT ONE}/000",
    ],
)
def test_what_is_no_path_of_a_tile(path: str) -> None:
    with pytest.raises(Malformed):
        Tile.parse(path)


@pytest.mark.parametrize(
    "path", ["", "tile/entries", "tile/entries/", "tile/0/000", "entries/000", "000"]
)
def test_what_is_no_path_of_a_bundle(path: str) -> None:
    with pytest.raises(Malformed):
        Bundle.parse(path)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_a_tile_that_cannot_be(level: int, index: int, width: int) -> None:
    with pytest.raises(Malformed):
        Tile(level, index, width)


def test_the_published_example_of_70_000_entries() -> None:
    """C2SP tlog-tiles, "Partial Tiles"."""
    tiles = list(tiles_of(70_000))
    assert len(tiles) == len(set(tiles)) == 273 + 1 + 1 + 1 + 1
    assert [tile for tile in tiles if tile.width < 256] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert [list(bundles_of(size)) for size in (0, 1, 257)] == [
        [],
        [Bundle(0, 1)],
        [Bundle(0), Bundle(1, 1)],
    ]


def test_the_largest_tree_has_eight_levels() -> None:
    assert {tile.level for tile in new_tiles(MAX_SIZE - 1, MAX_SIZE)} == {0}
    assert {tile.level for tile in new_tiles(2**62 - 1, 2**62)} == set(range(8))


EDGES = [
    0,
    1,
    2,
    255,
    256,
    257,
    511,
    512,
    513,
    1000,
    65_279,
    65_535,
    65_536,
    65_537,
    65_792,
    65_793,
]


@pytest.mark.parametrize("old", EDGES)
def test_the_new_tiles_of_a_grown_log_are_those_it_had_not(old: int) -> None:
    before = tiles_at(old)
    assert list(tiles_of(old)) == sorted(before)
    for new in EDGES[EDGES.index(old) :]:
        after = tiles_at(new)
        expected = {tile: after[tile] for tile in sorted(after) if tile not in before}
        assert list(new_tiles(old, new)) == list(expected)
        grown = list(grown_tiles(old, TREE.levels[0][old:new], before.__getitem__))
        assert grown == list(expected.items())
        assert list(new_bundles(old, new)) == [
            Bundle(tile.index, tile.width) for tile in expected if tile.level == 0
        ]


@pytest.mark.parametrize(("old", "new"), [(-1, 5), (6, 5), (0, MAX_SIZE + 1)])
def test_a_log_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not grow"):
        list(new_tiles(old, new))
    with pytest.raises(ValueError, match="does not grow"):
        list(new_bundles(old, new))


def test_growing_to_the_largest_size() -> None:
    (tile, contents), *above = grown_tiles(
        MAX_SIZE - 1, [b"x" * 32], lambda tile: bytes(tile.length)
    )
    assert (tile, above) == (Tile(0, MAX_SIZE // 256, 255), [])
    assert contents == bytes(254 * 32) + b"x" * 32


def test_growing_from_a_size_that_cannot_be() -> None:
    for size in (-1, MAX_SIZE):
        with pytest.raises(ValueError, match="cannot get 1 more"):
            list(grown_tiles(size, [bytes(32)], lambda tile: bytes(tile.length)))
    with pytest.raises(ValueError, match="32 bytes"):
        list(grown_tiles(0, [bytes(31)], lambda tile: b""))
    with pytest.raises(Malformed, match=r"tile/0/000\.p/3 has 64 bytes instead of 96"):
        list(grown_tiles(3, [bytes(32)], lambda tile: bytes(64)))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000, 65_536, 66_000])
def test_tiles_and_stored_hashes_say_the_same(size: int) -> None:
    tiles = tiles_at(size)
    read = TileReader(size, tiles.__getitem__)
    for tile, contents in tiles.items():
        assert tile_contents(tile, TREE) == tile_contents(tile, read) == contents
    for height, level in enumerate(TREE.levels):
        count = size >> height
        for index in {0, 1, count // 2, count - 2, count - 1} & set(range(count)):
            assert read(height, index) == level[index]


def test_a_proof_fetches_no_tile_twice() -> None:
    fetched = []
    tiles = tiles_at(66_000)

    def fetch(tile: Tile) -> bytes:
        fetched.append(tile)
        return tiles[tile]

    read = TileReader(66_000, fetch)
    for height in range(8):
        read(height, 100 >> height)
    read(8, 0)
    assert fetched == [Tile(0, 0), Tile(1, 0)]
    read(0, 256)
    read(0, 100)
    assert fetched[2:] == [Tile(0, 1), Tile(0, 0)]


def test_a_full_tile_stands_in_for_a_partial_one() -> None:
    full = tiles_at(512)[Tile(0, 1)]
    assert split_tile(Tile(0, 1, 3), full) == TREE.levels[0][256:259]
    read = TileReader(259, lambda tile: full)
    assert read(1, 128) == TREE.levels[1][128]


@pytest.mark.parametrize("length", [0, 1, 95, 97, 64, 128, 8191, 8193])
def test_a_tile_of_another_length(length: int) -> None:
    with pytest.raises(Malformed, match=r"tile/0/001\.p/3"):
        split_tile(Tile(0, 1, 3), bytes(length))


@pytest.mark.parametrize(("height", "index"), [(0, 1000), (3, 125), (10, 0), (-1, 0), (0, -1)])
def test_a_subtree_that_the_log_has_not(height: int, index: int) -> None:
    read = TileReader(1000, tiles_at(1000).__getitem__)
    with pytest.raises(ValueError, match="have no subtree"):
        read(height, index)


def test_a_reader_of_hashes_that_are_none_fills_no_tile() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        tile_contents(Tile(0, 0, 2), lambda height, index: b"short")


def test_tiles_of_a_log_too_large_to_store() -> None:
    tree = SparseTree({2**61 + 12_345: b"marked"})
    size = 2**62
    read = TileReader(size, lambda tile: tile_contents(tile, tree))
    for height in range(63):
        index = (2**61 + 12_345) >> height
        if (index + 1) << height <= size:
            assert read(height, index) == tree(height, index)


@pytest.mark.parametrize(
    "entries",
    [[b""], [b"one"], [b"", b"\0", b"\0\1a"], [b"x" * MAX_ENTRY_BYTES] * 2, [b""] * 256],
)
def test_a_bundle_is_read_as_it_was_written(entries: list[bytes]) -> None:
    data = encode_bundle(iter(entries))
    assert decode_bundle(data) == decode_bundle(data, len(entries)) == entries


def test_the_bytes_of_a_bundle() -> None:
    assert encode_bundle([b"one", b"", b"y" * 258]) == b"\0\3one" + b"\0\0" + b"\1\2" + b"y" * 258


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not 0"),
        (b"\0", "within entry 0"),
        (b"\1", "within entry 0"),
        (b"\0\3on", "within entry 0"),
        (b"\0\3one\0", "within entry 1"),
        (b"\0\3one\0\0\0", "within entry 2"),
        (b"\0\0" * 257, "not 257"),
    ],
)
def test_what_is_no_bundle(data: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        decode_bundle(data)


def test_a_bundle_with_more_or_fewer_entries_than_it_should() -> None:
    data = encode_bundle([b"one", b"two"])
    for width in (1, 3):
        with pytest.raises(Malformed, match=f"2 entries, not {width}"):
            decode_bundle(data, width)


def test_entries_that_make_no_bundle() -> None:
    with pytest.raises(Malformed, match="65,536 bytes"):
        encode_bundle([b"x" * (MAX_ENTRY_BYTES + 1)])
    for count in (0, 257):
        with pytest.raises(Malformed, match=f"not {count}"):
            encode_bundle([b""] * count)
