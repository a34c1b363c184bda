"""What an attack is: ways to alter a ledgered database, and the checks that must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.fault.tampering import Ledgered

Harm = Callable[[Ledgered], None]


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attack.

    :param cases: what is done, one after the other, each to the intact database
    :param noticed_by: checks of which at least one must fail, in every case; none when verification
        by itself cannot notice
    :param by_copy: whether a copy of the newest checkpoint, held elsewhere, must show it
    :param remark: what to know of it
    """

    name: str
    cases: Callable[[Ledgered], Iterator[Harm]]
    noticed_by: frozenset[str]
    by_copy: bool = False
    remark: str = ""


def attack(
    name: str, *noticed_by: str, by_copy: bool = False, remark: str = ""
) -> Callable[[Callable[[Ledgered], Iterator[Harm]]], Attack]:
    """Declare a function that makes the cases."""
    return lambda cases: Attack(name, cases, frozenset(noticed_by), by_copy, remark)


RECORD = "stream = 'audit' AND seq = ?"


def flipped(value: bytes | str, at: int) -> bytes | str:
    """One bit of this byte is another; each byte has its turn, the bit differs from byte to byte."""
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[at] ^= 1 << at % 8
    return bytes(raw)


def put(table: str, column: str, where: str, keys: tuple[Any, ...], at: int) -> Harm:
    def harm(database: Ledgered) -> None:
        found = database.value(f"SELECT {column} FROM {table} WHERE {where}", *keys)
        changed: Any
        if isinstance(found, int):
            changed, kind = found ^ (1 << (8 * at + (at + 3) % 7)), "?"
        else:
            changed = flipped(found, at)
            kind = "CAST(? AS TEXT)" if isinstance(found, str) else "?"
        database.run(f"UPDATE {table} SET {column} = {kind} WHERE {where}", changed, *keys)

    return harm


def bytes_of(
    database: Ledgered, table: str, column: str, where: str, keys: tuple[Any, ...]
) -> Iterator[Harm]:
    """A case for each byte of the value; a number has eight."""
    found = database.value(f"SELECT {column} FROM {table} WHERE {where}", *keys)
    length = 8 if isinstance(found, int) else len(flipped(found, 0))
    return (put(table, column, where, keys, at) for at in range(length))


def sql(statement: str, *values: Any) -> Harm:
    """One statement."""
    return lambda database: database.run(statement, *values)
