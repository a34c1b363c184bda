"""All of it at once, and what no ledger covers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.fault.attacks.attack import Harm, attack, sql
from tests.fault.tampering import Ledgered


@attack("the whole database taken back to an older copy", by_copy=True)
def rolled_back(database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, size: int) -> None:
        db.put_back(db.older[size])

    for size in list(database.older)[:-1]:
        yield partial(harm, size=size)


@attack("cut off at an older checkpoint, everything made to fit", by_copy=True)
def cut_at_checkpoint(database: Ledgered) -> Iterator[Harm]:
    for size in list(database.checkpoints)[:-1]:
        yield partial(Ledgered.cut, size=size)


@attack(
    "all records written anew and signed with another key",
    "keys",
    by_copy=True,
    remark="by itself noticed only where `--key` names the true key",
)
def written_anew(_database: Ledgered) -> Iterator[Harm]:
    yield Ledgered.write_anew


@attack(
    "records that no checkpoint covers yet altered, head row and tiles made to fit",
    remark="lying before signing: within a second while the server runs",
)
def unsigned_altered(_database: Ledgered) -> Iterator[Harm]:
    def harm(db: Ledgered, seq: int) -> None:
        db.rewrite(seq)
        db.cover_up()

    for seq in (2_900, 2_950, 2_999):
        yield partial(harm, seq=seq)


@attack("a record of the stream `ops` removed, or its columns altered", "ops")
def ops_removed(_database: Ledgered) -> Iterator[Harm]:
    for seq in (0, 2, 4):
        where = f"stream = 'ops' AND seq = {seq}"
        yield sql(f"DELETE FROM journal WHERE {where}")
        yield sql(f"UPDATE journal SET level = 'debug' WHERE {where}")


@attack(
    "a record of the stream `ops` altered, its columns made to fit",
    remark="not evidence: this stream has no ledger, and the verdict says so",
)
def ops_altered(_database: Ledgered) -> Iterator[Harm]:
    yield sql(
        "UPDATE journal SET entry = CAST(replace(CAST(entry AS TEXT), 'a.txt', 'b.txt') AS BLOB) "
        "WHERE stream = 'ops' AND seq = 2"
    )


@attack("a view in a table's place, or a trigger on a table", "schema")
def schema_altered(_database: Ledgered) -> Iterator[Harm]:
    def view(db: Ledgered, table: str) -> None:
        db.run(f"ALTER TABLE {table} RENAME TO behind")
        db.run(f"CREATE VIEW {table} AS SELECT * FROM behind")

    for table in ("journal", "journal_head", "ledger_tile", "ledger_checkpoint", "ledger_key"):
        yield partial(view, table=table)
        yield sql(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM {table}; END")
    yield partial(view, table="ledger_verdict")
    yield sql(
        "CREATE TRIGGER t AFTER INSERT ON ledger_verdict "
        "BEGIN UPDATE ledger_verdict SET failure = NULL; END"
    )
    yield sql("DROP INDEX journal_by_id")
    yield sql("ALTER TABLE journal ADD COLUMN note TEXT")
