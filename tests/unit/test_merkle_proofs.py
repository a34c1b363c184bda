"""Inclusion and consistency proofs: as defined, as published, and refused when anything is off.

The published ones are the happy paths of github.com/transparency-dev/merkle, ``testdata``, over
the eight standard leaves of RFC 6962 implementations (roots: see ``test_merkle.py``).
"""

from __future__ import annotations

from base64 import b64decode

import pytest

from strongroom.audit.merkle import (
    MAX_SIZE,
    CompactRange,
    Unproven,
    consistency_proof,
    inclusion_proof,
    inclusion_root,
    verify_consistency,
    verify_inclusion,
)
from tests.trees import Definition, SparseTree, StoredTree
from tests.unit.test_merkle import LEAVES, ROOTS

INCLUSION = {
    (0, 8): [
        "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=",
        "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
        "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
    ],
    (5, 8): [
        "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
        "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
        "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    ],
    (2, 3): ["+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU="],
    (1, 5): [
        "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
        "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    ],
}
"""By index and size."""

CONSISTENCY = {
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
        "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
        "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    ],
    (2, 5): [
        "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
        "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    ],
    (6, 7): [
        "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
        "sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8=",
        "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
    ],
}
"""By old and new size."""

STANDARD = StoredTree(LEAVES)
TREE = StoredTree([b"entry %d" % index for index in range(300)])
DEFINED = Definition(TREE)
HASH = bytes(32)


def root(size: int) -> bytes:
    return bytes.fromhex(ROOTS[size])


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proof(index: int, size: int) -> None:
    proof = tuple(map(b64decode, INCLUSION[index, size]))
    assert inclusion_proof(index, size, STANDARD) == proof
    verify_inclusion(index, size, STANDARD(0, index), proof, root(size))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proof(old: int, new: int) -> None:
    proof = tuple(map(b64decode, CONSISTENCY[old, new]))
    assert consistency_proof(old, new, STANDARD) == proof
    verify_consistency(old, new, root(old), root(new), proof)


def test_every_inclusion_proof_up_to_300_leaves() -> None:
    for size in range(1, 301):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            verify_inclusion(index, size, TREE(0, index), proof, DEFINED.mth(0, size))


def test_every_consistency_proof_up_to_300_leaves() -> None:
    for new in range(1, 301):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, TREE)
            verify_consistency(old, new, DEFINED.mth(0, old), DEFINED.mth(0, new), proof)


def test_they_are_those_of_the_definition() -> None:
    for size in range(1, 70):
        for index in range(size):
            assert list(inclusion_proof(index, size, TREE)) == DEFINED.path(index, 0, size)
            assert list(consistency_proof(index + 1, size, TREE)) == DEFINED.proof(index + 1, size)


@pytest.mark.parametrize("size", [2**40 - 1, 2**40, 2**40 + 1, 2**62 + 12_345, MAX_SIZE])
def test_proofs_of_a_huge_log_read_few_hashes(size: int) -> None:
    tree = SparseTree({0: b"first", size // 3: b"a third", size - 1: b"last"})
    defined = Definition(tree)
    for index in (0, size // 3, size - 1):
        expected = defined.mth(0, size)
        tree.reads = 0
        proof = inclusion_proof(index, size, tree)
        assert tree.reads <= 2 * 63
        verify_inclusion(index, size, tree(0, index), proof, expected)
    for old in (1, size // 3, size - 1):
        tree.reads = 0
        proof = consistency_proof(old, size, tree)
        assert tree.reads <= 2 * 63
        verify_consistency(old, size, defined.mth(0, old), defined.mth(0, size), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, -1), (0, MAX_SIZE + 1)])
def test_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"has no leaf {index}"):
        inclusion_proof(index, size, TREE)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5), (0, 0), (1, MAX_SIZE + 1)])
