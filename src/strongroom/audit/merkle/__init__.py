"""Merkle tree arithmetic and the published formats of a transparency log.

Pure: bytes and numbers in, bytes out; no files, clocks or randomness.

Sources: RFC 6962, section 2.1 (the same in RFC 9162, section 2.1), for hashes and proofs; C2SP
signed-note, tlog-checkpoint, tlog-tiles and tlog-proof (c2sp.org) for the files.
"""

from strongroom.audit.merkle.bundles import (
    MAX_ENTRY_BYTES,
    Bundle,
    bundles_of,
    decode_bundle,
    encode_bundle,
    new_bundles,
)
from strongroom.audit.merkle.checkpoints import Checkpoint, verify_checkpoint
from strongroom.audit.merkle.compact import CompactRange
from strongroom.audit.merkle.errors import Malformed, Unproven
from strongroom.audit.merkle.hashing import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    HashReader,
    leaf_hash,
    leaf_hashes,
    node_hash,
    perfect_root,
)
from strongroom.audit.merkle.keys import SigningKey, VerifierKey
from strongroom.audit.merkle.notes import Signature, SignedNote
from strongroom.audit.merkle.proofs import (
    consistency_proof,
    inclusion_proof,
    inclusion_root,
    verify_consistency,
    verify_inclusion,
)
from strongroom.audit.merkle.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, new_tiles, tiles_of
from strongroom.audit.merkle.tiling import (
    TileFetcher,
    TileReader,
    grown_tiles,
    split_tile,
    tile_contents,
)
from strongroom.audit.merkle.tlog_proof import TlogProof

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_ENTRY_BYTES",
    "MAX_SIZE",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Bundle",
    "Checkpoint",
    "CompactRange",
    "HashReader",
    "Malformed",
    "Signature",
    "SignedNote",
    "SigningKey",
    "Tile",
    "TileFetcher",
    "TileReader",
    "TlogProof",
    "Unproven",
    "VerifierKey",
    "bundles_of",
    "consistency_proof",
    "decode_bundle",
    "encode_bundle",
    "grown_tiles",
    "inclusion_proof",
    "inclusion_root",
    "leaf_hash",
    "leaf_hashes",
    "new_bundles",
    "new_tiles",
    "node_hash",
    "perfect_root",
    "split_tile",
    "tile_contents",
    "tiles_of",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]
