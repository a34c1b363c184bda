"""Merkle tree arithmetic against the published values.

Leaves and roots are the test data of RFC 6962 implementations: github.com/google/
certificate-transparency, ``merkletree/merkle_tree_test.cc``, also found in
github.com/transparency-dev/merkle, ``testonly/constants.go``.
"""

from __future__ import annotations

import hashlib

import pytest

from strongroom.audit.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    CompactRange,
    leaf_hash,
    leaf_hashes,
    node_hash,
    perfect_root,
)
from tests.trees import StoredTree

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Root of the tree of the first N leaves, N from 0 to 8."""

SIZES = range(len(ROOTS))


def tree(size: int) -> CompactRange:
    return CompactRange().extend(leaf_hash(leaf) for leaf in LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_roots_of_the_standard_leaves(size: int) -> None:
    assert tree(size).root().hex() == ROOTS[size]


def test_the_empty_leaf_and_the_empty_tree_differ() -> None:
    assert leaf_hash(b"").hex() == ROOTS[1]
    assert ROOTS[0] == EMPTY_ROOT.hex()


def test_a_leaf_and_a_node_of_the_same_bytes_differ() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    assert node_hash(left, right) != leaf_hash(left + right)


@pytest.mark.parametrize("size", SIZES)
def test_growing_leaf_by_leaf_gives_the_same(size: int) -> None:
    grown = CompactRange()
    for leaf in LEAVES[:size]:
        grown = grown.extend([leaf_hash(leaf)])
    assert grown == tree(size)


def test_growing_leaves_the_smaller_tree_as_it_was() -> None:
    small = tree(3)
    small.extend([leaf_hash(b"more")])
    assert (small.size, small.root().hex()) == (3, ROOTS[3])


@pytest.mark.parametrize("size", SIZES)
def test_stored_and_read_again(size: int) -> None:
    stored = tree(size).to_bytes()
    assert len(stored) == HASH_SIZE * size.bit_count()
    assert CompactRange.from_bytes(size, stored) == tree(size)


@pytest.mark.parametrize(
    ("size", "length"),
    [(0, 32), (1, 0), (1, 31), (1, 33), (1, 64), (3, 32), (3, 63), (4, 64), (7, 64), (-1, 32)],
)
def test_bytes_that_make_no_tree_of_that_size(size: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"hash"):
        CompactRange.from_bytes(size, bytes(length))


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_a_hash_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CompactRange(1, (bytes(length),))


def test_order_and_every_bit_count() -> None:
    root = tree(8).root()
    swapped = [*LEAVES[:6], LEAVES[7], LEAVES[6]]
    changed = [*LEAVES[:7], LEAVES[7][:-1] + b"\x6e"]
    for leaves in (swapped, changed, LEAVES[:7], [*LEAVES, b""]):
        assert CompactRange().extend(map(leaf_hash, leaves)).root() != root


@pytest.mark.parametrize("height", range(4))
def test_whole_subtrees_extend_a_tree_as_their_leaves_do(height: int) -> None:
    step = 1 << height
    hashes = leaf_hashes(LEAVES)
    subtrees = [perfect_root(hashes[at : at + step]) for at in range(0, len(hashes), step)]
    assert CompactRange().extend(subtrees, height) == tree(8)
    assert tree(step).extend(subtrees[1:], height) == tree(8)


@pytest.mark.parametrize(("size", "height"), [(1, 1), (2, 2), (6, 2), (7, 1)])
def test_a_subtree_cannot_follow_in_the_middle_of_one_of_its_size(size: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"cannot follow {size} leaves"):
        tree(size).extend([bytes(32)], height)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_what_is_no_hash_does_not_extend_a_tree(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        tree(3).extend([bytes(32), bytes(length)])


def test_thousands_of_leaves_from_an_iterator() -> None:
    entries = [b"%d" % number for number in range(20_000)]
    leaves = leaf_hashes(iter(entries))
    grown = CompactRange().extend(iter(leaves[:11])).extend(iter(leaves[11:]))
    assert grown == CompactRange.read(20_000, StoredTree(entries))


@pytest.mark.parametrize("nodes", [0, 3, 6, 255])
def test_only_a_power_of_two_makes_a_perfect_tree(nodes: int) -> None:
    with pytest.raises(ValueError, match="do not make a perfect tree"):
        perfect_root([bytes(32)] * nodes)
