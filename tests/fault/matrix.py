"""Writes docs/design/tamper-matrix.md: python -m tests.fault.matrix."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fault.attacks import LARGE, SMALL, Attack
from tests.fault.attacks.single_bytes import ANY
from tests.fault.tampering import Ledgered

PAGE = Path(__file__).parents[2] / "docs" / "design" / "tamper-matrix.md"

FLIPS = 300
"""Bytes of the database file that are flipped one by one, wherever they are."""

SMALL_SIZE, LARGE_SIZE = 6, 3_000


def small(folder: Path) -> Ledgered:
    """A database so small that every byte of it has its turn."""
    return Ledgered(folder / "small.db", (1, 2, 4, 6), size=SMALL_SIZE, second_key_at=4)


def large(folder: Path) -> Ledgered:
    """A database with tiles of two levels, two keys, and records that are not signed yet."""
    sizes = (1, 255, 256, 700, 1_024, 1_500, 2_304, 2_900)
    return Ledgered(folder / "large.db", sizes, size=LARGE_SIZE, second_key_at=1_500)


def page(small_one: Ledgered, large_one: Ledgered) -> str:
    """The page."""
    return "\n".join(_lines(small_one, large_one)) + "\n"


def _lines(small_one: Ledgered, large_one: Ledgered) -> Iterator[str]:
    yield from ("# Tamper matrix", "")
    yield "Written by `python -m tests.fault.matrix`; a test fails when it is out of date. `make soak` tries"
    yield "every case, the ordinary tests every third of the first table: the database is altered behind the product's back with plain SQL, everything is verified"
    yield "as by `strongroom verify`, and one of the checks named here must fail. The untouched database"
    yield "holds, before and after."
    yield ""
    yield "*Needs a copy*: verification by itself cannot notice, since what is left is a whole ledger"
    yield "with true signatures. A checkpoint held elsewhere (`--against`) shows it. Whoever verifies"
    yield "brought the first key along (`--key`)."
    yield ""
    yield from _table(
        f"Every byte of a database of {SMALL_SIZE} records, 4 checkpoints, 2 keys",
        SMALL,
        small_one,
    )
    yield from _table(
        f"A database of {LARGE_SIZE:,} records, 8 checkpoints, 2 keys, tiles of two levels, "
        "100 records unsigned",
        LARGE,
        large_one,
    )
    yield f"Besides, {FLIPS} bytes of the small database's file are flipped one after the other, wherever they"
    yield "are: verification fails, the file cannot be opened, or all evidence in it is what it was."
    yield ""
    yield "Not in the tables, since nothing signs it: what this machine notes of copies"
    yield "(`ledger_copy`) and of its latest verification (`ledger_verdict`)."


def _table(title: str, attacks: Sequence[Attack], database: Ledgered) -> Iterator[str]:
    yield from (f"## {title}", "", "| attack | cases | noticed by | needs a copy | |")
    yield "|---|---:|---|---|---|"
    total = 0
    for attack in attacks:
        count = sum(1 for _ in attack.cases(database))
        total += count
        noticed = ", ".join(f"`{name}`" for name in sorted(attack.noticed_by)) or "–"
        if attack.noticed_by == ANY:
            noticed = "one or the other"
        if attack.by_copy and not attack.noticed_by:
            noticed = "`against`"
        copy = "yes" if attack.by_copy else "no" if attack.noticed_by else "–"
        yield f"| {attack.name} | {count:,} | {noticed} | {copy} | {attack.remark} |"
    yield from (f"| **all** | **{total:,}** | | | |", "")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        one, other = small(Path(folder)), large(Path(folder))
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(one, other), "utf-8")
        one.close()
        other.close()
