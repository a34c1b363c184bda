"""Evidence bundles: a zip that shows what happened to somebody who has only the zip and a key.

The same records under the same checkpoint give the same bytes: the order is fixed, the times in the
archive are those that zip begins with, and nothing is compressed, since libraries differ in that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import Connection

from strongroom.audit.ledger.held import HeldRecord, held_records
from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.ledger.status import ALONE, Assurance, counted, moment_text
from strongroom.audit.ledger.tiles import tile_reader
from strongroom.audit.merkle import TlogProof, VerifierKey, verify_checkpoint
from strongroom.errors import Refused
from strongroom.store import Store

MEDIA_TYPE: Final = "application/zip"

HASHES_KEPT: Final = 4_096
"""Of the tree, while a bundle is made: under 1 MB."""

_HERE: Final = Path(__file__).parent
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_FILE_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Bundled:
    """What went into a bundle.

    :param seqs: the records, in order
    :param left_out: those that the checkpoint does not cover yet, or that are not held any more
    """

    signed: Signed
    seqs: Sequence[int]
    left_out: Sequence[int]


def write_bundle(
    store: Store,
    seqs: Sequence[int],
    out: IO[bytes],
    *,
    without: Collection[str] = (),
    places: Sequence[str] = (),
) -> Bundled:
    """Write the evidence for these records of the audit stream, against the newest checkpoint.

    Memory use does not grow with the records, but for the lists of their files: about 2 kB each.

    :param out: must be seekable
    :param without: parts to leave out, ``content`` or ``network``: the rest verifies all the same
    :param places: that are set to get copies of checkpoints, and so may be told of
    :raises Refused: 404 ``not_signed_yet`` when no checkpoint covers any of them, 404
        ``record_not_found`` when none is held
    :raises Unproven: when a record does not fit the ledger: that is no evidence
    :raises Corrupt: when tiles are missing
    """
    assurance = Assurance.load(store, places)
    signed = assurance.newest
    wanted = sorted(set(seqs))
    covered = [] if signed is None else [seq for seq in wanted if 0 <= seq < signed.size]
    if signed is None or (wanted and not covered):
        message = "No signed checkpoint covers this yet. Try again in a few seconds."
        raise Refused("not_signed_yet", message, status=404)
    written = list[int]()
    with ZipFile(out, "w", ZIP_STORED) as archive, store.read() as connection:
        packer = _Packer(archive)
        packer.add("README.txt", (_HERE / "bundle_readme.txt").read_bytes())
        packer.add("check.py", (_HERE / "check.py").read_bytes())
        packer.add("checkpoint", signed.note.to_bytes())
        keys = _keys(connection)
        packer.add("vkeys.txt", "".join(f"{key}\n" for key in keys).encode())
        packer.add("assurance.txt", _assurance_text(assurance, signed).encode())
        for record, proof in _proved(connection, covered, signed, keys):
            packer.add_record(record, proof, without)
            written.append(record.seq)
        packer.finish()
    if not written:
        raise Refused("record_not_found", "There is no such record.", status=404)
    return Bundled(signed, written, sorted(set(wanted) - set(written)))


def _keys(connection: Connection) -> list[VerifierKey]:
    """Those that have signed, so that the last of them is the checkpoint's."""
    return [key.verifier for key in known_keys(connection) if key.first_size is not None]


def _proved(
    connection: Connection, seqs: Sequence[int], signed: Signed, keys: Sequence[VerifierKey]
) -> Iterator[tuple[HeldRecord, TlogProof]]:
    head = verify_checkpoint(signed.note, keys)
    # Neighbours have most of their hashes in common.
    read = lru_cache(HASHES_KEPT)(tile_reader(connection, signed.size))
    for record in held_records(connection, seqs):
        proof = TlogProof.make(record.seq, signed.note, read)
        record.verify_under(head, proof)
        yield record, proof


class _Packer:
    """Puts files into the archive, and their digests into its manifest."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._manifest = list[str]()

    def add_record(self, record: HeldRecord, proof: TlogProof, without: Collection[str]) -> None:
        """All files of one record."""
        folder = f"records/{record.seq}"
        self.add(f"{folder}/entry.json", record.entry)
        for name, part in record.parts.items():
            if name not in without:
                self.add(f"{folder}/{name}.json", part.content)
                self.add(f"{folder}/{name}.salt", f"{part.salt.hex()}\n".encode())
        self.add(f"proofs/{record.seq}.tlog-proof", proof.to_bytes())

    def add(self, name: str, content: bytes) -> None:
        """One file."""
        self._manifest.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        self._write(name, content)

    def finish(self) -> None:
        """The manifest, of everything that was added."""
        self._write("MANIFEST.sha256", "".join(self._manifest).encode())

    def _write(self, name: str, content: bytes) -> None:
        entry = ZipInfo(name, _FIRST_DAY)
        entry.create_system, entry.external_attr = _UNIX, _FILE_MODE
        self._archive.writestr(entry, content)


def _assurance_text(assurance: Assurance, signed: Signed) -> str:
    """Who vouches for the checkpoint, with times instead of ages: it is read some other day."""
    origin = signed.note.text.partition("\n")[0]
    lines = [
        f"Log         {origin}",
        f"Records     {signed.size:,}",
        f"Signed at   {moment_text(signed.signed_at)}, by the machine that keeps the log",
        "",
    ]
    held = assurance.elsewhere
    if held:
        lines.append("Copies of a checkpoint of this log that others hold:")
        lines += [
            f"- {copy.place}: of {counted(copy.size or 0, 'record')}, "
            f"copied at {moment_text(copy.copied_at or 0)}"
            for copy in held
        ]
    else:
        lines.append(f"No copy of a checkpoint is held elsewhere: {ALONE}.")
    lines += ["", "Nothing vouches for this page: it is what that machine says. Ask the holders."]
    return "".join(f"{line}\n" for line in lines)
