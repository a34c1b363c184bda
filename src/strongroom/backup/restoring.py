"""Putting a backup back: every byte compared, the ledger verified, and never to an older state unnoticed.

Nothing in a backup is believed because it is there. The manifest says which files count and what they
hold, its signature that the ledger's key has said so, and the ledger that no record was altered. What
none of them can show is that the backup is the newest: that, checkpoints held elsewhere do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from strongroom.audit.ledger.keys import known_keys
from strongroom.audit.ledger.tables import ledger_copy
from strongroom.audit.ledger.verify import Trust
from strongroom.audit.ledger.whole import replace_whole
from strongroom.audit.merkle import Malformed, VerifierKey
from strongroom.backup import manifest as manifests
from strongroom.backup.copying import copy, read_file
from strongroom.backup.layout import DATABASE, KEY, LOST_KEYS, SIGNED
from strongroom.backup.looking import Progress, check_room, read_manifest
from strongroom.backup.manifest import Entry, Manifest
from strongroom.backup.model import Doubtful, Facts, Machine, Restored, Wishes
from strongroom.backup.opening import open_restored
from strongroom.backup.outside import Elsewhere, Known
from strongroom.backup.snapshot import State, reading, state
from strongroom.backup.target import Target
from strongroom.errors import Corrupt

SIGNED_BYTES: Final = 1_000_000


class Restoration:
    """Puts one backup back. For one thread.

    :param backup: its folder
    """

    def __init__(
        self,
        backup: Path,
        target: Target,
        machine: Machine,
        elsewhere: Elsewhere,
        wishes: Wishes,
        *,
        progress: Progress,
    ) -> None:
        self._backup = backup
        self._target = target
        self._staged = target.staged
        self._machine = machine
        self._elsewhere = elsewhere
        self._wishes = wishes
        self._progress = progress
        self._left_out: list[str] = []
        self._done = self._total = 0

    def run(self) -> Restored:
        """Do it; durable when this returns. When it raises, the place is empty as before.

        :raises Corrupt: when the backup is not what was made, or does not hold
        :raises Doubtful: when records would be lost, or nobody can tell
        :raises SettingsError: when there is no backup, or the place is not empty
        :raises Unavailable: when there is not enough room
        :raises OSError: when something cannot be read or written
        """
        manifest, content = read_manifest(self._backup)
        self._total = manifest.total_bytes
        with self._target.held():
            check_room(self._target.data, manifest.total_bytes, "what is put back")
            self._stage(manifest.entries[DATABASE])
            facts = self._look(manifest, content)
            self._check_loss(facts.here, facts.known)
            for name in sorted(manifest.entries):
                if name != DATABASE and self._is_wanted(name):
                    self._stage(manifest.entries[name])
            report, ended = open_restored(
                self._staged,
                self._machine,
                facts,
                self._wishes,
                self._left_out,
                progress=self._progress,
            )
            self._target.move()
            self._leave_anchor(facts)
        return Restored(facts, report, ended, self._left_out)

    def _is_wanted(self, name: str) -> bool:
        """Keys are put back only where the settings look for them."""
        return name not in (KEY, LOST_KEYS) or self._target.key is not None

    def _stage(self, entry: Entry) -> None:
        """Copy a file, and compare it with the manifest.

        :raises Corrupt: when it is missing, or not what it was
        """
        path = self._staged.path(entry.name)
        try:
            found = copy(self._backup, entry.name, path, self._count, limit=entry.bytes)
        except FileNotFoundError:
            found = None
        if found == (entry.bytes, entry.sha256):
            return
        path.unlink(missing_ok=True)
        what = "is missing" if found is None else "is not what it was when the backup was made"
        if not self._wishes.accept_damage or entry.name in (DATABASE, KEY, LOST_KEYS):
            raise Corrupt(f"{self._backup / entry.name} {what}; nothing was put back")
        self._left_out.append(entry.name)

    def _look(self, manifest: Manifest, content: bytes) -> Facts:
        """What the staged database and the world around say.

        :raises Corrupt: when the database cannot be read, or the signature does not hold
        """
        try:
            with reading(self._staged.database) as connection:
                here, copied = state(connection), _copied(connection)
                own = [known.verifier for known in known_keys(connection)]
        except DBAPIError as error:
            raise Corrupt(f"the database in the backup cannot be read: {error.orig}") from None
        trust = self._trust(manifest)
        keys = [*trust.keys, *(key for key in own if key not in trust.keys)]
        signed = self._check_signature(content, keys)
        known = self._elsewhere.look(here, keys, copied)
        return Facts(manifest, manifests.digest(content), signed, here, trust, known)

    def _trust(self, manifest: Manifest) -> Trust:
        if self._wishes.keys:
            return Trust.given(self._wishes.keys)
        if self._machine.trust is not None:
            return self._machine.trust
        if LOST_KEYS not in manifest.entries:
            return Trust.of_database()
        try:
            text = read_file(self._backup, LOST_KEYS, SIGNED_BYTES).decode()
            lost = tuple(VerifierKey.parse(line) for line in text.splitlines())
        except (OSError, ValueError, Malformed) as error:
            raise Corrupt(f"{self._backup / LOST_KEYS} cannot be read: {error}") from None
        return Trust(lost, "the keys in the backup itself, some of them noted as lost")

    def _check_signature(self, content: bytes, keys: Sequence[VerifierKey]) -> bool:
        """Whether the backup is signed.

        :raises Corrupt: when the signature is false, or missing though keys were given
        """
        try:
            signed = read_file(self._backup, SIGNED, SIGNED_BYTES)
        except FileNotFoundError:
            if self._wishes.keys and not self._wishes.accept_damage:
                raise Corrupt(
                    f"the backup is not signed, and so by none of the keys given: there is no {SIGNED}"
                ) from None
            return False
        manifests.check_signature(content, signed, keys)
        return True

    def _check_loss(self, here: State, known: Known) -> None:
        """Refuse to lose records without being told to.

        :raises Doubtful: saying which
        """
        if self._wishes.accept_loss:
            return
        if known.later:
            later = known.later[0]
            by = "" if later.proven else ", with a key that this backup does not know,"
            raise Doubtful(
                f"{later.place} has a checkpoint of {later.size:,} records that was signed{by} after "
                f"this backup, which has {here.records:,}: {_named(here.records, later.size)} would be "
                "lost, and the ledger would contradict that checkpoint. "
                "Look for a newer backup; if there is none: --accept-loss"
            )
        if known.unasked:
            raise Doubtful(
                f"whether records would be lost cannot be told: {'; '.join(known.unasked)}. "
                "Make it reachable, or go without with --accept-loss"
            )

    def _leave_anchor(self, facts: Facts) -> None:
        """Let the anchor say what this ledger has signed; one that says more is kept beside it."""
        anchor, later = self._machine.anchor, facts.known.later
        if later and anchor.exists():
            anchor.rename(anchor.with_name(f"{anchor.name}.{later[0].size}"))
        if facts.here.checkpoint and anchor.parent.is_dir() and not anchor.exists():
            replace_whole(anchor, facts.here.checkpoint, 0o600)

    def _count(self, count: int) -> None:
        self._done += count
        self._progress("files", self._done, max(self._done, self._total))


def _named(start: int, end: int) -> str:
    """The records [start, end), in words."""
    return f"record {start:,}" if end - start == 1 else f"the records {start:,} to {end - 1:,}"


def _copied(connection: Connection) -> dict[str, int]:
    """What the places for copies had taken, by their names."""
    rows = connection.execute(select(ledger_copy.c.place, ledger_copy.c.size))
    return {row.place: row.size for row in rows if row.size is not None}
