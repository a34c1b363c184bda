"""A proof in one file (C2SP tlog-proof): made, read, and checked without the log.

The log is the test data of github.com/transparency-dev/tessera; see ``test_merkle_checkpoints.py``.
"""

from __future__ import annotations

from base64 import b64encode

import pytest

from strongroom.audit.merkle import (
    Checkpoint,
    Malformed,
    SignedNote,
    SigningKey,
    TlogProof,
    Unproven,
)
from tests.trees import Definition, StoredTree
from tests.unit.test_merkle_checkpoints import KEY, ORIGIN, ROOT, SIGNED

ENTRIES = (
    b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
)
TREE = StoredTree(ENTRIES)
NOTE = SignedNote.parse(SIGNED)
HASHES = TlogProof.make(14, NOTE, TREE).hashes
FILE = TlogProof.make(14, NOTE, TREE).to_bytes()


@pytest.mark.parametrize("index", range(15))
@pytest.mark.parametrize("extra", [None, b"\0"])
def test_each_entry_of_the_published_log(index: int, extra: bytes | None) -> None:
    made = TlogProof.make(index, NOTE, TREE, extra).to_bytes()
    proof = TlogProof.parse(made)
    assert proof.verify(ENTRIES[index], [KEY]) == Checkpoint(ORIGIN, 15, ROOT)
    assert (proof.index, proof.extra, proof.to_bytes()) == (index, extra, made)


def test_the_text_of_a_proof() -> None:
    head, blank, checkpoint = FILE.partition(b"\n\n")
    assert head.decode().splitlines() == [
        "c2sp.org/tlog-proof@v1",
        "index 14",
        *(b64encode(item).decode() for item in Definition(TREE).path(14, 0, 15)),
    ]
    assert (blank, checkpoint) == (b"\n\n", SIGNED)
    extra = TlogProof.make(14, NOTE, TREE, b"extra").to_bytes()
    assert extra == FILE.replace(b"\nindex", b"\nextra ZXh0cmE=\nindex")


def test_a_log_of_one_entry_needs_no_hash() -> None:
    key = SigningKey("log", bytes(32))
    note = Checkpoint("log", 1, TREE(0, 0)).sign(key)
    proof = TlogProof.make(0, note, TREE)
    assert proof.to_bytes() == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note.to_bytes()
    assert TlogProof.parse(proof.to_bytes()).verify(b"one", [key.verifier]).size == 1


def test_what_a_proof_does_not_prove() -> None:
    proof = TlogProof.parse(FILE)
    stranger = SigningKey(ORIGIN, bytes(32))
    with pytest.raises(Unproven, match="leads to another root"):
        proof.verify(b"fifteen", [KEY])
    with pytest.raises(Unproven, match="no known key"):
        proof.verify(ENTRIES[14], [stranger.verifier])
    with pytest.raises(Unproven, match="not of another"):
        proof.verify(ENTRIES[14], [KEY], origin="another")
    forged = TlogProof(14, proof.hashes, Checkpoint(ORIGIN, 15, bytes(32)).sign(stranger))
    with pytest.raises(Unproven, match="no known key"):
        forged.verify(ENTRIES[14], [KEY])
    for index, message in ((13, "takes a proof of 4"), (15, "has no leaf 15")):
        with pytest.raises(Unproven, match=message):
            TlogProof(index, proof.hashes, NOTE).verify(ENTRIES[14], [KEY])


def test_no_proof_is_made_that_would_not_verify() -> None:
    with pytest.raises(ValueError, match="has no leaf 15"):
        TlogProof.make(15, NOTE, TREE)
    other = StoredTree([*ENTRIES[:3], b"changed", *ENTRIES[4:]])
    with pytest.raises(Unproven, match="do not give the signed root"):
        TlogProof.make(3, NOTE, other)
    with pytest.raises(Malformed, match="fewer than three"):
        TlogProof.make(3, SignedNote.sign("hello\n", SigningKey("log", bytes(32))), TREE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"@v1", b"@v2", "does not begin with"),
        (b"c2sp.org/", b"", "does not begin with"),
        (b"c2sp", b"\nc2sp", "does not begin with"),
        (b"index 14\n", b"", "does not say the index"),
        (b"index 14", b"Index 14", "does not say the index"),
        (b"index 14", b"index 014", "not a decimal"),
        (b"index 14", b"index  14", "not a decimal"),
        (b"index 14", b"index 14 ", "not a decimal"),
        (b"index 14", b"index -1", "not a decimal"),
        (b"index 14", b"index 9223372036854775808", "larger than"),
        (b"index 14", b"extra \nindex 14", "empty is left out"),
        (b"index 14", b"extra\nindex 14", "does not say the index"),
        (b"index 14", b"extra !\nindex 14", "extra data is not base64"),
        (b"index 14", b"extra AB==\nindex 14", "unusual spelling"),
        (b"index 14", b"extra AA==\nextra AA==\nindex 14", "does not say the index"),
        (b"index 14", b"index 14\nextra AA==", "hash of the proof"),
        (b"index 14", b"index 14\nindex 14", "hash of the proof"),
        (b"GiUtV", b"GiUt", "hash of the proof"),
        (b"GiUtV", b"GiUt\nV", "hash of the proof"),
        (b"2u/I=\n", b"2u/I= \n", "hash of the proof"),
        (b"2u/I=\n", b"2u/I=\r\n", "control character"),
        (b"2u/I=\n", b"2u/I=\xff\n", "UTF-8"),
        (b"2u/I=\n", b"2u/I=\nAAAA\n", "3 bytes"),
        (
            b"index 14\n",
            b"index 14\n" + b"GiUtVP0XhIaZ/fl7ReMLgw+9YUtjFAt8kaTdfOe2u/I=\n" * 61,
            "64",
        ),
        (b"\n\nexample", b"\nexample", "hash of the proof"),
        (b"\n\nexample", b"\n\n\nexample", "size is not"),
        (b"\n15\n", b"\n015\n", "checkpoint's size"),
        (SIGNED, b"", "newline"),
        (b"\n\n" + SIGNED, b"\n", "no blank line"),
        ("\u2014".encode(), b"-", "no signature"),
        (b"c2sp", b"x" * 2_000_000, "longer"),
    ],
)
def test_what_is_no_proof(old: bytes, new: bytes, message: str) -> None:
    changed = FILE.replace(old, new, 1)
    assert changed != FILE
    with pytest.raises(Malformed, match=message):
        TlogProof.parse(changed)


def test_values_that_cannot_be_written() -> None:
    with pytest.raises(Malformed, match="no index"):
        TlogProof(-1, HASHES, NOTE)
    with pytest.raises(Malformed, match="32 bytes"):
        TlogProof(14, (*HASHES[:-1], b"short"), NOTE)
    with pytest.raises(Malformed, match="more than any tree takes"):
        TlogProof(14, HASHES * 30, NOTE)
    with pytest.raises(Malformed, match="empty"):
        TlogProof(14, HASHES, NOTE, b"")
    with pytest.raises(Malformed, match="longer"):
        TlogProof(14, HASHES, NOTE, bytes(2_000_000))
