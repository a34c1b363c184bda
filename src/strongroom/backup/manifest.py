"""The manifest: what a backup is of, and every file in it. And what was signed of it.

JSON lines: the first says what it is of, each of the others names a file, in the order of their names.
The signed note's text has three lines, and its second is no number, so that it can never be taken for
a checkpoint (C2SP tlog-checkpoint)::

    strongroom.backup@v1
    <origin of the ledger>
    <SHA-256 of the manifest>
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from strongroom.audit.merkle import Malformed, SignedNote, SigningKey, Unproven, VerifierKey
from strongroom.backup.layout import DATABASE, is_name, is_object, sha256_of
from strongroom.errors import Corrupt, SettingsError

FORMAT: Final = "strongroom-backup@v1"
FIRST_LINE: Final = "strongroom.backup@v1"
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup.

    :param bytes: its size
    :param sha256: 64 hex digits
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of. Immutable.

    :param made_at: RFC 3339, UTC: when its database was copied
    :param version: of the program that made it
    :param origin: name of the ledger; empty where none was signed
    :param records: of the audit stream
    :param checkpoint: the newest of its database, a signed note; empty where there is none
    :param entries: by name
    :param absent: content that was missing or damaged already when the backup was made, by SHA-256;
        and files of the archive, by name
    """

    made_at: str
    version: str
    origin: str
    records: int
    checkpoint: str
    entries: Mapping[str, Entry] = field(repr=False)
    absent: Sequence[str] = ()

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(entry.bytes for entry in self.entries.values())

    def to_bytes(self) -> bytes:
        """What is written."""
        first = {
            "format": FORMAT,
            "made_at": self.made_at,
            "version": self.version,
            "origin": self.origin,
            "records": self.records,
            "checkpoint": self.checkpoint,
            "absent": list(self.absent),
            "files": len(self.entries),
            "bytes": self.total_bytes,
        }
        files = [self.entries[name] for name in sorted(self.entries)]
        return b"".join(orjson.dumps(line) + b"\n" for line in (first, *files))

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read what :meth:`to_bytes` gave; every name in it is one that a backup can have.

        :raises Corrupt: when it is anything else
        :raises SettingsError: when it was written by a newer version
        """
        try:
            first, *lines = [orjson.loads(line) for line in content.splitlines()]
            form = first["format"]
        except (ValueError, TypeError, KeyError):
            raise Corrupt("the manifest cannot be read") from None
        if form != FORMAT:
            raise SettingsError(
                f"the backup is of the form {form!a:.60}, which this version does not know; "
                "install the version that made it, or a newer one"
            )
        if not _is_header(first):
            raise Corrupt("the manifest does not say what it is of")
        entries = dict[str, Entry]()
        for line in lines:
            entry = _entry(line)
            if entry.name in entries:
                raise Corrupt(f"the manifest names {entry.name} twice")
            entries[entry.name] = entry
        manifest = cls(
            first["made_at"],
            first["version"],
            first["origin"],
            first["records"],
            first["checkpoint"],
            entries,
            tuple(first["absent"]),
        )
        if (len(entries), manifest.total_bytes) != (first["files"], first["bytes"]):
            raise Corrupt("the manifest is cut: it does not name as many files as it says")
        if DATABASE not in entries:
            raise Corrupt("the manifest names no database")
        return manifest


def _is_header(first: Any) -> bool:
    kinds = {"made_at": str, "version": str, "origin": str, "records": int, "checkpoint": str}
    kinds |= {"absent": list, "files": int, "bytes": int}
    return (
        all(type(first.get(name)) is kind for name, kind in kinds.items())
        and all(type(item) is str for item in first["absent"])
        and first["records"] >= 0
    )


def _entry(line: Any) -> Entry:
    """A file that the manifest names.

    :raises Corrupt: when no backup has such a file
    """
    try:
        entry = Entry(line["name"], line["bytes"], line["sha256"])
        sound = (
            is_name(entry.name)
            and type(entry.bytes) is int
            and entry.bytes >= 0
            and _HEX.fullmatch(entry.sha256) is not None
            and (not is_object(entry.name) or sha256_of(entry.name) == entry.sha256)
        )
    except (TypeError, KeyError, AttributeError):
        raise Corrupt("the manifest cannot be read") from None
    if not sound:
        raise Corrupt(f"the manifest names a file that no backup has: {entry.name!a:.200}")
    return entry


def digest(content: bytes) -> str:
    """SHA-256 of a written manifest."""
    return hashlib.sha256(content).hexdigest()


def sign(content: bytes, key: SigningKey) -> SignedNote:
    """Have the ledger's key say that this manifest is one of its backups."""
    return SignedNote.sign(_statement(key.name, content), key)


def check_signature(content: bytes, signed: bytes, keys: Sequence[VerifierKey]) -> None:
    """Whether one of these keys says so.

    :raises Corrupt: when none does
    """
    try:
        note = SignedNote.parse(signed)
        signers = note.verify(keys)
    except (Malformed, Unproven, ValueError) as error:  # the last of two keys with one id
        raise Corrupt(f"the signature of the backup does not hold: {error}") from None
    if note.text not in {_statement(signer.name, content) for signer in signers}:
        raise Corrupt("the signature of the backup is of another manifest")


def _statement(origin: str, content: bytes) -> str:
    return f"{FIRST_LINE}\n{origin}\n{digest(content)}\n"
