"""Changing the key that signs.

The new key is named in a record, and the checkpoint that covers the record is signed by both keys. So
the key before vouches for the new one with its signature; the two signatures alone would not do, since
anybody can add another to what was signed.

What was begun and broke off is taken up by the next call: the new key lies beside the old one, durable,
before the ledger hears of it, and takes its place once the ledger has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import SigningKeyChanged
from strongroom.audit.ledger.keeper import Lease
from strongroom.audit.ledger.keyfile import create_key, read_key
from strongroom.audit.ledger.ledger import Ledger
from strongroom.audit.merkle import SigningKey, VerifierKey
from strongroom.errors import SettingsError, Unavailable
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Rotation:
    """What came of changing the key.

    :param kept: the file that the old key is in now
    :param size: of the checkpoint that both keys signed
    """

    old: VerifierKey
    new: VerifierKey
    kept: Path
    size: int


def rotate(store: Store, path: Path, record: Callable[[Event], None]) -> Rotation:
    """Make a new key, have the old one vouch for it, and put its file in the old one's place.

    While another process keeps the ledger nothing is done: it has the old key in memory. When this
    returns, all of it is durable.

    :param path: the file of the key
    :param record: logs an event to the audit stream of this store, durably
    :raises Unavailable: when a process of the server is running, or the database cannot be written
    :raises SettingsError: when there is no key to change, or it is not the ledger's
    :raises Corrupt: when the ledger does not hold; its key is not changed then
    :raises OSError: when the files cannot be written
    """
    with closing(Lease(store.path.with_name(store.path.name + ".ledger"))) as lease:
        if not lease.taken():
            raise Unavailable("the server is running and signs with this key; stop it first")
        old = read_key(str(path), path)
        if old is None:
            raise SettingsError(f"ledger_key: there is no key in {path} that could be changed")
        draft = path.with_name(f"{path.name}.new")
        new = create_key(draft, old.name)
        size = _hand_over(Ledger(store), old, new, record)
        return Rotation(old.verifier, new.verifier, _swap(path, draft, old), size)


def _hand_over(
    ledger: Ledger, old: SigningKey, new: SigningKey, record: Callable[[Event], None]
) -> int:
    """Have both keys sign; the size of what they signed."""
    known = ledger.keys.all()
    if not known or known[-1].verifier != new.verifier:
        if known and known[-1].verifier != old.verifier:
            raise SettingsError(
                f"ledger_key: this is the key {old.verifier}, but the ledger was signed with "
                f"{known[-1].verifier} so far. Put that one back first"
            )
        ledger.advance(old)  # while only that has failed nothing was recorded
        record(SigningKeyChanged(verifier_key=str(new.verifier)))
        ledger.advance(new, old)
        known = ledger.keys.all()
    assert known[-1].verifier == new.verifier
    assert known[-1].first_size is not None
    return known[-1].first_size


def _swap(path: Path, draft: Path, old: SigningKey) -> Path:
    """Put the new file in the old one's place; at no moment is there none. Where the old one is."""
    kept = path.with_name(f"{path.name}.{old.verifier.key_id.hex()}.old")
    try:
        os.link(path, kept)
    except FileExistsError:
        if not kept.samefile(path):  # else an earlier call came this far
            raise
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return kept
