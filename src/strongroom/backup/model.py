"""What restoring is told, what it finds, and what comes of it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.verify import Report, Trust
from strongroom.audit.merkle import VerifierKey
from strongroom.backup.access import Ended
from strongroom.backup.manifest import Manifest
from strongroom.backup.outside import Known
from strongroom.backup.snapshot import State
from strongroom.errors import StrongroomError
from strongroom.store import Store
from strongroom.store.migrate import Schema


class Doubtful(StrongroomError):
    """The backup can be read, but putting it back would lose records, or may: only if you say so."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever restores has decided.

    :param keys: the only ones whose signatures count; none to ask the machine, and then the backup
    :param accept_loss: though later records were signed, or a place that may know cannot be asked
    :param accept_damage: though not everything holds; files that are not what they were are left out
    :param keep_tokens: API tokens go on to be valid
    """

    keys: Sequence[VerifierKey] = ()
    accept_loss: bool = False
    accept_damage: bool = False
    keep_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine and its settings say.

    :param audit: opens the audit system on a database
    :param trust: the machine's own keys; None where it has none
    :param anchor: the file that is to keep what was signed last
    """

    schemas: Sequence[Schema]
    audit: Callable[[Store], AuditLog]
    trust: Trust | None
    anchor: Path


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup turned out to be.

    :param sha256: of its manifest
    :param signed: whether the manifest is signed with a key of the ledger
    :param here: where its ledger stands
    :param known: what is known of that ledger elsewhere
    """

    manifest: Manifest
    sha256: str
    signed: bool
    here: State
    trust: Trust
    known: Known


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    :param left_out: names of files that were not what they were
    """

    facts: Facts
    report: Report
    ended: Ended
    left_out: Sequence[str]


def operator() -> str:
    """The name of the operating system's user who does this; empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
