"""Events of backups: that one was made, and what was put back in the place of what."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.audit.events import Event, Level, Outcome, Stream, declare


@declare("backup_made", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class BackupMade(Event):
    """A backup is whole and on disk: of so many audit records.

    ``extra`` has the SHA-256 of its manifest, which has those of all its files.
    """

    count: int
    extra: Mapping[str, object]


@declare("backup_failed", stream=Stream.AUDIT, levels={Outcome.FAILED: Level.ERROR})
class BackupFailed(Event):
    """A backup did not come to its end; what was written of it is removed."""

    reason: str
    extra: Mapping[str, object]


@declare("backup_restored", stream=Stream.AUDIT, levels={Outcome.SUCCESS: Level.INFO})
class BackupRestored(Event):
    """This installation was put back from a backup of so many audit records."""

    count: int
    extra: Mapping[str, object]


@declare("ledger_rolled_back", stream=Stream.AUDIT, levels=Level.CRITICAL)
class LedgerRolledBack(Event):
    """So many records that were signed are not here any more: an older backup was put back on purpose.

    ``extra`` says which, and has the checkpoint that covers them, so that this ledger itself says what
    a copy of it held elsewhere shows.
    """

    count: int
    extra: Mapping[str, object]
