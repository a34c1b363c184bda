"""Every byte of everything that is stored, and a sample of a larger database."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fault.attacks.attack import RECORD, Attack, Harm, attack, bytes_of, put, sql
from tests.fault.tampering import COLUMNS, Ledgered


def column_attack(column: str, *noticed_by: str) -> Attack:
    def cases(database: Ledgered) -> Iterator[Harm]:
        for seq in range(database.size):
            yield from bytes_of(database, "journal", column, RECORD, (seq,))

    return Attack(f"every byte of `{column}` of a record", cases, frozenset(noticed_by))


def rows_attack(
    table: str, column: str, key: str, *noticed_by: str, condition: str = "1", remark: str = ""
) -> Attack:
    names = key.split(", ")
    where = " AND ".join(f"{name} = ?" for name in names)

    def cases(database: Ledgered) -> Iterator[Harm]:
        found = database.admin.execute(
            f"SELECT {key} FROM {table} WHERE {condition} ORDER BY {key}"
        )
        for keys in found.fetchall():
            yield from bytes_of(database, table, column, where, keys)

    return Attack(f"every byte of `{table}.{column}`", cases, frozenset(noticed_by), remark=remark)


def other_types(database: Ledgered) -> Iterator[Harm]:
    """Another kind of value in every column; SQLite stores what it is given."""
    everything = (
        "x'ff'",
        "CAST(x'ff' AS TEXT)",
        "'other'",
        "''",
        "x''",
        "-1",
        "0.5",
        str(2**63 - 1),
    )
    deep = (
        f"CAST('{'[' * 300 + ']' * 300}' AS BLOB)",
        f"CAST('{{\"a\":{'[' * 300 + ']' * 300}}}' AS BLOB)",
    )
    for table, columns, where in (
        ("journal", ("seq", *COLUMNS), "stream = 'audit' AND seq = 2"),
        ("journal", ("seq", *COLUMNS), "stream = 'audit' AND seq = 3"),
        ("journal_head", ("next_seq", "edge"), "stream = 'audit'"),
        ("ledger_tile", ("level", "tile_index", "hashes"), "level = 0"),
        ("ledger_checkpoint", ("size", "note"), "size = 4"),
        ("ledger_key", ("verifier_key", "first_size", "handover"), "number = 1"),
    ):
        nullable = {
            name
            for _, name, _, not_null, *_ in database.admin.execute(f"PRAGMA table_info({table})")
            if not not_null
        }
        for column in columns:
            values = everything + (deep if column == "entry" else ())
            for value in (*values, "NULL") if column in nullable else values:
                yield sql(f"UPDATE {table} SET {column} = {value} WHERE {where}")


ANY = frozenset(
    {"schema", "database", "sequence", "entries", "columns", "ids", "parts"}
    | {"tiles", "head", "keys", "signatures", "checkpoints"}
)

SMALL = [
    column_attack("entry", "tiles"),
    column_attack("content", "parts"),
    column_attack("content_salt", "parts"),
    column_attack("network", "parts"),
    column_attack("network_salt", "parts"),
    column_attack("id", "columns"),
    column_attack("timestamp", "columns"),
    column_attack("level", "columns"),
    column_attack("event", "columns"),
    column_attack("request_id", "columns"),
    rows_attack("ledger_tile", "hashes", "level, tile_index", "tiles"),
    rows_attack("ledger_tile", "level", "level, tile_index", "tiles"),
    rows_attack("ledger_tile", "tile_index", "level, tile_index", "tiles"),
    rows_attack("ledger_checkpoint", "note", "size", "signatures", "checkpoints"),
    rows_attack("ledger_checkpoint", "size", "size", "checkpoints"),
    rows_attack("ledger_key", "verifier_key", "number", "keys"),
    rows_attack("ledger_key", "number", "number", "keys"),
    rows_attack("ledger_key", "first_size", "number", "keys", "signatures"),
    rows_attack("ledger_key", "handover", "number", "keys", condition="number > 0"),
    rows_attack("journal_head", "edge", "stream", "head", condition="stream = 'audit'"),
    rows_attack("journal_head", "next_seq", "stream", "sequence", condition="stream = 'audit'"),
    Attack("a value of another type or length in any of these columns", other_types, ANY),
    rows_attack(
        "ledger_checkpoint", "signed_at", "size",
        remark="not evidence: a note of this machine, which nothing signs",
    ),
]  # fmt: skip


@attack("a byte of each column, in every 199th record", "tiles", "parts", "columns")
def sampled(database: Ledgered) -> Iterator[Harm]:
    for seq in range(0, database.size, 199):
        for column in COLUMNS:
            cases = list(bytes_of(database, "journal", column, RECORD, (seq,)))
            yield cases[(seq * 7) % len(cases)]


@attack("a byte of each hash in each tile, of both levels", "tiles")
def tile_hashes(database: Ledgered) -> Iterator[Harm]:
    where, every = (
        "level = ? AND tile_index = ?",
        database.admin.execute(
            "SELECT level, tile_index, length(hashes) FROM ledger_tile ORDER BY 1, 2"
        ),
    )
    for level, index, length in every.fetchall():
        step = 32 if level else 32 * 64
        for at in range(index % 32, length, step):
            yield put("ledger_tile", "hashes", where, (level, index), at)
