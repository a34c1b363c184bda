"""How one signing key hands the ledger over to the next: a statement that both have signed.

The form is a C2SP signed note whose text has five lines::

    strongroom.key-change@v1
    <origin of the ledger>
    <verifier key before>
    <verifier key after>
    <records covered by the first checkpoint of the key after>

It can never be taken for a checkpoint (C2SP tlog-checkpoint), whose second line is a number, and so
nobody who can only append records or ask for checkpoints comes by one: the server signs what stands in
the journal without asking, but never this text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from strongroom.audit.merkle import Malformed, SignedNote, SigningKey, Unproven, VerifierKey

FIRST_LINE: Final = "strongroom.key-change@v1"

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Handover:
    """Which key gives the ledger to which, and where. Immutable.

    :param origin: name of the ledger
    :param size: records covered by the first checkpoint that the new key signs
    """

    origin: str
    old: VerifierKey
    new: VerifierKey
    size: int

    def __str__(self) -> str:
        """The text that is signed."""
        return f"{FIRST_LINE}\n{self.origin}\n{self.old}\n{self.new}\n{self.size}\n"

    @classmethod
    def parse(cls, text: str) -> Handover:
        """Read what ``str`` gives.

        :raises Malformed: when it is anything else
        """
        lines = text.split("\n")
        if len(lines) != 6 or lines[0] != FIRST_LINE or not _NUMBER.fullmatch(lines[4]):
            raise Malformed("the hand-over is not of its form")
        read = cls(
            lines[1], VerifierKey.parse(lines[2]), VerifierKey.parse(lines[3]), int(lines[4])
        )
        if str(read) != text:
            raise Malformed("the hand-over is written in an unusual way")
        return read

    def sign(self, old: SigningKey, new: SigningKey) -> SignedNote:
        """Have both keys sign it.

        :raises ValueError: when they are not the keys that it names
        """
        if (old.verifier, new.verifier) != (self.old, self.new):
            raise ValueError("a hand-over is signed by the two keys that it names")
        return SignedNote.sign(str(self), old, new)

    def check(self, stored: Any) -> None:
        """Whether what is stored is this very hand-over, signed by both keys and by nobody else.

        :param stored: whatever the database holds in its place
        :raises Malformed: when it is no such note
        :raises Unproven: when it says something else, or a signature is missing or false
        """
        if type(stored) is not bytes:
            raise Malformed("there is no hand-over signed by the key before")
        note = SignedNote.parse(stored)
        if Handover.parse(note.text) != self:
            raise Unproven("the hand-over is of another ledger, of other keys or of another size")
        if len(note.signatures) != 2 or note.verify([self.old, self.new]) != (self.old, self.new):
            raise Unproven("the hand-over is not signed by the key before and by the new one")
