"""Tiles, checkpoints and keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from strongroom.audit.merkle import Checkpoint, SignedNote
from tests.fault.attacks.attack import Harm, attack, sql
from tests.fault.tampering import THIEF, Ledgered


@attack("a tile removed, emptied, shortened, lengthened, copied", "tiles")
def tiles(database: Ledgered) -> Iterator[Harm]:
    where = "level = ? AND tile_index = ?"
    every = database.admin.execute("SELECT level, tile_index FROM ledger_tile ORDER BY 1, 2")
    for level, index in every.fetchall():
        for statement in (
            f"DELETE FROM ledger_tile WHERE {where}",
            f"UPDATE ledger_tile SET hashes = x'' WHERE {where}",
            f"UPDATE ledger_tile SET hashes = substr(hashes, 33) WHERE {where}",
            f"UPDATE ledger_tile SET hashes = substr(hashes, 2) WHERE {where}",
            f"UPDATE ledger_tile SET hashes = hashes || zeroblob(32) WHERE {where}",
            f"INSERT INTO ledger_tile SELECT level, tile_index + 100, hashes FROM ledger_tile WHERE {where}",
            f"INSERT INTO ledger_tile SELECT level + 2, tile_index, hashes FROM ledger_tile WHERE {where}",
        ):
            yield sql(statement, level, index)


@attack("all tiles removed", "tiles")
def all_tiles(_database: Ledgered) -> Iterator[Harm]:
    yield sql("DELETE FROM ledger_tile")


@attack("two tiles have changed places", "tiles")
def tiles_swapped(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, one: int, other: int) -> None:
        move = "UPDATE ledger_tile SET tile_index = ? WHERE level = 0 AND tile_index = ?"
        for to, of in ((-1, one), (one, other), (other, -1)):
            db.run(move, to, of)

    for one, other in ((0, 1), (3, 9)):
        yield partial(harm, one=one, other=other)


def _resign(db: Ledgered, size: int, **changes: Any) -> None:
    head = Checkpoint.parse(SignedNote.parse(db.checkpoints[size]).text)
    values = {"origin": head.origin, "size": head.size, "root": head.root, **changes}
    note = Checkpoint(**values).sign(THIEF).to_bytes()
    db.run("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", note, size)


@attack("a checkpoint signed by another key, as it was or with another root", "signatures")
def checkpoints_signed_by_thief(database: Ledgered) -> Iterator[Harm]:
    for size in database.checkpoints:
        yield partial(_resign, size=size)
        yield partial(_resign, size=size, root=b"r" * 32)


@attack("a checkpoint's text altered under the signature it had", "signatures", "checkpoints")
def checkpoints_altered(database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, size: int, text: str) -> None:
        note = SignedNote.parse(db.checkpoints[size])
        changed = SignedNote(text, note.signatures).to_bytes()
        db.run("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", changed, size)

    for size, note in database.checkpoints.items():
        head = Checkpoint.parse(SignedNote.parse(note).text)
        for changed in (
            Checkpoint("example.org/other", size, head.root),
            Checkpoint(head.origin, size + 1, head.root),
            Checkpoint(head.origin, size, b"r" * 32),
            Checkpoint(head.origin, size, head.root, ("extension",)),
        ):
            yield partial(harm, size=size, text=str(changed))


@attack("a checkpoint under another size", "checkpoints")
def checkpoints_moved(database: Ledgered) -> Iterator[Harm]:
    sizes = list(database.checkpoints)
    for size in sizes:
        yield sql("UPDATE ledger_checkpoint SET size = size + 3 WHERE size = ?", size)
    for one, other in pairwise(sizes):
        yield sql(
            "UPDATE ledger_checkpoint SET note = ? WHERE size = ?", database.checkpoints[other], one
        )


@attack("the first checkpoint of a key removed, or all checkpoints", "keys")
def first_checkpoints_removed(_database: Ledgered) -> Iterator[Harm]:
    yield sql("DELETE FROM ledger_checkpoint WHERE size = 1")
    yield sql("DELETE FROM ledger_checkpoint WHERE size = 1500")
    yield sql("DELETE FROM ledger_checkpoint")


@attack(
    "another checkpoint removed, the newest or an old one",
    remark="takes back a signature and alters no record; a copy held elsewhere still fits",
)
def other_checkpoints_removed(database: Ledgered) -> Iterator[Harm]:
    for size in database.checkpoints:
        if size not in (1, 1_500):
            yield sql("DELETE FROM ledger_checkpoint WHERE size = ?", size)


@attack("one signature of a new key's first checkpoint removed", "keys")
def vouching_removed(database: Ledgered) -> Iterator[Harm]:
    note = SignedNote.parse(database.checkpoints[1_500])
    for signature in note.signatures:
        content = SignedNote(note.text, (signature,)).to_bytes()
        yield sql("UPDATE ledger_checkpoint SET note = ? WHERE size = 1500", content)


@attack("a key removed, exchanged, added, or the order of two changed", "keys")
def keys(_database: Ledgered) -> Iterator[Harm]:
    def reorder(db: Ledgered) -> None:
        for to, of in ((-1, 0), (0, 1), (1, -1)):
            db.run("UPDATE ledger_key SET number = ? WHERE number = ?", to, of)

    def exchange(db: Ledgered, number: int) -> None:
        text = str(THIEF.verifier)
        db.run("UPDATE ledger_key SET verifier_key = ? WHERE number = ?", text, number)

    def add(db: Ledgered, number: int, first: int | None) -> None:
        db.run("INSERT INTO ledger_key VALUES (?, ?, ?)", number, str(THIEF.verifier), first)

    yield reorder
    yield sql("DELETE FROM ledger_key WHERE number = 0")
    yield sql("DELETE FROM ledger_key")
    for number in (0, 1):
        yield partial(exchange, number=number)
    for number, first in ((2, 2_304), (2, 2_900), (2, 2_950), (2, None), (-1, 0), (7, 2_900)):
        yield partial(add, number=number, first=first)


@attack("the newest key removed, so that the old one seems in force", "signatures")
def newest_key_removed(_database: Ledgered) -> Iterator[Harm]:
    yield sql("DELETE FROM ledger_key WHERE number = 1")


@attack("another key brought in, beside true signatures of the key in force", "keys")
def usurped(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, number: int, size: int) -> None:
        note = SignedNote.parse(db.checkpoints[size])
        theirs = SignedNote.sign(note.text, THIEF).signatures
        both = SignedNote(note.text, (*theirs, *note.signatures)).to_bytes()
        db.run("DELETE FROM ledger_key WHERE number >= ?", number)
        db.run("INSERT INTO ledger_key VALUES (?, ?, ?)", number, str(THIEF.verifier), size)
        db.run("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", both, size)
        for later in db.checkpoints:
            if later > size:
                _resign(db, later)

    for number, size in ((1, 700), (1, 1_500), (2, 2_304), (2, 2_900)):
        yield partial(harm, number=number, size=size)
