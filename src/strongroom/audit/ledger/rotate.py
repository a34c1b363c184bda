"""Changing the key that signs.

The old key signs a hand-over to the new one, which it does nowhere else: whoever can only write to the
database never comes by one. Besides, the new key is named in a record, and the checkpoint that covers
the record is signed by both keys.

What was begun and broke off is taken up by the next call: the new key lies beside the old one, durable,
before the ledger hears of it, and takes its place once the ledger has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import SigningKeyChanged
from strongroom.audit.ledger.keeper import Lease
from strongroom.audit.ledger.keyfile import create_key, read_key
from strongroom.audit.ledger.keys import add_after_loss
from strongroom.audit.ledger.ledger import Ledger
from strongroom.audit.ledger.loss import note_loss
from strongroom.audit.merkle import SigningKey, VerifierKey
from strongroom.errors import SettingsError, Unavailable
from strongroom.store import Store


@dataclass(frozen=True, slots=True)
class Rotation:
    """What came of changing the key.

    :param kept: the file that the old key is in now; None when it was lost
    :param size: of the first checkpoint that the new key signed
    """

    old: VerifierKey
    new: VerifierKey
    kept: Path | None
    size: int


def rotate(store: Store, path: Path, record: Callable[[Event], None]) -> Rotation:
    """Make a new key, have the old one vouch for it, and put its file in the old one's place.

    While another process keeps the ledger nothing is done: it has the old key in memory. When this
    returns, all of it is durable.

    :param path: the file of the key
    :param record: logs an event to the audit stream of this store, durably
    :raises Unavailable: when a process of the server is running, or the database cannot be written
    :raises SettingsError: when there is no key to change, it is not the ledger's, or nothing was
        signed with it yet
    :raises Corrupt: when the ledger does not hold; its key is not changed then
    :raises OSError: when the files cannot be written
    """
    with _alone(store):
        old = read_key(str(path), path)
        if old is None:
            raise SettingsError(
                f"ledger_key: there is no key in {path} that could be changed. Put its file back; if "
                "it is lost for good: strongroom ledger rotate --lost"
            )
        ledger = Ledger(store)
        if not ledger.keys.all() and ledger.advance(old) is None:
            raise SettingsError(
                f"ledger_key: nothing was signed with the key in {path} yet, so nobody knows it: "
                "delete the file, and the server makes a new key"
            )
        draft = path.with_name(f"{path.name}.new")
        new = create_key(draft, old.name)
        size = _hand_over(ledger, old, new, record)
        return Rotation(old.verifier, new.verifier, _swap(path, draft, old), size)


def replace_lost(store: Store, path: Path, record: Callable[[Event], None]) -> Rotation:
    """Make a new key in the place of one that is lost for good; the ledger goes on with it.

    Nobody can vouch for the new key. Whoever verifies has to be told of it in another way, and to
    trust both; this machine's own verifications do, by a note beside the key. All of it is durable
    when this returns; what broke off is taken up by the next call.

    :param path: where the file of the key was
    :param record: logs an event to the audit stream of this store, durably
    :raises Unavailable: when a process of the server is running, or the database cannot be written
    :raises SettingsError: when the key is there, or nothing was signed yet
    :raises Corrupt: when the ledger does not hold; it gets no other key then
    :raises OSError: when the files cannot be written
    """
    with _alone(store):
        if read_key(str(path), path) is not None:
            raise SettingsError(f"ledger_key: {path} is there; change it without --lost")
        ledger = Ledger(store)
        known = ledger.keys.all()
        if not known:
            raise SettingsError("ledger_key: nothing was signed yet; the server makes a key itself")
        draft = path.with_name(f"{path.name}.new")
        new = create_key(draft, known[-1].verifier.name)
        if known[-1].verifier != new.verifier:
            record(SigningKeyChanged(verifier_key=str(new.verifier), reason="key_lost"))
            store.write(lambda connection: add_after_loss(connection, new.verifier))
        if ledger.keys.all()[-1].first_size is None:
            ledger.advance(new)
        *_, before, newest = ledger.keys.all()
        assert newest.first_size is not None
        if newest.handover is None:  # else only the end of an ordinary change was missing
            note_loss(path, before.verifier, newest.verifier)
        draft.replace(path)
        _sync(path.parent)
        return Rotation(before.verifier, newest.verifier, None, newest.first_size)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """While no process keeps the ledger, and none begins to."""
    with closing(Lease(store.path.with_name(store.path.name + ".ledger"))) as lease:
        if not lease.taken():
            raise Unavailable("the server is running and signs with this key; stop it first")
        yield


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
    _sync(path.parent)
    return kept


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
