"""An office of two, one of whom is to be forgotten, with records in segments and in the journal."""

from __future__ import annotations

import gzip
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection

from strongroom.audit.events import Stream
from strongroom.audit.journal.people import People
from strongroom.audit.ledger.verify import Report, Trust, verify
from strongroom.audit.privacy.forgetting import Forgetter
from strongroom.audit.privacy.subject import Address, Person, Subject
from strongroom.audit.privacy.wanted import Outcome, Scope
from tests.unit.making import audit_record, ops_record
from tests.unit.sealing.sealed import KEY, Log

MEI, ODD = "user-mei", "user-odd"
NAME = "Mei-Ling Quartermaine"
ADDRESS, SHARED = "2001:db8:77::4d", "198.51.100.23"
AGENT = "Quartz/7.1 (like no other)"
FILES = ("Kündigung Quartermaine.odt", 'medical "X-ray".png')  # one that JSON escapes
OTHER_FILE = "minutes of tuesday.txt"
TRUST = Trust.given([KEY.verifier])


class Office(Log):
    """The database, and who is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"sqlite:///{folder / 'log.db'}")
        self.people = People(self.store)

    def begin(self) -> None:
        """Two people, and what they did: sealed, and in the journal."""

        def unit(connection: Connection) -> None:
            self.people.put(connection, MEI, NAME)
            self.people.put(connection, ODD, "Odd Nansen")

        self.store.write(unit)
        for round_ in range(2):
            self.work(round_)
            if round_ == 0:
                self.seal_all()
                self.sign()

    def work(self, round_: int) -> None:
        """260 audit records and 40 of ops; every tenth is hers. 256 of the first are sealed."""
        self.append([_audit(number + 260 * round_) for number in range(260)])
        self.append([_ops(number + 40 * round_) for number in range(40)])

    def forgetter(self, log_file: Path | None = None, patience: float = 0.2) -> Forgetter:
        """Looks into the whole folder."""
        return Forgetter(
            self.store,
            self.record,
            Scope(self.folder, log_file=log_file),
            tidy=self.sealer.tidy,
            patience=patience,
        )

    def subject(self, name: str = NAME) -> Person:
        """Her."""
        with self.store.read() as connection:
            return Person.named(connection, name)

    def forget(
        self, subject: Subject | None = None, *, content: bool = True, log_file: Path | None = None
    ) -> Outcome:
        """Forget her, and sign."""
        forgetter = self.forgetter(log_file)
        forgetter.begin(subject or self.subject(), content=content)
        return self.go_on(forgetter)

    def go_on(self, forgetter: Forgetter | None = None) -> Outcome:
        """Take up what is pending."""
        forgetter = forgetter or self.forgetter()
        [about] = forgetter.pending()
        outcome = forgetter.resume(about)
        self.sign()
        return outcome

    def verified(self) -> Report:
        """Everything recomputed."""
        return verify(self.store, trust=TRUST)

    def of(self, stream: Stream, user_id: str = MEI) -> list[dict[str, Any]]:
        """The records of somebody."""
        return [one for one in self.records(stream) if one.get("user_id") == user_id]


def _audit(number: int) -> Any:
    if number % 10 == 3:
        return audit_record(
            count=number,
            user_id=MEI,
            ip_address=ADDRESS if number % 20 == 3 else SHARED,
            user_agent=AGENT,
            filename=FILES[number // 10 % 2],
            folder="Quartermaine family",
            extra={"note": f"for {NAME}"},
        )
    return audit_record(
        count=number, user_id=ODD, ip_address=SHARED, user_agent="curl/8", filename=OTHER_FILE
    )


def _ops(number: int) -> Any:
    theirs = number % 10 == 3
    return ops_record(
        event="response",
        count=number,
        user_id=MEI if theirs else ODD,
        ip_address=ADDRESS if theirs else SHARED,
        path=f"/files/{FILES[0]}" if theirs else "/files",
        status=200,
    )


PACKED = Address.of(ADDRESS).packed
WORDS = (NAME, "Quartermaine", ADDRESS, AGENT, *FILES)


def needles(words: Iterable[str] = WORDS) -> list[bytes]:
    """What must not be found, in the forms in which our own code writes it."""
    found = [PACKED]
    for word in words:
        found += [word.encode(), word.replace('"', '\\"').encode()]
    return found


def files_with_any(folder: Path, wanted: Iterable[bytes]) -> dict[str, bytes]:
    """Each file below the folder that has one of these, and the first that it has.

    Written apart from the product's own scan: whole files in memory, each packed one opened. Of a
    copy that another process makes: to close a database's file in this one would let go of the locks
    of its connections.
    """
    found = {}
    wanted = list(wanted)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy"
        subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
        for path in sorted(copy.rglob("*")):
            if path.is_file():
                whole = b"\n".join(_everything(path))
                had = [needle for needle in wanted if needle in whole]
                found.update({path.name: had[0]} if had else {})
    return found


def _everything(path: Path) -> list[bytes]:
    whole = [path.read_bytes()]
    if path.suffix == ".gz":
        whole.append(gzip.decompress(whole[0]))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            whole += [archive.read(name) for name in archive.namelist()]
    elif path.suffix == ".parquet":
        with duckdb.connect() as engine:
            rows = engine.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
        whole += [v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row]
    return whole
