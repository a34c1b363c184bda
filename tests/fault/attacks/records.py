"""Whole records: removed, added, replaced, moved, with and without covering it up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.fault.attacks.attack import RECORD, Harm, attack, sql
from tests.fault.tampering import COLUMNS, Ledgered, recorded

PLACES = (0, 1, 254, 255, 256, 257, 1_023, 1_024, 1_499, 1_500, 2_047, 2_304, 2_899)


@attack("a record removed", "sequence")
def removed(_database: Ledgered) -> Iterator[Harm]:
    for seq in (*PLACES, 2_999):
        yield sql(f"DELETE FROM journal WHERE {RECORD}", seq)


@attack(
    "a record removed, those after it renumbered, head row and tiles made to fit", "checkpoints"
)
def removed_and_covered_up(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        db.run(f"DELETE FROM journal WHERE {RECORD}", seq)
        db.renumber([other for other in range(db.size) if other != seq])
        db.cover_up()

    for seq in PLACES:
        yield partial(harm, seq=seq)


@attack("records cut off at the head, in the middle, at the tail", "sequence")
def ranges(_database: Ledgered) -> Iterator[Harm]:
    where = "stream = 'audit' AND seq BETWEEN ? AND ?"
    for first, last in ((0, 0), (0, 255), (0, 2_998), (300, 400), (256, 511), (2_000, 2_999)):
        yield sql(f"DELETE FROM journal WHERE {where}", first, last)


@attack("all records removed", "sequence")
def all_removed(_database: Ledgered) -> Iterator[Harm]:
    yield sql("DELETE FROM journal WHERE stream = 'audit'")


@attack("the tail cut off, head row and tiles made to fit", "checkpoints")
def tail_cut(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, size: int) -> None:
        db.run("DELETE FROM journal WHERE stream = 'audit' AND seq >= ?", size)
        db.cover_up()

    for size in (1, 255, 256, 1_500, 2_303, 2_304, 2_899):
        yield partial(harm, size=size)


@attack("two records have changed places", "tiles")
def swapped(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, one: int, other: int) -> None:
        db.renumber(_swap(db.size, one, other))

    for one, other in ((0, 1), (0, 2_999), (255, 256), (700, 1_500), (2_898, 2_899)):
        yield partial(harm, one=one, other=other)


@attack("two records have changed places, head row and tiles made to fit", "checkpoints")
def swapped_and_covered_up(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, one: int, other: int) -> None:
        db.renumber(_swap(db.size, one, other))
        db.cover_up()

    for one, other in ((0, 1), (0, 2_999), (255, 256), (700, 1_500), (2_898, 2_899)):
        yield partial(harm, one=one, other=other)


def _swap(size: int, one: int, other: int) -> list[int]:
    order = list(range(size))
    order[one], order[other] = other, one
    return order


def _insert(db: Ledgered, seq: int) -> None:
    db.insert(5_000_000, recorded(seq))
    order = list(range(db.size))
    order.insert(seq, 5_000_000)
    db.renumber(order)


@attack("a made-up record inserted, those after it renumbered", "sequence")
def inserted(_database: Ledgered) -> Iterator[Harm]:
    for seq in (*PLACES, 3_000):
        yield partial(_insert, seq=seq)


@attack("a made-up record inserted, the head row counting it", "tiles", "head")
def inserted_and_counted(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        _insert(db, seq)
        db.run("UPDATE journal_head SET next_seq = next_seq + 1 WHERE stream = 'audit'")

    for seq in (*PLACES, 3_000):
        yield partial(harm, seq=seq)


@attack("a made-up record inserted, head row and tiles made to fit", "checkpoints")
def inserted_and_covered_up(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        _insert(db, seq)
        db.cover_up()

    for seq in PLACES:
        yield partial(harm, seq=seq)


@attack("a record put down twice, under another number", "ids")
def twice(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        db.run("DROP INDEX journal_by_id")
        names = ", ".join(COLUMNS)
        db.run(
            f"INSERT INTO journal (stream, seq, {names}) SELECT stream, 3000, {names} "
            f"FROM journal WHERE {RECORD}",
            seq,
        )
        db.cover_up()

    for seq in PLACES:
        yield partial(harm, seq=seq)


@attack("a record replaced by another that is right in itself", "tiles")
def replaced(_database: Ledgered) -> Iterator[Harm]:
    for seq in PLACES:
        yield partial(Ledgered.rewrite, seq=seq)


@attack("a record replaced by another, head row and tiles made to fit", "checkpoints")
def replaced_and_covered_up(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        db.rewrite(seq)
        db.cover_up()

    for seq in PLACES:
        yield partial(harm, seq=seq)


@attack("a part removed, with or without its salt", "parts")
def parts_removed(_database: Ledgered) -> Iterator[Harm]:
    changes = ("content = NULL", "content_salt = NULL", "content = NULL, content_salt = NULL")
    for seq in PLACES[::3]:
        for change in (*changes, *(item.replace("content", "network") for item in changes)):
            yield sql(f"UPDATE journal SET {change} WHERE {RECORD}", seq)


@attack("the parts of two records have changed places", "parts")
def parts_swapped(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int, names: str) -> None:
        wanted = f"SELECT {names} FROM journal WHERE {RECORD}"
        one, other = (db.admin.execute(wanted, (at,)).fetchone() for at in (seq, seq + 1))
        for at, values in ((seq, other), (seq + 1, one)):
            db.run(f"UPDATE journal SET ({names}) = (?, ?) WHERE {RECORD}", *values, at)

    for seq in PLACES[::3]:
        for part in ("content", "network"):
            names = f"{part}, {part}_salt"
            yield partial(harm, seq=seq, names=names)


@attack("bytes stored as text", "entries", "parts")
def retyped(_database: Ledgered) -> Iterator[Harm]:
    for seq in PLACES[::3]:
        for column in ("entry", "content", "network"):
            yield sql(f"UPDATE journal SET {column} = CAST({column} AS TEXT) WHERE {RECORD}", seq)


@attack("a record moved to another stream", "sequence")
def moved(_database: Ledgered) -> Iterator[Harm]:
    for stream in ("ops", "imported", "audit2", ""):
        yield sql(f"UPDATE journal SET stream = ?, seq = seq + 7 WHERE {RECORD}", stream, 1_000)


@attack("records under a stream that does not exist, or a head row of one", "database")
def unknown_streams(_database: Ledgered) -> Iterator[Harm]:
    yield sql("UPDATE journal SET stream = 'opt' WHERE stream = 'ops'")
    yield sql("UPDATE journal SET stream = 'a' WHERE stream = 'ops' AND seq = 1")
    yield sql("INSERT INTO journal_head VALUES ('other', 0, x'')")
    yield sql("DELETE FROM journal_head WHERE stream = 'imported'")
    yield sql("DELETE FROM journal_head WHERE stream = 'audit'")
