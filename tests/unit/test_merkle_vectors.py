"""The published test vectors, file by file.

Proofs: github.com/transparency-dev/merkle, ``testdata``. Log: github.com/transparency-dev/tessera,
``testdata/log``. Note: golang.org/x/mod, ``sumdb/note``. They are kept beside the checkout; a plain
clone does without, and then there is nothing here to run.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from strongroom.audit.merkle import (
    HASH_SIZE,
    Bundle,
    Checkpoint,
    CompactRange,
    SignedNote,
    SigningKey,
    Tile,
    TileReader,
    TlogProof,
    Unproven,
    VerifierKey,
    consistency_proof,
    decode_bundle,
    encode_bundle,
    grown_tiles,
    inclusion_proof,
    leaf_hashes,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"
LOG = VECTORS / "tlog-tiles"
LOG_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SIZES = range(16)


def cases(kind: str) -> list[Any]:
    files = sorted((VECTORS / "merkle" / kind).rglob("*.json"))
    names = [str(file.relative_to(VECTORS / "merkle" / kind)) for file in files]
    return [
        pytest.param(json.loads(file.read_bytes()), id=name)
        for file, name in zip(files, names, strict=True)
    ]


def refused(case: dict[str, Any], *hashes: bytes) -> bool:
    """Whether the case must fail: also where a placeholder stands for a root, which we refuse."""
    return case["wantErr"] or any(len(item) != HASH_SIZE for item in hashes)


def decoded(case: dict[str, Any]) -> list[bytes]:
    return [b64decode(item) for item in case["proof"] or ()]


def fetch(tile: Tile) -> bytes:
    return (LOG / tile.path).read_bytes()


def entries(size: int) -> list[bytes]:
    return decode_bundle((LOG / Bundle(0, size).path).read_bytes(), size) if size else []


if VECTORS.is_dir():
    INCLUSION, CONSISTENCY = cases("inclusion"), cases("consistency")

    def test_all_cases_are_there() -> None:
        assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)

    def test_one_case_is_valid_but_for_its_placeholder() -> None:
        """The check of hash lengths decides nothing else."""
        differing = [
            case.id
            for case in CONSISTENCY
            if not case.values[0]["wantErr"]
            and refused(case.values[0], b64decode(case.values[0]["root1"]))
        ]
        assert differing == ["additional/sizes-are-equal-one-and-proof-is-empty.json"]

    @pytest.mark.parametrize("case", INCLUSION)
    def test_inclusion(case: dict[str, Any]) -> None:
        leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
        arguments = (case["leafIdx"], case["treeSize"], leaf, decoded(case), root)
        if refused(case, leaf, root):
            with pytest.raises(Unproven):
                verify_inclusion(*arguments)
        else:
            verify_inclusion(*arguments)

    @pytest.mark.parametrize("case", CONSISTENCY)
    def test_consistency(case: dict[str, Any]) -> None:
        old, new = b64decode(case["root1"]), b64decode(case["root2"])
        arguments = (case["size1"], case["size2"], old, new, decoded(case))
        if refused(case, old, new):
            with pytest.raises(Unproven):
                verify_consistency(*arguments)
        else:
            verify_consistency(*arguments)

    @pytest.mark.parametrize("size", SIZES)
    def test_checkpoint(size: int) -> None:
        data = (LOG / f"checkpoint.{size}").read_bytes()
        note = SignedNote.parse(data)
        checkpoint = verify_checkpoint(note, [VerifierKey.parse(LOG_KEY)])
        tree = CompactRange().extend(leaf_hashes(entries(size)))
        assert checkpoint == Checkpoint("example.com/log/testdata", size, tree.root())
        assert (note.text, note.to_bytes()) == (str(checkpoint), data)

    @pytest.mark.parametrize("size", SIZES[1:])
    def test_tile_and_bundle(size: int) -> None:
        leaves = leaf_hashes(entries(size))
        assert list(grown_tiles(size - 1, leaves[-1:], fetch)) == [
            (Tile(0, 0, size), fetch(Tile(0, 0, size)))
        ]
        assert encode_bundle(entries(size)) == (LOG / Bundle(0, size).path).read_bytes()

    @pytest.mark.parametrize("size", SIZES[1:])
    def test_proofs_from_the_tiles(size: int) -> None:
        key, read = VerifierKey.parse(LOG_KEY), TileReader(size, fetch)
        note = SignedNote.parse((LOG / f"checkpoint.{size}").read_bytes())
        root = Checkpoint.parse(note.text).root
        for index, entry in enumerate(entries(size)):
            assert TlogProof.make(index, note, read).verify(entry, [key]).size == size
            assert len(inclusion_proof(index, size, read)) <= 4
        for old in range(1, size + 1):
            before = SignedNote.parse((LOG / f"checkpoint.{old}").read_bytes())
            old_root = Checkpoint.parse(before.text).root
            verify_consistency(old, size, old_root, root, consistency_proof(old, size, read))

    def test_note() -> None:
        vector = json.loads((VECTORS / "note.json").read_bytes())
        expected = f"{vector['text']}\n{vector['signature_line']}\n".encode()
        key = SigningKey.parse(vector["signer_key"])
        assert str(key.verifier) == vector["verifier_key"]
        assert SignedNote.sign(vector["text"], key).to_bytes() == expected
        assert SignedNote.parse(expected).verify([key.verifier]) == (key.verifier,)
