"""A database that was put back is opened for the first time: verified, and told what was done."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.verdict import write_verdict
from strongroom.audit.ledger.verify import Progress as Verified
from strongroom.audit.ledger.verify import Report, outcome, verify
from strongroom.backup.access import Ended, end_access
from strongroom.backup.copying import sync_file
from strongroom.backup.events import BackupRestored, LedgerRolledBack
from strongroom.backup.layout import is_object, sha256_of
from strongroom.backup.looking import Progress
from strongroom.backup.manifest import Manifest
from strongroom.backup.model import Facts, Machine, Wishes, operator
from strongroom.backup.target import Target
from strongroom.errors import Corrupt
from strongroom.files.blobs import Blobs
from strongroom.files.service import FileService
from strongroom.files.verify import Contents
from strongroom.objects import LocalObjects
from strongroom.store import Store
from strongroom.store.migrate import migrate

_CONTENT: Final = "files"
"""The check that fails when content is missing that was missing when the backup was made."""


def open_restored(
    staged: Target,
    machine: Machine,
    facts: Facts,
    wishes: Wishes,
    left_out: Sequence[str],
    *,
    progress: Progress,
) -> tuple[Report, Ended]:
    """Verify what is staged, record what was done, end all access. Leaves one file, durable.

    :raises Corrupt: when it does not hold
    :raises SettingsError: when a newer version has written the database
    :raises Unavailable: when it cannot be written
    """
    store = Store(f"sqlite:///{staged.database}")
    audit = machine.audit(store)
    try:
        migrate(store, *machine.schemas)
        blobs = Blobs(LocalObjects(staged.objects))
        contents = Contents(blobs)

        def show(done: Verified) -> None:
            progress("verifying", done.done, done.total)

        report = verify(
            store,
            trust=facts.trust,
            against=facts.known.earlier,
            more_checks=[contents],
            progress=show,
        )
        if not wishes.accept_damage and not _holds(report, facts.manifest, contents):
            raise Corrupt(
                f"the backup does not hold: {report.failure}. Nothing was put back; --accept-damage "
                "puts back what there is"
            )
        write_verdict(store, report.failure)
        ended = _record(store, audit, facts, report, left_out, keep_tokens=wishes.keep_tokens)
        FileService(store, blobs, audit, lambda *_: True).note_sound(contents.sound)
    finally:
        audit.close()
        store.close()
    _make_one_file(staged.database)
    return report, ended


def _holds(report: Report, manifest: Manifest, contents: Contents) -> bool:
    """Whether everything holds, but for content that was absent when the backup was made."""
    absent = {sha256_of(name) for name in manifest.absent if is_object(name)}
    was_so = [verdict.name for verdict in report.failed] == [_CONTENT] and bool(absent)
    return report.holds or (was_so and absent >= contents.damage.keys())


def _record(
    store: Store,
    audit: AuditLog,
    facts: Facts,
    report: Report,
    left_out: Sequence[str],
    *,
    keep_tokens: bool,
) -> Ended:
    """Record it and let nobody be signed in, in one transaction."""
    extra: dict[str, Any] = {
        "manifest": facts.sha256,
        "made_at": facts.manifest.made_at,
        "signed": facts.signed,
        "operator": operator(),
    }
    if facts.known.unasked:
        extra["unasked"] = [why[:500] for why in facts.known.unasked][:20]
    if left_out:
        extra["left_out"] = len(left_out)
    if report.failure is not None:
        extra["failure"] = report.failure[:2_000]

    def unit(connection: Connection) -> Ended:
        audit.log(BackupRestored(count=facts.here.records, extra=extra))
        if facts.known.later:
            audit.log(_rolled_back(facts))
        audit.log(outcome(report))
        return end_access(connection, audit.log, keep_tokens=keep_tokens)

    return store.write(unit)


def _rolled_back(facts: Facts) -> LedgerRolledBack:
    later, records = facts.known.later[0], facts.here.records
    return LedgerRolledBack(
        count=later.size - records,
        extra={
            "first_lost": records,
            "last_lost": later.size - 1,
            "place": later.place[:500],
            "proven": later.proven,
            "checkpoint": later.note[:4_000],
        },
    )


def _make_one_file(database: Path) -> None:
    """Put everything into the one file, on disk.

    :raises Corrupt: when that cannot be done
    """
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Corrupt(f"the database that is put back cannot be closed: {error}") from error
    database.chmod(0o600)
    sync_file(database)
