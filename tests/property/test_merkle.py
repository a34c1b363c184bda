"""The compact range gives what the recursive definition gives, for any tree."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.merkle import CompactRange, leaf_hash

entries = st.lists(st.binary(max_size=40), max_size=300)


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH, word for word from RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def edge(leaves: list[bytes]) -> CompactRange:
    return CompactRange().extend(map(leaf_hash, leaves))


@given(entries)
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert edge(leaves).root() == tree_hash(leaves)


@given(entries, st.data())
def test_in_how_many_steps_it_grew_does_not_matter(
    leaves: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    stored = edge(leaves[:cut]).to_bytes()
    continued = CompactRange.from_bytes(cut, stored).extend(map(leaf_hash, leaves[cut:]))
    assert continued == edge(leaves)


@given(entries)
def test_the_hashes_are_the_perfect_subtrees_largest_first(leaves: list[bytes]) -> None:
    expected = []
    start = 0
    for bit in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> bit & 1:
            expected.append(tree_hash(leaves[start : start + (1 << bit)]))
            start += 1 << bit
    assert edge(leaves).hashes == tuple(expected)


@given(entries.filter(bool), st.data())
def test_any_change_of_any_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves]
    changed[place] = data.draw(st.binary(max_size=40).filter(lambda other: other != leaves[place]))
    assert edge(changed).root() != edge(leaves).root()
