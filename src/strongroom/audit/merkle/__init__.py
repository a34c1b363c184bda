"""Merkle tree arithmetic in the published formats. Pure: bytes in, bytes out.

Source: RFC 6962, section 2.1 (the same in RFC 9162, section 2.1).
"""

from strongroom.audit.merkle.compact import CompactRange
from strongroom.audit.merkle.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash

__all__ = ["EMPTY_ROOT", "HASH_SIZE", "CompactRange", "leaf_hash", "node_hash"]
