"""Tiles, checkpoints and keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.handover import Handover
from strongroom.audit.merkle import Checkpoint, SignedNote
from tests.fault.attacks.attack import Harm, attack, sql
from tests.fault.tampering import THIEF, Ledgered, naming, recorded


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
        db.run("INSERT INTO ledger_key VALUES (?, ?, ?, NULL)", number, str(THIEF.verifier), first)

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
        db.run("INSERT INTO ledger_key VALUES (?, ?, ?, NULL)", number, str(THIEF.verifier), size)
        db.run("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", both, size)
        for later in db.checkpoints:
            if later > size:
                _resign(db, later)

    for number, size in ((1, 700), (1, 1_500), (2, 2_304), (2, 2_900)):
        yield partial(harm, number=number, size=size)


def _takeover(db: Ledgered, handover: bytes | None) -> None:
    """What whoever has the database, but not the key, can do: append a record that names their own
    key, have the server sign it, and go on with that key."""
    newest = max(db.checkpoints)
    size = db.size + 1
    Journal(db.store).append([naming(db.size, THIEF)])
    signed = Ledger(db.store).advance(db.keys[-1])
    assert signed is not None
    assert newest < signed.size == size
    theirs = SignedNote.sign(signed.note.text, THIEF).signatures
    both = SignedNote(signed.note.text, (*theirs, *signed.note.signatures)).to_bytes()
    db.run("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", both, size)
    thief = str(THIEF.verifier)
    db.run("INSERT INTO ledger_key VALUES (2, ?, ?, ?)", thief, size, handover)
    Journal(db.store).append([recorded(number) for number in range(size, size + 3)])
    Ledger(db.store).advance(THIEF)


@attack("another key brought in through the journal, which the server signs", "keys")
def taken_over(database: Ledgered) -> Iterator[Harm]:
    size = database.size + 1
    true = database.value("SELECT handover FROM ledger_key WHERE number = 1")
    old, new = database.keys
    elsewhere = Handover("example.org/other", new.verifier, THIEF.verifier, size)
    claimed = Handover(new.name, new.verifier, THIEF.verifier, size)
    by_thief = SignedNote.sign(str(claimed), THIEF)
    imitated = SignedNote(
        str(claimed), (*SignedNote.parse(true).signatures[1:], *by_thief.signatures)
    )
    for handover in (
        None,
        true,
        database.checkpoints[2_900],
        elsewhere.sign(new, THIEF).to_bytes(),
        by_thief.to_bytes(),
        imitated.to_bytes(),
        SignedNote.sign(str(claimed), old, THIEF).to_bytes(),
    ):
        yield partial(_takeover, handover=handover)


@attack("a key's hand-over removed, or exchanged for one of other keys, size or ledger", "keys")
def handovers(database: Ledgered) -> Iterator[Harm]:
    old, new = database.keys
    put = "UPDATE ledger_key SET handover = ? WHERE number = 1"
    true = Handover(old.name, old.verifier, new.verifier, 1_500)
    yield sql(put, None)
    yield sql(put, b"")
    yield sql("UPDATE ledger_key SET handover = CAST(handover AS TEXT) WHERE number = 1")
    yield sql("UPDATE ledger_key SET handover = (SELECT handover FROM ledger_key WHERE number = 1)")
    for changed in (
        replace(true, origin="example.org/other"),
        replace(true, size=700),
        replace(true, size=2_304),
    ):
        yield sql(put, changed.sign(old, new).to_bytes())
    yield sql(put, replace(true, new=THIEF.verifier).sign(old, THIEF).to_bytes())
    yield sql(put, replace(true, old=new.verifier, new=old.verifier).sign(new, old).to_bytes())
    for signers in ((old,), (new,), (new, old), (old, THIEF), (old, new, THIEF)):
        yield sql(put, SignedNote.sign(str(true), *signers).to_bytes())
