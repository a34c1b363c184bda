"""The text formats: what was written is read again, and anything else is refused in one way.

Every reader accepts one spelling only. So whatever bytes it accepts, writing gives them back; and a
signed file of which any bit was changed is refused, or proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.audit.merkle import (
    MAX_SIZE,
    Bundle,
    Checkpoint,
    CompactRange,
    Malformed,
    Signature,
    SignedNote,
    SigningKey,
    Tile,
    TileReader,
    TlogProof,
    Unproven,
    VerifierKey,
    decode_bundle,
    encode_bundle,
    grown_tiles,
    new_tiles,
    tiles_of,
)
from tests.trees import StoredTree, flipped, leaf

ENTRIES = [b"entry %d" % index for index in range(100)]
TREE = StoredTree(ENTRIES)
KEY = SigningKey("example.com/log", bytes(range(32)))
NOTE = Checkpoint(KEY.name, 100, CompactRange.read(100, TREE).root(), ("extension",)).sign(KEY)
PROOF = TlogProof.make(42, NOTE, TREE)


def rewritten_proof(data: bytes) -> bytes:
    return TlogProof.parse(data).to_bytes()


def through_text(parse: Callable[[str], object]) -> Callable[[bytes], bytes]:
    """The same for a reader of text. Bytes that are no UTF-8 reach it as lone surrogates."""

    def rewritten(data: bytes) -> bytes:
        return str(parse(data.decode(errors="surrogateescape"))).encode()

    return rewritten


READERS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "note": (lambda data: SignedNote.parse(data).to_bytes(), NOTE.to_bytes()),
    "proof": (rewritten_proof, PROOF.to_bytes()),
    "proof with extra": (rewritten_proof, TlogProof.make(3, NOTE, TREE, b"data").to_bytes()),
    "bundle": (lambda data: encode_bundle(decode_bundle(data)), encode_bundle(ENTRIES[:9])),
    "checkpoint": (through_text(Checkpoint.parse), NOTE.text.encode()),
    "verifier key": (through_text(VerifierKey.parse), str(KEY.verifier).encode()),
    "signing key": (
        through_text(lambda text: SigningKey.parse(text).secret_text()),
        KEY.secret_text().encode(),
    ),
    "signature": (through_text(Signature.parse), str(NOTE.signatures[0]).encode()),
    "tile": (through_text(lambda text: Tile.parse(text).path), b"tile/1/x001/234.p/56"),
    "bundle path": (through_text(lambda text: Bundle.parse(text).path), b"tile/entries/x001/234"),
}
"""By format: reads bytes and writes them again; and an example."""

names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1).filter(
    lambda name: "+" not in name and not any(character.isspace() for character in name)
)
texts = st.text(
    st.characters(exclude_categories=["Cs"]).filter(lambda one: one >= " " or one == "\n")
).map(lambda text: f"{text}\n")
hashes = st.binary(min_size=32, max_size=32)


@st.composite
def damaged(draw: st.DrawFn, example: bytes) -> bytes:
    """Something near the example: with a few stretches cut out, doubled, or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(example)))
        end = draw(st.integers(start, min(len(example), start + 9)))
        piece = draw(
            st.binary(max_size=3)
            | st.sampled_from(
                [b"\n", b"\n\n", b" ", b"=", b"+", b"0", b"x000/", example[start:end] * 2]
            )
        )
        example = example[:start] + piece + example[end:]
    return example


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_what_is_accepted_is_written_in_one_way_only(name: str, data: st.DataObject) -> None:
    rewritten, example = READERS[name]
    assert rewritten(example) == example
    given_bytes = data.draw(damaged(example) | st.binary())
    try:
        accepted = rewritten(given_bytes)
    except Malformed:
        return
    assert accepted == given_bytes


@given(texts, st.lists(st.tuples(names, st.binary(min_size=5)), min_size=1, unique=True))
def test_any_note_is_read_again(text: str, signed: list[tuple[str, bytes]]) -> None:
    signatures = tuple(Signature(name, item[:4], item[4:]) for name, item in signed)
    note = SignedNote(text, signatures)
    assert SignedNote.parse(note.to_bytes()) == note


@given(texts, st.lists(st.tuples(names, hashes), min_size=1, unique_by=lambda pair: pair[0]))
def test_any_signed_note_verifies(text: str, drawn: list[tuple[str, bytes]]) -> None:
    keys = [SigningKey(name, seed) for name, seed in drawn]
    note = SignedNote.parse(SignedNote.sign(text, *keys).to_bytes())
    verifiers = [VerifierKey.parse(str(key.verifier)) for key in keys]
    assert note.verify(verifiers) == tuple(verifiers)
    assert [SigningKey.parse(key.secret_text()) for key in keys] == keys


@given(names, st.integers(1, MAX_SIZE), hashes, st.lists(names))
def test_any_checkpoint_is_read_again(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.parse(str(checkpoint)) == checkpoint


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_any_bundle_is_read_again(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


@given(st.integers(0, 63), st.integers(0, MAX_SIZE), st.integers(1, 256))
def test_any_path_is_read_again(level: int, index: int, width: int) -> None:
    assert Tile.parse(Tile(level, index, width).path) == Tile(level, index, width)
    assert Bundle.parse(Bundle(index, width).path) == Bundle(index, width)


def test_no_bit_of_a_proof_file_can_change() -> None:
    """All of them, one after the other; the signature's own are among them."""
    data = PROOF.to_bytes()
    assert TlogProof.parse(data).verify(ENTRIES[42], [KEY.verifier]).size == 100
    for bit in range(8 * len(data)):
        with pytest.raises((Malformed, Unproven)):
            TlogProof.parse(flipped(data, bit)).verify(ENTRIES[42], [KEY.verifier])


def test_no_bit_of_the_entry_can_change() -> None:
    for bit in range(8 * len(ENTRIES[42])):
        with pytest.raises(Unproven, match="another root"):
            PROOF.verify(flipped(ENTRIES[42], bit), [KEY.verifier])


@given(st.lists(st.integers(0, 700), max_size=5), st.data())
def test_tiles_do_not_depend_on_the_steps_of_growth(steps: list[int], data: st.DataObject) -> None:
    files: dict[Tile, bytes] = {}
    size, leaves = 0, list[bytes]()
    for step in steps:
        added = [leaf(b"%d" % (size + offset)) for offset in range(step)]
        grown = list(grown_tiles(size, added, files.__getitem__))
        assert [tile for tile, _ in grown] == list(new_tiles(size, size + step))
        assert not files.keys() & dict(grown).keys()
        files.update(grown)
        size, leaves = size + step, leaves + added
    at_once = dict(grown_tiles(0, leaves, files.__getitem__))
    assert list(at_once) == list(tiles_of(size))
    assert {tile: files[tile] for tile in at_once} == at_once
    earlier = data.draw(st.integers(0, size))
    read = TileReader(size, files.__getitem__)
    assert CompactRange.read(earlier, read) == CompactRange().extend(leaves[:earlier])


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=5))
def test_leaves_and_subtrees_in_any_order(first: int, steps: list[tuple[int, int]]) -> None:
    tree = CompactRange().extend(leaf(b"%d" % at) for at in range(first))
    for height, count in steps:
        start, step = tree.size, 1 << height
        after = [leaf(b"%d" % at) for at in range(start, start + count * step)]
        expected = tree.extend(after)
        if start % step == 0:
            whole = [
                CompactRange().extend(after[at : at + step]).root()
                for at in range(0, len(after), step)
            ]
            assert tree.extend(whole, height) == expected
        tree = expected
