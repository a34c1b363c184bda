"""The tree that verification computes, against the one that the ledger grows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.ledger.verify.tree import Claim, Tree
from strongroom.audit.merkle import CompactRange, grown_tiles, leaf_hash

LEAVES = [leaf_hash(str(number).encode()) for number in range(70_000)]


def roots(size: int, claimed: list[int], cuts: list[int]) -> dict[int, bytes | None]:
    """What a tree of so many leaves, given in pieces, settles the claims with."""
    settled: dict[int, bytes | None] = {}
    claims = [
        Claim(at, lambda root, at=at: settled.update({at: root}))  # type: ignore[misc]
        for at in sorted(claimed)
    ]
    tree = Tree(iter(claims), lambda level, index, hashes: None)
    tree.begin()
    edges = [0, *sorted(cuts), size]
    for start, end in pairwise(edges):
        tree.extend(LEAVES[start:end])
    assert tree.finish() == CompactRange().extend(LEAVES[:size])
    return settled


@given(st.data())
def test_roots_at_any_size(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 1_100))
    claimed = data.draw(st.lists(st.integers(0, 1_200), max_size=8))
    cuts = data.draw(st.lists(st.integers(0, size), max_size=4))
    for at, root in roots(size, claimed, cuts).items():
        expected = CompactRange().extend(LEAVES[:at]).root() if at <= size else None
        assert root == expected


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_536, 65_537, 70_000])
def test_tiles_of_all_levels(size: int) -> None:
    tiles: dict[tuple[int, int], bytes] = {}
    tree = Tree(
        iter(()), lambda level, index, hashes: tiles.update({(level, index): b"".join(hashes)})
    )
    tree.begin()
    tree.extend(LEAVES[:size])
    tree.finish()
    expected = grown_tiles(0, LEAVES[:size], lambda tile: b"")
    assert tiles == {(tile.level, tile.index): content for tile, content in expected}
