"""Ed25519 keys of signed notes, with the names they go by.

Source: C2SP signed-note, "Verifier keys" and "Ed25519 signatures"; RFC 8032. The text form of a
signing key, ``PRIVATE+KEY+name+hex+base64``, is that of golang.org/x/mod/sumdb/note. It is chosen
over PEM since it holds the name too, shows by the key id whether it was copied whole, and is what
other tools for such logs read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strongroom.audit.merkle.encodings import check_line, decode_base64, encode_base64
from strongroom.audit.merkle.errors import Malformed

KEY_SIZE: Final = 32
"""Bytes of an Ed25519 public key, and of the seed that is the private one."""

ED25519: Final = b"\x01"
"""The signature type of plain Ed25519 signatures."""

PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signature it is, and the public key that says so.

    :param name: non-empty, without spaces and plus; by custom the log's origin
    :param public: 32 bytes as in RFC 8032
    :raises Malformed: when they are not
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        try:
            Ed25519PublicKey.from_public_bytes(self.public)
        except ValueError:
            raise Malformed(f"the key of {self.name} is no Ed25519 public key") from None

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the signature over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        """``name+hex(key id)+base64(0x01 ‖ public key)``, what verifiers are given."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read what ``str`` gives.

        :raises Malformed: also when the key id is not that of name and key
        """
        name, key_id, key = _split(text, "the verifier key")
        found = cls(name, key)
        if found.key_id.hex() != key_id:
            raise Malformed("the verifier key has another id than its name and key give")
        return found


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; its ``repr`` does not show it.

    :param seed: 32 bytes of which nobody else knows anything: from ``secrets.token_bytes``, or
        the file where they are kept. The caller draws them, since this package is pure.
    :raises Malformed: when name or seed cannot be those of a key
    """

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.seed) != KEY_SIZE:
            raise Malformed(f"the seed has {len(self.seed)} bytes instead of {KEY_SIZE}")

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self._private().public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same for the same message (RFC 8032)."""
        return self._private().sign(message)

    def secret_text(self) -> str:
        """``PRIVATE+KEY+name+hex(key id)+base64(0x01 ‖ seed)``: whoever reads it can sign."""
        key_id = self.verifier.key_id.hex()
        return f"{PRIVATE}{self.name}+{key_id}+{encode_base64(ED25519 + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read what :meth:`secret_text` gives.

        :raises Malformed: also when the key id is not that of name and key; the message does not
            repeat the text
        """
        if not text.startswith(PRIVATE):
            raise Malformed("the signing key does not begin with PRIVATE+KEY+")
        name, key_id, seed = _split(text.removeprefix(PRIVATE), "the signing key")
        found = cls(name, seed)
        if found.verifier.key_id.hex() != key_id:
            raise Malformed("the signing key has another id than its name and key give")
        return found

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def check_key_name(name: str) -> None:
    """Refuse what cannot name a key.

    :raises Malformed: when it is empty or has a space of any script, a plus or a control character
    """
    check_line(name, "the key name")
    if "+" in name or any(character.isspace() for character in name):
        raise Malformed("the key name contains a space or a plus")


def _split(text: str, what: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)  # base64 may contain a plus, the parts before it cannot
    if len(parts) != 3:
        raise Malformed(f"{what} is not of the form name+id+key")
    name, key_id, encoded = parts
    key = decode_base64(encoded, what)
    if not key.startswith(ED25519):
        raise Malformed(f"{what} is not of the type Ed25519")
    if len(key) != len(ED25519) + KEY_SIZE:
        raise Malformed(f"{what} has another length than an Ed25519 key")
    return name, key_id, key.removeprefix(ED25519)
