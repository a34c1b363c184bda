"""Proofs of logs of any size: made, they verify; with any bit changed, they do not.

Neither kind of proof binds the size of the tree for itself: in trees in which the same turns lead
to the leaf, the same hashes give the same root. That is why a checkpoint signs size and root
together, and why a changed size is tried here with another shape only.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strongroom.audit.merkle import (
    MAX_SIZE,
    Unproven,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from tests.trees import Definition, SparseTree, flipped, turns

sizes = st.one_of(
    st.integers(1, 600),
    st.integers(1, MAX_SIZE),
    st.integers(0, 62).flatmap(lambda bit: st.integers(max(1, 2**bit - 2), 2**bit + 2)),
)


@dataclass
class Included:
    """An inclusion proof and all that it is verified with."""

    index: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]
    root: bytes

    def verify(self) -> None:
        verify_inclusion(self.index, self.size, self.leaf, self.proof, self.root)


@dataclass
class Continued:
    """A consistency proof and all that it is verified with."""

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    proof: tuple[bytes, ...]

    def verify(self) -> None:
        verify_consistency(self.old, self.new, self.old_root, self.new_root, self.proof)


@st.composite
def trees(draw: st.DrawFn, size: int, index: int) -> SparseTree:
    """With an entry at ``index`` like no other: among equals, left and right would be the same."""
    marked = st.dictionaries(
        st.integers(0, size - 1), st.binary(min_size=1, max_size=9), max_size=5
    )
    return SparseTree({**draw(marked), index: b"the only one"})


@st.composite
def included(draw: st.DrawFn) -> Included:
    size = draw(sizes)
    index = draw(st.integers(0, size - 1))
    tree = draw(trees(size, index))
    proof = inclusion_proof(index, size, tree)
    assert list(proof) == Definition(tree).path(index, 0, size)
    return Included(index, size, tree(0, index), proof, Definition(tree).mth(0, size))


@st.composite
def continued(draw: st.DrawFn) -> Continued:
    new = draw(sizes)
    old = draw(st.integers(1, new) | sizes.filter(lambda size: size <= new))
    tree = draw(trees(new, old - 1))
    proof, defined = consistency_proof(old, new, tree), Definition(tree)
    assert list(proof) == defined.proof(old, new)
    return Continued(old, new, defined.mth(0, old), defined.mth(0, new), proof)


def flip_in(proof: tuple[bytes, ...], bit: int) -> tuple[bytes, ...]:
    place = bit // 256 % len(proof)
    return (*proof[:place], flipped(proof[place], bit % 256), *proof[place + 1 :])


@given(included())
def test_an_inclusion_proof_verifies(case: Included) -> None:
    case.verify()


@given(continued())
def test_a_consistency_proof_verifies(case: Continued) -> None:
    case.verify()


@given(included(), st.sampled_from(["leaf", "root", "proof"]), st.integers(0, 64 * 256))
def test_any_changed_bit_of_any_hash_of_an_inclusion(case: Included, part: str, bit: int) -> None:
    if part == "proof":
        assume(case.proof)
        case.proof = flip_in(case.proof, bit)
    else:
        setattr(case, part, flipped(getattr(case, part), bit % 256))
    with pytest.raises(Unproven):
        case.verify()


@given(continued(), st.sampled_from(["old_root", "new_root", "proof"]), st.integers(0, 64 * 256))
def test_any_changed_bit_of_any_hash_of_a_continuation(
    case: Continued, part: str, bit: int
) -> None:
    if part == "proof":
        assume(case.proof)
        case.proof = flip_in(case.proof, bit)
    else:
        setattr(case, part, flipped(getattr(case, part), bit % 256))
    with pytest.raises(Unproven):
        case.verify()


@given(included(), st.integers(0, 64))
def test_any_changed_bit_of_the_index(case: Included, bit: int) -> None:
    case.index ^= 1 << bit
    with pytest.raises(Unproven):
        case.verify()


@given(included(), st.integers(0, 64))
def test_any_changed_bit_of_the_size_that_changes_the_path(case: Included, bit: int) -> None:
    size = case.size ^ (1 << bit)
    assume(size <= case.index or turns(case.index, size) != turns(case.index, case.size))
    case.size = size
    with pytest.raises(Unproven):
        case.verify()


@given(continued(), st.integers(0, 64))
def test_any_changed_bit_of_the_old_size(case: Continued, bit: int) -> None:
    case.old ^= 1 << bit
    with pytest.raises(Unproven):
        case.verify()


@given(continued(), st.integers(0, 64))
def test_any_changed_bit_of_the_new_size_that_changes_the_path(case: Continued, bit: int) -> None:
    new = case.new ^ (1 << bit)
    assume(new <= case.old or turns(case.old - 1, new) != turns(case.old - 1, case.new))
    case.new = new
    with pytest.raises(Unproven):
        case.verify()


@given(included(), st.integers(0, 64), st.binary(min_size=32, max_size=32))
def test_one_hash_more_or_less(case: Included, place: int, extra: bytes) -> None:
    proof = case.proof
    case.proof = (*proof[:place], extra, *proof[place:])
    with pytest.raises(Unproven, match="takes a proof of"):
        case.verify()
    assume(proof)
    place %= len(proof)
    case.proof = (*proof[:place], *proof[place + 1 :])
    with pytest.raises(Unproven, match="takes a proof of"):
        case.verify()


@given(st.integers(), st.integers(), st.lists(st.binary(max_size=40)), st.binary(max_size=40))
def test_nonsense_is_unproven_and_nothing_worse(
    first: int, second: int, proof: list[bytes], root: bytes
) -> None:
    for size in (second, second % 9, first + 1):
        with pytest.raises(Unproven):
            verify_inclusion(first, size, root, proof, bytes(32))
        with pytest.raises(Unproven):
            verify_consistency(first, size, root, bytes(32), [*proof, root])
