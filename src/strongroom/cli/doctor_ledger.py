"""What ``strongroom doctor`` says of the ledger: key, checkpoint, verdict, copies."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from strongroom.audit.events import Stream
from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger.keys import KeyRing
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.ledger.status import Assurance, counted
from strongroom.audit.ledger.verify.ledger import LATE_SECONDS, is_late
from strongroom.cli.finding import Finding
from strongroom.errors import Corrupt, SettingsError
from strongroom.store import Store


def ledger_findings(store: Store, signing: Signing) -> Iterator[Finding]:
    """What there is to say of the ledger in this database. Reads only.

    :raises SettingsError: when a place for copies is none
    """
    yield _key(store, signing)
    assurance = Assurance.load(store, signing.copies)
    yield _checkpoint(store, assurance)
    if assurance.failure is not None:
        yield Finding("evidence", "bad", f"does not hold: {assurance.failure}")
    yield from _copies(assurance)


def _key(store: Store, signing: Signing) -> Finding:
    path = signing.key_path(store)
    try:
        key, known = signing.find_key(store), KeyRing(store).all()
    except (SettingsError, Corrupt) as error:
        return Finding("signing key", "bad", str(error))
    if key is None and not known:
        return Finding("signing key", "note", f"none yet; strongroom serve makes it, in {path}")
    if key is None:
        return Finding(
            "signing key",
            "bad",
            f"there is no file {path}, but the ledger was signed with {known[-1].verifier}. Put it "
            "back; if it is lost for good: strongroom ledger rotate --lost",
        )
    if known and known[-1].verifier != key.verifier:
        text = f"is {key.verifier}, but the ledger was signed with {known[-1].verifier}"
        return Finding("signing key", "bad", text)
    return Finding("signing key", "ok", str(key.verifier))


def _checkpoint(store: Store, assurance: Assurance) -> Finding:
    unsigned = (journal.c.stream == Stream.AUDIT.value) & (journal.c.seq >= assurance.size)
    wanted = select(func.count(), func.min(journal.c.timestamp)).where(unsigned)
    with store.read() as connection:
        count, first = connection.execute(wanted).one()
    if not count:
        return Finding("checkpoint", "ok", assurance.signed)
    text = f"{assurance.signed}; {counted(count, 'record')} not signed yet"
    if is_late(first):
        text += f", the first since more than {LATE_SECONDS // 60} minutes: does the server run?"
        return Finding("checkpoint", "note", text)
    return Finding("checkpoint", "ok", text)


def _copies(assurance: Assurance) -> Iterator[Finding]:
    advice = "name a folder or an address on another machine in the setting checkpoint_copies"
    if assurance.elsewhere:
        yield Finding("copies", "ok", assurance.held())
    elif not assurance.copies or all(copy.place in assurance.here for copy in assurance.copies):
        yield Finding("copies", "note", f"{assurance.held()}; {advice}")
    else:
        yield Finding("copies", "note", f"{assurance.held()}: no place has taken a copy yet")
    for copy in assurance.copies:
        if copy.error is not None:
            state = "bad" if copy.contradicts else "note"
            yield Finding("copies", state, f"not copied to {copy.place}: {copy.error}")
