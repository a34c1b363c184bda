"""Proofs that a leaf is in a tree, and that one tree continues another.

Made as RFC 6962, sections 2.1.1 and 2.1.2, define them; verified as RFC 9162, sections 2.1.3.2
and 2.1.4.2, describe. Making one reads O(log n) stored hashes, whatever the size of the log.
Hashes go from the leaf's neighbour up to the root's child.
"""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.audit.merkle.compact import join, perfect_parts
from strongroom.audit.merkle.errors import Unproven
from strongroom.audit.merkle.hashing import (
    HASH_SIZE,
    MAX_SIZE,
    HashReader,
    check_hashes,
    node_hash,
)


def inclusion_proof(index: int, size: int, read: HashReader) -> tuple[bytes, ...]:
    """PATH(index, D[size]): what leads from leaf ``index`` to the root of the first ``size`` leaves.

    :raises ValueError: when there is no such leaf, or the reader returns no hash
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, proof = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _left_leaves(end - start)
        if index < middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(start, middle, read))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, new: int, read: HashReader) -> tuple[bytes, ...]:
    """PROOF(old, D[new]): what leads from the root of ``old`` leaves to that of ``new`` leaves.

    :raises ValueError: when the sizes are not ``1 <= old <= new`` (an empty tree proves
        nothing: any tree continues it), or the reader returns no hash
    """
    if not 1 <= old <= new <= MAX_SIZE:
        raise ValueError(f"there is no proof that {new} leaves continue {old}")
    start, end, proof = 0, new, list[bytes]()
    while end != old:
        middle = start + _left_leaves(end - start)
        if old <= middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(start, middle, read))
            start = middle
    if start > 0:  # else this subtree is the old tree, whose root the verifier has
        proof.append(_range_root(start, end, read))
    return tuple(reversed(proof))


def inclusion_root(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to from this leaf hash.

    :raises Unproven: when index, size, a hash or the number of hashes is impossible
    """
    _check_size(size)
    if not 0 <= index < size:
        raise Unproven(f"a tree of {size} leaves has no leaf {index}")
    _check_hash("the leaf hash", leaf)
    _check_proof(proof)
    # Up to where the paths of this leaf and of the last part, one hash a level; above, only to
    # the left, one for each 1 bit.
    shared = (index ^ (size - 1)).bit_length()
    needed = shared + (index >> shared).bit_count()
    if len(proof) != needed:
        raise Unproven(
            f"leaf {index} in {size} leaves takes a proof of {needed} hashes, not {len(proof)}"
        )
    node, last, root = index, size - 1, leaf
    for item in proof:
        if node & 1 or node == last:
            root = node_hash(item, root)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            root = node_hash(root, item)
        node >>= 1
        last >>= 1
    return root


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that leaf ``index`` of the tree of ``size`` leaves with this root has this leaf hash.

    :raises Unproven: saying what does not fit
    """
    _check_hash("the root hash", root)
    if inclusion_root(index, size, leaf, proof) != root:
        raise Unproven(
            f"the proof of leaf {index} leads to another root than that of {size} leaves"
        )


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``new`` leaves begins with the ``old`` leaves of the other.

    :raises Unproven: saying what does not fit; also for an empty old tree, whose "proof" would
        say nothing, as in transparency-dev/merkle
    """
    _check_size(old)
    _check_size(new)
    _check_hash("the old root hash", old_root)
    _check_hash("the new root hash", new_root)
    _check_proof(proof)
    if old == 0:
        raise Unproven("a proof from an empty tree says nothing: every tree continues it")
    if old > new:
        raise Unproven(f"a tree of {new} leaves cannot continue one of {old}")
    needed = _consistency_length(old, new)
    if len(proof) != needed:
        raise Unproven(
            f"from {old} to {new} leaves takes a proof of {needed} hashes, not {len(proof)}"
        )
    if old == new:
        if old_root != new_root:
            raise Unproven(f"two different roots of {new} leaves")
        return
    found_old, found_new = _consistency_roots(old, new, old_root, proof)
    if found_old != old_root:
        raise Unproven(f"the proof leads to another root than that of the old {old} leaves")
    if found_new != new_root:
        raise Unproven(f"the proof leads to another root than that of the new {new} leaves")


def _consistency_roots(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    # RFC 9162, section 2.1.4.2: the old tree's last perfect subtree is where the proof starts.
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    found_old = found_new = path[0]
    for item in path[1:]:
        if node & 1 or node == last:
            found_old, found_new = node_hash(item, found_old), node_hash(item, found_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, item)
        node >>= 1
        last >>= 1
    return found_old, found_new


def _consistency_length(old: int, new: int) -> int:
    if old == new:
        return 0
    # The path of the old tree's last perfect subtree, and that subtree itself unless it is all.
    height = (old & -old).bit_length() - 1
    node, last = (old - 1) >> height, (new - 1) >> height
    shared = (node ^ last).bit_length()
    return shared + (node >> shared).bit_count() + (old.bit_count() > 1)


def _left_leaves(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(start: int, end: int, read: HashReader) -> bytes:
    parts = [read(height, index) for height, index in perfect_parts(start, end)]
    check_hashes(parts)
    return join(parts)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise Unproven(f"{size} is no size of a tree")


def _check_hash(what: str, value: bytes) -> None:
    if len(value) != HASH_SIZE:
        raise Unproven(f"{what} has {len(value)} bytes instead of {HASH_SIZE}")


def _check_proof(proof: Sequence[bytes]) -> None:
    for place, item in enumerate(proof):
        _check_hash(f"hash {place} of the proof", item)
