"""Changing the signing key: both sign, the files change places, and it can be taken up again."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.audit.events import Event
from strongroom.audit.events.ledger import SigningKeyChanged
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger import rotate as module
from strongroom.audit.ledger.keeper import Lease
from strongroom.audit.ledger.keyfile import create_key, read_key
from strongroom.audit.ledger.rotate import rotate
from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.ledger.verify import State, Trust, verify
from strongroom.audit.merkle import SigningKey, VerifierKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import Corrupt, SettingsError, Unavailable
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.evidence import append


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the key."""
    return tmp_path / "keys" / "ledger.key"


@pytest.fixture
def old(store: Store, path: Path) -> SigningKey:
    """The key that signed five records."""
    migrate(store, AUDIT_SCHEMA)
    append(store, 5)
    key = create_key(path, "example.org/log")
    Ledger(store).advance(key)
    return key


@pytest.fixture
def record(store: Store, old: SigningKey) -> Callable[[Event], None]:
    """Logs to the store's journal."""
    return AuditLog(store=store, signing=None, name="test").log


def changes(store: Store) -> list[tuple[int, dict[str, object]]]:
    """Number and entry of each record of a change."""
    wanted = select(rows).where(rows.c.event == "signing_key_changed").order_by(rows.c.seq)
    with store.read() as connection:
        return [(row.seq, json.loads(row.entry)) for row in connection.execute(wanted)]


def known(store: Store) -> list[tuple[VerifierKey, int | None]]:
    """The ledger's keys, and where each began."""
    return [(key.verifier, key.first_size) for key in Ledger(store).keys.all()]


def test_the_old_key_vouches_for_the_new(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    append(store, 3)  # that the old one has not signed yet
    done = rotate(store, path, record)
    new = read_key("", path)
    assert new is not None
    assert (done.old, done.new, done.size) == (old.verifier, new.verifier, 9)
    assert new.name == old.name
    assert new.seed != old.seed
    newest = Ledger(store).newest()
    assert newest is not None
    assert newest.note.verify([old.verifier, new.verifier]) == (new.verifier, old.verifier)
    # What the old key signed names the new one, in bytes that are never forgotten.
    [(seq, entry)] = changes(store)
    assert (seq, entry["verifier_key"]) == (8, str(new.verifier))
    assert known(store) == [(old.verifier, 5), (new.verifier, 9)]
    before = Ledger(store).at_least(8)
    assert before is not None
    assert before.note.verify([old.verifier, new.verifier]) == (old.verifier,)


def test_whoever_knows_the_old_key_alone_can_verify(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    for _ in range(2):
        rotate(store, path, record)
        append(store, 2)
        key = read_key("", path)
        assert key is not None
        Ledger(store).advance(key)
    report = verify(store, trust=Trust.given([old.verifier]))
    failed = [verdict for verdict in report.verdicts if verdict.state is State.FAILS]
    assert failed == []
    assert report.signed_size == 5 + 2 * 3


def test_the_old_file_is_kept(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    done = rotate(store, path, record)
    assert done.kept == path.with_name(f"ledger.key.{old.verifier.key_id.hex()}.old")
    assert read_key("", done.kept) == old
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, done.kept.name]
    assert {stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()} == {0o600}


def test_it_can_be_done_again(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    for _ in range(3):
        rotate(store, path, record)
        append(store, 1)
        key = read_key("", path)
        assert key is not None
        Ledger(store).advance(key)
    assert len({verifier for verifier, _ in known(store)}) == 4
    assert len(changes(store)) == 3
    assert len(list(path.parent.iterdir())) == 4


def test_not_while_the_server_runs(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    lease = Lease(store.path.with_name(store.path.name + ".ledger"))
    assert lease.taken()
    try:
        with pytest.raises(Unavailable, match="stop it first"):
            rotate(store, path, record)
    finally:
        lease.close()
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert known(store) == [(old.verifier, 5)]
    assert changes(store) == []


class Killed(BaseException):
    """What stands for the end of the process."""


def _never(*_: object, **__: object) -> None:
    raise Killed


def _never_both(ledger: Ledger, key: SigningKey, *others: SigningKey) -> None:
    if others:
        raise Killed


STEPS: dict[str, tuple[object, str, Callable[..., None]]] = {
    "before anything is signed": (Ledger, "advance", _never),
    "before the record": (module, "SigningKeyChanged", _never),
    "before both have signed": (Ledger, "advance", _never_both),
    "before the old file is kept": (os, "link", _never),
    "before the new file takes its place": (Path, "replace", _never),
}


@pytest.mark.parametrize("step", STEPS)
def test_what_broke_off_is_taken_up(
    store: Store,
    path: Path,
    record: Callable[[Event], None],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    old = read_key("", path)
    assert old is not None
    where, name, instead = STEPS[step]
    if step == "before the old file is kept":
        create_key(path.with_name(f"{path.name}.new"), old.name)  # it is made with link() as well
    with monkeypatch.context() as patch:
        patch.setattr(where, name, instead)
        with pytest.raises(Killed):
            rotate(store, path, record)
    assert read_key("", path) == old
    draft = read_key("", path.with_name(f"{path.name}.new"))
    assert draft is not None
    done = rotate(store, path, record)
    assert (done.new, read_key("", path)) == (draft.verifier, draft)
    assert read_key("", done.kept) == old
    assert [verifier for verifier, _ in known(store)] == [old.verifier, draft.verifier]
    named = {entry["verifier_key"] for seq, entry in changes(store) if seq < done.size}
    assert named == {str(draft.verifier)}


def test_there_must_be_a_key(store: Store, path: Path, old: SigningKey) -> None:
    recorded: list[Event] = []
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(SettingsError, match="no key"):
        rotate(store, path, recorded.append)
    create_key(path, old.name)
    with pytest.raises(SettingsError, match="signed with"):
        rotate(store, path, recorded.append)
    assert recorded == []
    assert known(store) == [(old.verifier, 5)]


def test_a_ledger_that_does_not_hold_keeps_its_key(
    store: Store, path: Path, old: SigningKey
) -> None:
    append(store, 1)
    harm = ledger_tile.update().values(hashes=b"x" * 32 * 5)
    store.write(lambda connection: connection.execute(harm))
    recorded: list[Event] = []
    with pytest.raises(Corrupt):
        rotate(store, path, recorded.append)
    assert read_key("", path) == old
    assert recorded == []


def test_the_key_is_stored_as_it_is(store: Store, old: SigningKey) -> None:
    """Redaction takes no public key for a secret."""
    audit = AuditLog(store=store, signing=None)
    audit.log(SigningKeyChanged(verifier_key=str(old.verifier)))
    [record] = audit.records("event:signing_key_changed")
    assert record["verifier_key"] == str(old.verifier)
