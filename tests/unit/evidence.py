"""A ledger with records to show, and what a recipient of a bundle does with it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from sqlalchemy import update

from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.bundle import write_bundle
from strongroom.audit.merkle import SigningKey
from strongroom.store import Store
from tests.unit.making import audit_record

KEY = SigningKey("example.org/log", b"k" * 32)


def append(store: Store, count: int, ledger: Ledger | None = None) -> None:
    """So many records, with contents and addresses; signed where a ledger is given."""
    Journal(store).append(
        [
            audit_record(count=number, filename=f"日本 {number}.txt", ip_address="192.0.2.7")
            for number in range(count)
        ]
    )
    if ledger is not None:
        ledger.advance(KEY)


def forget(store: Store, seq: int, *parts: str) -> None:
    """Drop parts of a record, with their salts."""
    nothing = {f"{part}{column}": None for part in parts for column in ("", "_salt")}
    chosen = (journal.c.stream == "audit") & (journal.c.seq == seq)
    store.write(lambda connection: connection.execute(update(journal).where(chosen), nothing))


def bundle(store: Store, *seqs: int) -> bytes:
    """The bundle of these records."""
    out = io.BytesIO()
    write_bundle(store, seqs, out)
    return out.getvalue()


def unpack(packed: bytes, folder: Path) -> Path:
    """Unpack it there."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)
    return folder


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``check.py`` says, in a Python that sees nothing but the standard library."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "check.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
