"""Checkpoints: what a log says of itself when it signs: its name, its size, its root.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.audit.merkle.encodings import (
    check_line,
    decode_hash,
    decode_number,
    encode_base64,
)
from strongroom.audit.merkle.errors import Malformed, Unproven
from strongroom.audit.merkle.hashing import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from strongroom.audit.merkle.keys import SigningKey, VerifierKey
from strongroom.audit.merkle.notes import SignedNote


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log at one moment, signed or not.

    :param origin: names the log, for ever and everywhere
    :param size: number of leaves
    :param root: root hash of those leaves, 32 bytes
    :param extensions: further lines; no log should need them
    :raises Malformed: when it cannot be written in the format, or no tree has this size and root
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_line(self.origin, "the checkpoint's origin")
        for line in self.extensions:
            check_line(line, "an extension line of the checkpoint")
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed(f"{self.size} is no size of a tree")
        if len(self.root) != HASH_SIZE:
            raise Malformed(
                f"the checkpoint's root has {len(self.root)} bytes instead of {HASH_SIZE}"
            )
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Malformed("the checkpoint's root is not that of an empty tree")

    def __str__(self) -> str:
        """``origin\\nsize\\nbase64(root)\\n`` and the extension lines: the text of the note."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read what ``str`` gives, in that one spelling only.

        :raises Malformed: saying what is wrong with it
        """
        *lines, rest = text.split("\n")
        if rest:
            raise Malformed("the checkpoint does not end in a newline")
        if len(lines) < 3:
            raise Malformed("the checkpoint has fewer than three lines")
        origin, size, root, *extensions = lines
        return cls(
            origin,
            decode_number(size, "the checkpoint's size"),
            decode_hash(root, "the checkpoint's root"),
            tuple(extensions),
        )

    def sign(self, key: SigningKey, *others: SigningKey) -> SignedNote:
        """The checkpoint as it is published, signed by each key in their order."""
        return SignedNote.sign(str(self), key, *others)


def verify_checkpoint(
    note: SignedNote, keys: Iterable[VerifierKey], *, origin: str | None = None
) -> Checkpoint:
    """What the log says, once its signature is verified.

    :param keys: those of the log; several while keys are rotated
    :param origin: the name that the log must give itself; by default that of a key that signed
    :raises Malformed: when the note's text is no checkpoint
    :raises Unproven: when no key signed it, a signature is wrong, or it is of another log
    """
    signers = note.verify(keys)
    checkpoint = Checkpoint.parse(note.text)
    expected = {signer.name for signer in signers} if origin is None else {origin}
    if checkpoint.origin not in expected:
        names = ", ".join(sorted(expected))
        raise Unproven(f"the checkpoint is of the log {checkpoint.origin}, not of {names}")
    return checkpoint
