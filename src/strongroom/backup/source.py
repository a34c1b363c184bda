"""What is backed up, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.merkle import SigningKey, VerifierKey
from strongroom.backup.manifest import Manifest
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up.

    :param objects: folder of the object store
    :param signer: signs the manifest; None where this process has no key
    :param secret: text of the signing key, to be put into the backup; None to leave it out
    :param lost: verifier keys that were lost, see :mod:`strongroom.audit.ledger.loss`
    """

    store: Store
    objects: Path
    signer: SigningKey | None = None
    secret: str | None = None
    lost: Sequence[VerifierKey] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole and on disk.

    :param sha256: of its manifest
    :param linked: files that it shares with the backup before
    """

    path: Path
    manifest: Manifest
    sha256: str
    linked: int
    signed: bool
