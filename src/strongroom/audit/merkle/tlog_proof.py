"""One entry's proof as one text file, which anybody can check without the log.

Source: C2SP tlog-proof. The entry itself is not in it; whoever checks has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from strongroom.audit.merkle.checkpoints import Checkpoint, verify_checkpoint
from strongroom.audit.merkle.encodings import (
    decode_base64,
    decode_hash,
    decode_number,
    decode_text,
    encode_base64,
)
from strongroom.audit.merkle.errors import Malformed, Unproven
from strongroom.audit.merkle.hashing import HASH_SIZE, MAX_SIZE, HashReader, leaf_hash
from strongroom.audit.merkle.keys import VerifierKey
from strongroom.audit.merkle.notes import MAX_NOTE_BYTES, SignedNote
from strongroom.audit.merkle.proofs import inclusion_proof, inclusion_root, verify_inclusion

HEADING: Final = "c2sp.org/tlog-proof@v1"
EXTENSION: Final = ".tlog-proof"
"""Of the files' names."""

MAX_HASHES: Final = MAX_SIZE.bit_length()
MAX_PROOF_BYTES: Final = 2 * MAX_NOTE_BYTES
"""The checkpoint may fill half of it; a proof without extra data has less than 4,000 more."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof as it was received: well formed, but not to be believed before :meth:`verify`.

    :param index: of the entry in the log
    :param hashes: the inclusion proof, from the leaf's neighbour up
    :param checkpoint: what the log signed
    :param extra: for whoever reads it; nothing vouches for it
    :raises Malformed: when it cannot be written in the format
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedNote
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_SIZE:
            raise Malformed(f"{self.index} is no index of an entry")
        if len(self.hashes) > MAX_HASHES:
            raise Malformed(f"{len(self.hashes)} hashes are more than any tree takes")
        if any(len(item) != HASH_SIZE for item in self.hashes):
            raise Malformed(f"a hash of the proof has not {HASH_SIZE} bytes")
        if self.extra == b"":
            raise Malformed("extra data that is empty is left out")
        Checkpoint.parse(self.checkpoint.text)
        if len(self.to_bytes()) > MAX_PROOF_BYTES:
            raise Malformed(f"the proof is longer than {MAX_PROOF_BYTES:,} bytes")

    @classmethod
    def make(
        cls, index: int, checkpoint: SignedNote, read: HashReader, extra: bytes | None = None
    ) -> TlogProof:
        """The proof of one entry against a checkpoint, from the log's stored hashes.

        :raises Unproven: when the stored hashes do not give the checkpoint's root
        :raises ValueError: when the checkpoint does not cover the entry, or the reader returns no
            hash
        """
        head = Checkpoint.parse(checkpoint.text)
        hashes = inclusion_proof(index, head.size, read)
        if inclusion_root(index, head.size, read(0, index), hashes) != head.root:
            raise Unproven(f"the stored hashes around entry {index} do not give the signed root")
        return cls(index, hashes, checkpoint, extra)

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """Read a proof, in the one spelling that :meth:`to_bytes` gives.

        :raises Malformed: saying what is wrong with it
        """
        if len(data) > MAX_PROOF_BYTES:
            raise Malformed(f"the proof is longer than {MAX_PROOF_BYTES:,} bytes")
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank:
            raise Malformed("the proof has no blank line before its checkpoint")
        heading, *lines = decode_text(head + b"\n", "the proof").removesuffix("\n").split("\n")
        if heading != HEADING:
            raise Malformed(f"the proof does not begin with {HEADING}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "), "the proof's extra data")
        if not (lines and lines[0].startswith("index ")):
            raise Malformed("the proof does not say the index of its entry")
        index = decode_number(lines.pop(0).removeprefix("index "), "the proof's index")
        hashes = tuple(decode_hash(line, "a hash of the proof") for line in lines)
        return cls(index, hashes, SignedNote.parse(checkpoint), extra)

    def to_bytes(self) -> bytes:
        """What :meth:`parse` read, byte for byte."""
        lines = [HEADING]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(map(encode_base64, self.hashes))
        return "".join(f"{line}\n" for line in (*lines, "")).encode() + self.checkpoint.to_bytes()

    def verify(
        self, entry: bytes, keys: Iterable[VerifierKey], *, origin: str | None = None
    ) -> Checkpoint:
        """Check that the log holds this entry at this index; what the log signed.

        :param keys: those of the log
        :param origin: as for :func:`~strongroom.audit.merkle.checkpoints.verify_checkpoint`
        :raises Unproven: saying what does not fit: the signature, the log's name, or the entry
        """
        head = verify_checkpoint(self.checkpoint, keys, origin=origin)
        verify_inclusion(self.index, head.size, leaf_hash(entry), self.hashes, head.root)
        return head
