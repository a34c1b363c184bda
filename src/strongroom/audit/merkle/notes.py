"""Signed notes: a text, a blank line, and a line for each signature.

Source: C2SP signed-note. Where it leaves a choice, the narrower one: base64 in one spelling only,
no signature line twice, and at most as many signatures and bytes as golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from strongroom.audit.merkle.encodings import (
    check_text,
    decode_base64,
    decode_text,
    encode_base64,
)
from strongroom.audit.merkle.errors import Malformed, Unproven
from strongroom.audit.merkle.keys import SigningKey, VerifierKey, check_key_name

MAX_NOTE_BYTES: Final = 1_000_000
"""Of a whole note; the longest signatures (post-quantum) have some 5,000."""

MAX_SIGNATURES: Final = 100
"""The specification asks for at least 16."""

KEY_ID_SIZE: Final = 4
DASH: Final = "\u2014 "  # em dash, space


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who is said to have signed, and what they wrote.

    :param key_id: 4 bytes that, with the name, tell which key and which kind of signature
    :param value: the signature; 64 bytes if Ed25519
    :raises Malformed: when it cannot stand in a note
    """

    name: str
    key_id: bytes
    value: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.key_id) != KEY_ID_SIZE or not self.value:
            raise Malformed(f"the signature of {self.name} is too short")

    def __str__(self) -> str:
        """``— name base64(key id ‖ signature)``, without the newline."""
        return f"{DASH}{self.name} {encode_base64(self.key_id + self.value)}"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read what ``str`` gives.

        :raises Malformed: when it is no signature line
        """
        name, space, encoded = line.removeprefix(DASH).partition(" ")
        if not (line.startswith(DASH) and space):
            raise Malformed("a line after the note's text is no signature")
        value = decode_base64(encoded, "a signature")
        return cls(name, value[:KEY_ID_SIZE], value[KEY_ID_SIZE:])


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note as it was received: well formed, but not to be believed before :meth:`verify`.

    :param text: ends in a newline
    :raises Malformed: when it cannot be written in the format
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        check_text(self.text, "the note")
        if not self.text.endswith("\n"):
            raise Malformed("the note's text does not end in a newline")
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise Malformed(
                f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(self.signatures)}"
            )
        if len(set(self.signatures)) != len(self.signatures):
            raise Malformed("the note has the same signature twice")
        if len(self.to_bytes()) > MAX_NOTE_BYTES:
            raise Malformed(f"the note is longer than {MAX_NOTE_BYTES:,} bytes")

    @classmethod
    def sign(cls, text: str, key: SigningKey, *others: SigningKey) -> SignedNote:
        """The text with a signature of each key, in their order.

        :raises Malformed: when the text cannot be that of a note
        """
        check_text(text, "the note")
        return cls(text, tuple(_signature(text, signer) for signer in (key, *others)))

    @classmethod
    def parse(cls, data: bytes) -> SignedNote:
        """Read a note; the only place where its two halves are told apart.

        :raises Malformed: saying what is wrong with it
        """
        if len(data) > MAX_NOTE_BYTES:
            raise Malformed(f"the note is longer than {MAX_NOTE_BYTES:,} bytes")
        note = decode_text(data, "the note")
        blank = note.rfind("\n\n")  # the text may have empty lines, the signatures have none
        if blank < 0:
            raise Malformed("the note has no blank line before its signatures")
        lines = note[blank + 2 : -1].split("\n")
        return cls(note[: blank + 1], tuple(map(Signature.parse, lines)))

    def to_bytes(self) -> bytes:
        """What :meth:`parse` read, byte for byte."""
        lines = "".join(f"{signature}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def verify(self, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
        """The keys of these that signed the text, at least one. Unknown signatures do not count.

        :raises Unproven: when none of them signed, when what is said to be the signature of one
            is not, or when one is said to have signed twice
        :raises ValueError: when two different keys go by the same name and id
        """
        known: dict[tuple[str, bytes], VerifierKey] = {}
        for key in keys:
            if known.setdefault((key.name, key.key_id), key) != key:
                raise ValueError(f"two keys go by {key.name}+{key.key_id.hex()}")
        message, signers = self.text.encode(), list[VerifierKey]()
        for signature in self.signatures:
            signer = known.get((signature.name, signature.key_id))
            if signer is None:
                continue
            label = f"{signer.name}+{signer.key_id.hex()}"
            if signer in signers:
                raise Unproven(f"the note is signed twice by {label}")
            if not signer.verifies(message, signature.value):
                raise Unproven(f"the signature of {label} does not fit the text")
            signers.append(signer)
        if not signers:
            shown = ", ".join(f"{item.name}+{item.key_id.hex()}" for item in self.signatures[:3])
            raise Unproven(f"the note is signed by no known key, but by {shown}")
        return tuple(signers)


def _signature(text: str, key: SigningKey) -> Signature:
    return Signature(key.name, key.verifier.key_id, key.sign(text.encode()))