def test_no_proof_between_sizes_that_do_not_follow(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        consistency_proof(old, new, TREE)


def test_a_reader_that_returns_no_hash() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        inclusion_proof(0, 8, lambda height, index: b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        consistency_proof(3, 8, lambda height, index: b"short")


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "message"),
    [
        (5, 5, HASH, [], "has no leaf 5"),
        (-1, 5, HASH, [HASH], "has no leaf -1"),
        (0, 0, HASH, [], "has no leaf 0"),
        (0, -1, HASH, [], "no size"),
        (0, MAX_SIZE + 1, HASH, [HASH] * 63, "no size"),
        (0, 1, b"", [], "the leaf hash has 0 bytes"),
        (0, 2, HASH, [HASH[:31]], "hash 0 of the proof has 31 bytes"),
        (0, 4, HASH, [HASH, HASH + b"x"], "hash 1 of the proof has 33 bytes"),
        (1, 5, HASH, [HASH] * 2, "a proof of 3 hashes, not 2"),
        (1, 5, HASH, [HASH] * 4, "a proof of 3 hashes, not 4"),
        (4, 5, HASH, [HASH] * 3, "a proof of 1 hashes, not 3"),
    ],
)
def test_what_is_wrong_with_an_inclusion_proof(
    index: int, size: int, leaf: bytes, proof: list[bytes], message: str
) -> None:
    with pytest.raises(Unproven, match=message):
        inclusion_root(index, size, leaf, proof)


def test_an_inclusion_proof_against_another_root() -> None:
    proof = inclusion_proof(5, 8, STANDARD)
    with pytest.raises(Unproven, match="another root than that of 8 leaves"):
        verify_inclusion(5, 8, STANDARD(0, 5), proof, root(7))
    with pytest.raises(Unproven, match="the root hash has 31 bytes"):
        verify_inclusion(5, 8, STANDARD(0, 5), proof, root(8)[:31])


@pytest.mark.parametrize(
    ("old", "new", "proof", "message"),
    [
        (0, 8, [], "empty tree says nothing"),
        (0, 0, [], "empty tree says nothing"),
        (8, 6, [], "6 leaves cannot continue one of 8"),
        (-1, 6, [], "no size"),
        (1, MAX_SIZE + 1, [], "no size"),
        (6, 8, [HASH] * 2, "a proof of 3 hashes, not 2"),
        (6, 8, [HASH] * 4, "a proof of 3 hashes, not 4"),
        (4, 8, [], "a proof of 1 hashes, not 0"),
        (6, 6, [HASH], "a proof of 0 hashes, not 1"),
        (6, 8, [HASH, b"", HASH], "hash 1 of the proof has 0 bytes"),
    ],
)
def test_what_is_wrong_with_a_consistency_proof(
    old: int, new: int, proof: list[bytes], message: str
) -> None:
    with pytest.raises(Unproven, match=message):
        verify_consistency(old, new, HASH, HASH, proof)


def test_a_consistency_proof_between_other_roots() -> None:
    proof = consistency_proof(6, 8, STANDARD)
    with pytest.raises(Unproven, match="the old 6 leaves"):
        verify_consistency(6, 8, root(5), root(8), proof)
    with pytest.raises(Unproven, match="the new 8 leaves"):
        verify_consistency(6, 8, root(6), root(7), proof)
    with pytest.raises(Unproven, match="two different roots of 8 leaves"):
        verify_consistency(8, 8, root(8), root(7), [])
    with pytest.raises(Unproven, match="the old root hash has 0 bytes"):
        verify_consistency(6, 8, b"", root(8), proof)
    with pytest.raises(Unproven, match="the new root hash has 33 bytes"):
        verify_consistency(6, 8, root(6), root(8) + b"x", proof)


def test_the_edge_at_any_earlier_size_is_read_from_stored_hashes() -> None:
    leaves = TREE.levels[0]
    for size in range(301):
        assert CompactRange.read(size, TREE) == CompactRange().extend(leaves[:size])
