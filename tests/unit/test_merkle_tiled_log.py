"""A log of 70,003 records as plain files, read back by a reader that knows only the formats.

What is written comes from the package; what reads it is ``TileLog`` below, written from the text
of C2SP tlog-tiles and tlog-checkpoint with ``hashlib`` (and Ed25519 from ``cryptography``), so that
an error on our side cannot agree with itself.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom.audit.merkle import (
    Bundle,
    Checkpoint,
    CompactRange,
    SigningKey,
    Tile,
    TileReader,
    TlogProof,
    consistency_proof,
    decode_bundle,
    encode_bundle,
    grown_tiles,
    leaf_hashes,
    new_bundles,
    verify_consistency,
)

SIZES = [0, 1, 200, 256, 5_000, 65_535, 65_536, 65_537, 69_999, 70_003]
"""At which a checkpoint is written, with the tiles that it needs."""

KEY = SigningKey("example.com/strongroom", b"\x2a" * 32)


def entry(seq: int) -> bytes:
    record = {"event": "file_uploaded", "id": f"{seq:08x}", "note": "é" * (seq % 50)}
    return json.dumps(record, ensure_ascii=False).encode()


def write_log(folder: Path) -> None:
    """Grow the log step by step, each time adding only what is new."""

    def fetch(tile: Tile) -> bytes:
        return (folder / tile.path).read_bytes()

    def put(path: str, contents: bytes) -> None:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        assert not place.exists(), "tiles never change"
        place.write_bytes(contents)

    tree = CompactRange()
    for new in SIZES:
        size = tree.size
        for bundle in new_bundles(size, new):
            first = bundle.index * 256
            put(bundle.path, encode_bundle(map(entry, range(first, first + bundle.width))))
        leaves = leaf_hashes(map(entry, range(size, new)))
        for tile, contents in grown_tiles(size, leaves, fetch):
            put(tile.path, contents)
        tree = tree.extend(leaves)
        note = Checkpoint(KEY.name, tree.size, tree.root()).sign(KEY).to_bytes()
        put(f"checkpoint.{new}", note)
        (folder / "checkpoint").write_bytes(note)


class TileLog:
    """A reader of tiled logs that shares no line with the package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkpoint(self, public_key: bytes, name: str = "checkpoint") -> tuple[int, bytes]:
        text, _, signatures = (self.folder / name).read_text("utf-8").rpartition("\n\n")
        dash, signer, encoded = signatures.removesuffix("\n").split(" ")
        origin, size, root = text.split("\n")
        assert (dash, signer) == ("—", origin)
        key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]
        signature = b64decode(encoded)
        assert signature[:4] == key_id
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature[4:], f"{text}\n".encode())
        return int(size), b64decode(root)

    def file(self, kind: str, index: int, width: int) -> bytes:
        digits = str(index)
        digits = "0" * (-len(digits) % 3) + digits
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        place = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
        suffix = "" if width == 256 else f".p/{width}"
        return (self.folder / "tile" / kind / f"{place}{suffix}").read_bytes()

    def hashes(self, level: int, size: int) -> list[bytes]:
        """All hashes of a level of the tree of ``size`` entries."""
        found, count = list[bytes](), size // 256**level
        for index in range((count + 255) // 256):
            width = min(256, count - 256 * index)
            data = self.file(str(level), index, width)
            assert len(data) == 32 * width
            found += [data[at : at + 32] for at in range(0, len(data), 32)]
        return found

    def entries(self, size: int) -> Iterator[bytes]:
        for index in range((size + 255) // 256):
            data = self.file("entries", index, min(256, size - 256 * index))
            while data:
                length = data[0] * 256 + data[1]
                assert len(data) >= 2 + length
                yield data[2 : 2 + length]
                data = data[2 + length :]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("log")
    write_log(written)
    return written


@pytest.mark.parametrize("size", SIZES)
def test_every_checkpoint_is_borne_out_by_tiles_and_entries(folder: Path, size: int) -> None:
    log = TileLog(folder)
    stated, root = log.checkpoint(KEY.verifier.public, f"checkpoint.{size}")
    assert stated == size
    leaves = [hashlib.sha256(b"\x00" + item).digest() for item in log.entries(size)]
    assert len(leaves) == size
    assert leaves == log.hashes(0, size)
    assert mth(leaves) == root


def test_every_hash_of_a_higher_level_is_the_root_of_a_full_tile_below(folder: Path) -> None:
    log, size = TileLog(folder), SIZES[-1]
    levels = [log.hashes(level, size) for level in range(3)]
    assert [len(level) for level in levels] == [70_003, 273, 1]
    for below, level in pairwise(levels):
        assert level == [mth(below[256 * at : 256 * at + 256]) for at in range(len(level))]
    assert not (folder / "tile" / "3").exists()


def test_the_entries_are_those_that_were_logged(folder: Path) -> None:
    assert list(TileLog(folder).entries(SIZES[-1])) == [entry(seq) for seq in range(SIZES[-1])]


def test_the_files_are_named_as_published(folder: Path) -> None:
    """A few by hand, so that writer and reader cannot be wrong alike."""
    for path, length in {
        "tile/0/000": 8192,
        "tile/0/000.p/200": 6400,
        "tile/0/272": 8192,
        "tile/0/273.p/115": 3680,
        "tile/1/000": 8192,
        "tile/1/000.p/19": 608,
        "tile/1/001.p/17": 544,
        "tile/2/000.p/1": 32,
    }.items():
        assert (folder / path).stat().st_size == length
    assert (folder / "tile" / "entries" / "273.p" / "115").is_file()


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 70_002])
def test_a_proof_from_few_tiles_convinces_the_other_reader(folder: Path, index: int) -> None:
    """The proof file, parsed and climbed by hand."""
    fetched = list[Tile]()

    def fetch(tile: Tile) -> bytes:
        fetched.append(tile)
        return (folder / tile.path).read_bytes()

    size, root = TileLog(folder).checkpoint(KEY.verifier.public)
    note = Checkpoint(KEY.name, size, root).sign(KEY)
    assert note.to_bytes() == (folder / "checkpoint").read_bytes()
    proof = TlogProof.make(index, note, TileReader(size, fetch))
    # At most its own tile and the one beside it on each level.
    assert len(fetched) <= 6
    head, _, checkpoint = proof.to_bytes().decode().partition("\n\n")
    heading, place, *encoded = head.split("\n")
    assert (heading, place) == ("c2sp.org/tlog-proof@v1", f"index {index}")
    assert checkpoint.encode() == note.to_bytes()
    climbed = hashlib.sha256(b"\x00" + entry(index)).digest()
    at, last = index, size - 1
    for line in encoded:
        while at % 2 == 0 and at == last:  # no neighbour: the node goes up as it is
            at, last = at // 2, last // 2
        pair = climbed + b64decode(line) if at % 2 == 0 else b64decode(line) + climbed
        climbed = hashlib.sha256(b"\x01" + pair).digest()
        at, last = at // 2, last // 2
    assert b64encode(climbed).decode() == note.text.split("\n")[2]
    assert proof.verify(entry(index), [KEY.verifier]).size == size


@pytest.mark.parametrize(("old", "new"), [*pairwise(SIZES[1:]), (1, 70_003)])
def test_each_checkpoint_continues_the_one_before(folder: Path, old: int, new: int) -> None:
    log = TileLog(folder)
    _, old_root = log.checkpoint(KEY.verifier.public, f"checkpoint.{old}")
    _, new_root = log.checkpoint(KEY.verifier.public, f"checkpoint.{new}")
    read = TileReader(new, lambda tile: (folder / tile.path).read_bytes())
    verify_consistency(old, new, old_root, new_root, consistency_proof(old, new, read))


def test_our_reading_of_the_bundles_is_the_same(folder: Path) -> None:
    ours = [
        item
        for bundle in (*map(Bundle, range(273)), Bundle(273, 115))
        for item in decode_bundle((folder / bundle.path).read_bytes(), bundle.width)
    ]
    assert ours == list(TileLog(folder).entries(SIZES[-1]))
