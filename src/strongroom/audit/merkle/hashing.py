"""The two hashes of an RFC 6962 tree; the prefix keeps a leaf from passing for a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

HASH_SIZE: Final = 32
"""Bytes of a SHA-256 hash."""

MAX_SIZE: Final = 2**63 - 1
"""Leaves of the largest tree: sizes fit the signed 64-bit integers of databases and other programs."""

EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962, section 2.1)."""

HashReader: TypeAlias = Callable[[int, int], bytes]
"""Reads ``(height, index)``: the root of the ``index``-th perfect subtree of ``2**height`` leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The leaf hash of each entry, without a function call for each."""
    digest = sha256
    return [digest(b"\x00" + entry).digest() for entry in entries]


def parents(nodes: Sequence[bytes]) -> list[bytes]:
    """The nodes one level up: each the hash of two neighbours. A last odd one has no parent."""
    digest = sha256
    return [
        digest(b"\x01" + left + right).digest()
        for left, right in zip(nodes[::2], nodes[1::2], strict=False)
    ]


def perfect_root(nodes: Sequence[bytes]) -> bytes:
    """The root above ``2**k`` neighbouring nodes.

    :raises ValueError: when their number is not a power of two
    """
    if len(nodes).bit_count() != 1:
        raise ValueError(f"{len(nodes)} nodes do not make a perfect tree")
    while len(nodes) > 1:
        nodes = parents(nodes)
    return nodes[0]


def check_hashes(nodes: Iterable[bytes]) -> None:
    """Refuse what is not a hash.

    :raises ValueError: when one is not 32 bytes long
    """
    if not {HASH_SIZE}.issuperset(map(len, nodes)):
        raise ValueError("a hash is not 32 bytes long")
