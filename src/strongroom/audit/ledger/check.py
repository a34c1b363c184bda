"""Checks this bundle of evidence. Needs Python 3.8 or newer and nothing else.

    python3 -I check.py [--key VERIFIER_KEY] [FOLDER]

Prints one line for each record, and exits with 0 when everything holds, with 1 when something does
not. README.txt says what that shows, and how to do the same with other tools.

Sources: RFC 6962, section 2.1, for hashes and proofs; RFC 8032, section 5.1, for Ed25519; C2SP
signed-note, tlog-checkpoint and tlog-proof (c2sp.org) for the files.
"""

# A program of its own: it prints what it finds, and nothing may be imported before it has let go of
# its folder, not even what makes annotations new.
# ruff: noqa: T201

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    # The folder came with the evidence: an argparse.py in it would be imported and say what it likes.
    del sys.path[0]

import argparse
import base64
import binascii
import hashlib
import json
import re
from pathlib import Path
from typing import Tuple  # noqa: UP035  # as Python 3.8 needs it

# --- Ed25519 (RFC 8032, section 5.1): points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = Tuple[int, int, int, int]  # noqa: UP006  # as Python 3.8 needs it
ZERO = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    """The sum of two points."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def multiply(scalar: int, point: Point) -> Point:
    """The point, added up so many times."""
    total = ZERO
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def decode_point(data: bytes) -> Point:
    """The point that these 32 bytes are (section 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        raise ValueError("not a point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def encode_point(point: Point) -> bytes:
    """The 32 bytes of a point (section 5.1.2)."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode_point(bytes([0x58] + [0x66] * 31))


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the key's signature of the message (section 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    try:
        key = decode_point(public)
    except ValueError:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    found = add(multiply(scalar, BASE), multiply(challenge, minus_key))
    return encode_point(found) == signature[:32]


# --- The files


class Failure(Exception):
    """Something does not hold; the text says what."""


def plain(value: object) -> str:
    """A text that cannot play tricks on a terminal."""
    return ascii(str(value))[1:-1]


def unbase64(text: str, what: str) -> bytes:
    """The bytes behind base64, in the one spelling that an encoder writes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Failure(what + " is not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Failure(what + " is base64 in an unusual spelling")
    return data


class Key:
    """A verifier key, ``name+id+key``: whose signature it is, and the public key that says so."""

    def __init__(self, text: str) -> None:
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise Failure("a verifier key is not of the form name+id+key")
        data = unbase64(parts[2], "a verifier key")
        self.text, self.name, self.public = text, parts[0], data[1:]
        named = hashlib.sha256(self.name.encode() + b"\n" + data).digest()
        if len(data) != 33 or data[0] != 1 or named[:4].hex() != parts[1]:
            raise Failure("a verifier key is damaged: its id is not that of its name and key")
        self.id = named[:4]


def read_lines(path: Path) -> "list[str]":
    """The lines of a text file, which must end with the last of them."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path.name} cannot be read: {error}") from None
    if not text.endswith("\n") or "\r" in text:
        raise Failure(path.name + " is not made of whole lines")
    return text[:-1].split("\n")


class Checkpoint:
    """What the log signed: its name, its size, its root. Believed once it is made."""

    def __init__(self, data: bytes, keys: "list[Key]") -> None:
        text, blank, signatures = data.decode().partition("\n\n")
        lines = text.split("\n")
        if not blank or len(lines) != 3 or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]):
            raise Failure("the checkpoint is not of the form name, size, root")
        self.origin, self.size = lines[0], int(lines[1])
        self.root = unbase64(lines[2], "the root of the checkpoint")
        self.signer = self._signer((text + "\n").encode(), signatures, keys)
        if self.signer.name != self.origin:
            raise Failure(f"the checkpoint is of the log {self.origin!a}")

    @staticmethod
    def _signer(message: bytes, signatures: str, keys: "list[Key]") -> Key:
        found = None
        for line in signatures.split("\n")[:-1]:
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            value = unbase64(encoded, "a signature")
            for key in keys:
                if (dash, name, value[:4]) == ("\u2014", key.name, key.id):
                    if not ed25519_verifies(key.public, message, value[4:]):
                        raise Failure("the signature of the checkpoint is wrong")
                    found = key
        if found is None:
            raise Failure("the checkpoint is not signed by a key that is trusted")
        return found


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(index: int, size: int, leaf: bytes, path: "list[bytes]") -> bytes:
    """The root that a proof of inclusion leads to (RFC 9162, section 2.1.3.2)."""
    first, last, found = index, size - 1, leaf
    for item in path:
        if last == 0:
            raise Failure("the proof is too long")
        if first & 1 or first == last:
            found = node(item, found)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            found = node(found, item)
        first, last = first >> 1, last >> 1
    if last:
        raise Failure("the proof is too short")
    return found


def check_proof(path: Path, seq: int, entry: bytes, signed: bytes, head: Checkpoint) -> None:
    """Whether the proof shows that the log has this entry at this place."""
    data = path.read_bytes()
    text, blank, checkpoint = data.partition(b"\n\n")
    lines = text.decode().split("\n")
    if not blank or lines[:2] != ["c2sp.org/tlog-proof@v1", f"index {seq}"]:
        raise Failure(f"the proof is not one of record {seq}")
    if checkpoint != signed:
        raise Failure("the proof is of another checkpoint")
    if not 0 <= seq < head.size:
        raise Failure("the checkpoint does not cover it")
    hashes = [unbase64(line, "a hash of the proof") for line in lines[2:]]
    if root_of(seq, head.size, hashlib.sha256(b"\x00" + entry).digest(), hashes) != head.root:
        raise Failure("the proof does not lead to the root that was signed")


def check_part(folder: Path, name: str, digest: object) -> str:
    """What became of a part of the record."""
    part, salt = folder / (name + ".json"), folder / (name + ".salt")
    if not part.exists() and not salt.exists():
        return name + " not in this bundle"
    [digits] = read_lines(salt)
    if not re.fullmatch("[0-9a-f]{32}", digits):
        raise Failure(f"the salt of the part {name} is not 32 hexadecimal digits")
    found = hashlib.sha256(bytes.fromhex(digits) + part.read_bytes()).digest()
    if base64.urlsafe_b64encode(found).decode("ascii").rstrip("=") != digest:
        raise Failure(f"the part {name} is not what was recorded")
    return name + " opened"


def check_record(folder: Path, number: str, signed: bytes, head: Checkpoint) -> str:
    """Check one record; what it is, in a line."""
    seq, record = int(number), folder / "records" / number
    entry = (record / "entry.json").read_bytes()
    check_proof(folder / "proofs" / (number + ".tlog-proof"), seq, entry, signed, head)
    told = json.loads(entry.decode())
    parts = [check_part(record, name, told["parts"][name]) for name in ("content", "network")]
    shown = " ".join(plain(told[name]) for name in ("timestamp", "event", "id"))
    return f"{shown} ({', '.join(parts)})"


PACKED = re.compile(
    r"README\.txt|check\.py|checkpoint|vkeys\.txt|assurance\.txt"
    r"|records/(?P<record>0|[1-9][0-9]{0,18})/(?:entry\.json|(?:content|network)\.(?:json|salt))"
    r"|proofs/(?P<proof>0|[1-9][0-9]{0,18})\.tlog-proof"
)


def check_manifest(folder: Path) -> "list[str]":
    """Whether the files are those that were packed: none altered, missing, or put in.

    Gives the numbers of the records.
    """
    listed, numbers = {folder / "MANIFEST.sha256"}, set()
    for line in read_lines(folder / "MANIFEST.sha256"):
        digest, _, name = line.partition("  ")
        known = PACKED.fullmatch(name)
        if known is None or not re.fullmatch("[0-9a-f]{64}", digest):
            raise Failure(f"MANIFEST.sha256 has a line that is not of its form: {name!a:.80}")
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise Failure(name + " is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise Failure(name + " is not as it was packed")
        listed.add(path)
        numbers.add(known.group("record") or known.group("proof"))
    folders = {above for path in listed for above in path.parents}
    for path in folder.rglob("*"):
        if path.is_symlink() or path not in (folders if path.is_dir() else listed):
            raise Failure(f"{str(path.relative_to(folder))!a:.80} was not packed")
    for name in ("checkpoint", "vkeys.txt"):
        if folder / name not in listed:
            raise Failure(name + " was not packed")
    return sorted(numbers - {None}, key=int)


def check(folder: Path, trusted: "str | None") -> bool:
    """Check the bundle in this folder, telling what is found; whether all of it holds."""
    try:
        numbers = check_manifest(folder)
        keys = [Key(line) for line in read_lines(folder / "vkeys.txt")]
        if trusted is not None:
            keys = [Key(trusted)]
        signed = (folder / "checkpoint").read_bytes()
        head = Checkpoint(signed, keys)
        if not numbers:
            raise Failure("there are no records in this bundle")
    except (Failure, OSError, ValueError) as error:
        print(f"FAILS  {error}")
        return False
    print(f"ok     checkpoint of {head.size} records of the log {plain(head.origin)}")
    print(f"       signed with {plain(head.signer.text)}")
    if trusted is None:
        print("       That key came with the bundle, so it shows nothing yet: compare it with the")
        print("       key that you got in another way, or name that one with --key.")
    good = True
    for number in numbers:
        try:
            found = check_record(folder, number, signed, head)
            print(f"ok     record {number}  {found}")
        except (Failure, OSError, ValueError, KeyError, TypeError) as error:
            print(f"FAILS  record {number}  {error}")
            good = False
    print("Everything holds." if good else "Not everything holds.")
    return good


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description="Checks a bundle of evidence.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", help="the log's verifier key, as you got it in another way")
    given = parser.parse_args()
    return 0 if check(given.folder, given.key) else 1


if __name__ == "__main__":
    sys.exit(main())
