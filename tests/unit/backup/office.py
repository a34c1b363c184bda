"""A whole installation without a server: files, accounts, a signed ledger, some of it sealed."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert

from strongroom.accounts.service import Accounts, Lifetimes
from strongroom.accounts.tables import account_session
from strongroom.audit.events.ledger import Heartbeat
from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.anchor import Anchor
from strongroom.audit.ledger.ledger import Signed
from strongroom.audit.pipeline.clock import new_id
from strongroom.audit.sealing import Sealer
from strongroom.bootstrap import OWN_CATALOGUE, SCHEMAS, signing
from strongroom.cli import main
from strongroom.files.blobs import Blobs
from strongroom.files.service import FileService
from strongroom.files.upkeep.collect import collect
from strongroom.objects import LocalObjects
from strongroom.permissions import Permission, Role
from strongroom.settings import load
from strongroom.store import Store
from strongroom.store.migrate import migrate


class Office:
    """What people have in one data folder.

    :param copies: folder that gets copies of checkpoints, as :meth:`publish` does
    """

    def __init__(self, data: Path, copies: Path | None = None) -> None:
        data.mkdir(mode=0o700, exist_ok=True)
        self.data = data
        self.copies = copies
        self.settings = load(data=data, checkpoint_copies=(str(copies),) if copies else ())
        self.store = Store(self.settings.database_url)
        migrate(self.store, *SCHEMAS)
        self.audit = AuditLog(store=self.store, viewer=None, catalogue=OWN_CATALOGUE, signing=None)
        self.objects = LocalObjects(self.settings.objects_folder)
        self.blobs = Blobs(self.objects)
        self.files = FileService(self.store, self.blobs, self.audit, lambda *_: True)
        self.accounts = Accounts(self.store, self.audit, Lifetimes(3_600, 36_000))

    def put(self, path: str, content: bytes = b"content") -> str:
        """Store a file; its SHA-256."""
        above, _, name = path.rpartition("/")
        folder = self.files.place(above, None, make=True)
        with self.blobs.receive() as incoming:
            incoming.write(content)
            blob = incoming.publish(name)
            self.files.add(folder.folder_id, name, "text/plain", blob, None)
        return blob.sha256

    def purge(self, path: str) -> None:
        """Delete it for good, and its content at once."""
        node_id = self.files.node_at(path)
        self.files.trash([node_id])
        self.files.purge([node_id])
        collect(self.store, self.objects, grace=-60)

    def sign(self) -> Signed:
        """Sign what there is."""
        how = signing(self.settings)
        key = how.load_key(self.store)
        ledger = Ledger(self.store, Anchor(how.anchor_path(self.store)))
        while ledger.advance(key) is not None:
            pass
        newest = ledger.newest()
        assert newest is not None
        return newest

    def publish(self) -> Signed:
        """Sign what there is, and leave a copy."""
        signed = self.sign()
        assert self.copies is not None
        self.copies.mkdir(exist_ok=True)
        (self.copies / "log.checkpoint").write_bytes(signed.note.to_bytes())
        return signed

    def seal(self) -> int:
        """Seal whatever can be sealed."""
        return Sealer(self.store, self.audit.log, signed=True).seal_due(everything=True)

    def log(self, count: int) -> None:
        """So many records more."""

        def unit(_connection: Connection) -> None:
            for _ in range(count):
                self.audit.log(Heartbeat())

        self.store.write(unit)

    def session(self) -> None:
        """Somebody with a session and a token."""
        user, _ = self.accounts.add("Mia", Role.ADMIN)
        self.accounts.create_token(user.user_id, "script", {Permission.FILES_READ})
        now = time.time_ns() // 1000
        row = {
            "session_id": new_id(),
            "secret_hash": "0" * 64,
            "user_id": user.user_id,
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + 10**10,
        }
        self.store.write(lambda c: _insert(c, row))

    def fill(self) -> None:
        """Some of everything: sealed, signed, and neither."""
        for number in range(20):
            self.put(f"/a/{number}.txt", b"content %d" % number)
        self.log(256)
        self.session()
        self.sign()
        assert self.seal() > 0
        self.put("/b/late.txt", b"late")
        self.sign()
        self.put("/b/unsigned.txt", b"unsigned")

    def names(self) -> set[str]:
        """The paths of all files."""
        found = set[str]()
        for folder in self.files.list("/").folders:
            page = self.files.list(f"/{folder.filename}", limit=1_000)
            found |= {f"/{folder.filename}/{one.filename}" for one in page.files}
        return found

    def events(self, *names: str) -> list[dict[str, Any]]:
        """The records of these events, oldest first."""
        found = self.audit.records("stream:audit")
        return [record for record in found if record["event"] in names]

    def count(self, table: str) -> int:
        """The rows of a table."""
        with closing(sqlite3.connect(self.store.path)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def close(self) -> None:
        """Let go of everything."""
        self.audit.close()

    def run(self, *arguments: object) -> Result:
        """A command of the command line on this installation."""
        return run(*arguments, data=self.data, copies=self.copies)


def _insert(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(account_session), row)


def run(*arguments: object, data: Path, copies: Path | None = None) -> Result:
    """A command of the command line, in this process."""
    environment = {"STRONGROOM_DATA": str(data)}
    if copies is not None:
        environment["STRONGROOM_CHECKPOINT_COPIES"] = str(copies)
    runner = CliRunner(env=environment)
    return runner.invoke(main, [str(item) for item in arguments])


def told(result: Result) -> dict[str, Any]:
    """What a command has printed with --json."""
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found
