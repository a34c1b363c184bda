"""The roots of a published log, recomputed from its entry bundles.

The log is the test data of github.com/transparency-dev/tessera (``testdata/log``). It is kept
beside the checkout; a plain clone does without, and then there is nothing here to run.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.audit.merkle import HASH_SIZE, CompactRange, leaf_hash

LOG = Path(__file__).parents[3] / "shared" / "vectors" / "tlog-tiles"
SIZES = range(16)


def entries(bundle: bytes) -> Iterator[bytes]:
    """The entries of a bundle: each a big-endian uint16 length and as many bytes."""
    while bundle:
        end = 2 + int.from_bytes(bundle[:2], "big")
        yield bundle[2:end]
        bundle = bundle[end:]


def leaves(size: int) -> list[bytes]:
    if size == 0:
        return []
    bundle = (LOG / "tile" / "entries" / "000.p" / str(size)).read_bytes()
    return [leaf_hash(entry) for entry in entries(bundle)]


if LOG.is_dir():

    @pytest.mark.parametrize("size", SIZES)
    def test_checkpoint(size: int) -> None:
        _origin, stated, root = (LOG / f"checkpoint.{size}").read_text().splitlines()[:3]
        tree = CompactRange().extend(leaves(size))
        assert tree.size == size == int(stated)
        assert tree.root() == b64decode(root)

    @pytest.mark.parametrize("size", SIZES[1:])
    def test_hash_tile(size: int) -> None:
        tile = (LOG / "tile" / "0" / "000.p" / str(size)).read_bytes()
        assert leaves(size) == [
            tile[start : start + HASH_SIZE] for start in range(0, len(tile), HASH_SIZE)
        ]
