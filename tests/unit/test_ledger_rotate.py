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
from strongroom.audit.ledger.handover import Handover
from strongroom.audit.ledger.keeper import Lease
from strongroom.audit.ledger.keyfile import create_key, read_key
from strongroom.audit.ledger.loss import lost_keys
from strongroom.audit.ledger.rotate import replace_lost, rotate
from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.ledger.verify import State, Trust, verify
from strongroom.audit.merkle import Checkpoint, Malformed, SignedNote, SigningKey, VerifierKey
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
    assert done.kept is not None
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


def test_nothing_was_signed_yet(store: Store, path: Path) -> None:
    migrate(store, AUDIT_SCHEMA)
    create_key(path, "example.org/log")
    recorded: list[Event] = []
    with pytest.raises(SettingsError, match="delete the file"):
        rotate(store, path, recorded.append)
    assert recorded == []
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    append(store, 2)  # records that the key has not signed: it does so first
    done = rotate(store, path, AuditLog(store=store, signing=None, name="test").log)
    assert known(store) == [(done.old, 2), (done.new, 3)]
    assert verify(store, trust=Trust.given([done.old])).holds


def test_the_hand_over_names_both_keys(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    done = rotate(store, path, record)
    first, second = Ledger(store).keys.all()
    assert first.handover is None
    assert second.handover is not None
    note = SignedNote.parse(second.handover)
    assert note.text == (
        f"strongroom.key-change@v1\nexample.org/log\n{done.old}\n{done.new}\n{done.size}\n"
    )
    assert note.verify([done.old, done.new]) == (done.old, done.new)
    with pytest.raises(Malformed):
        Checkpoint.parse(note.text)
    with pytest.raises(Malformed):
        Handover.parse(str(Checkpoint("example.org/log", 9, b"r" * 32)))


def test_the_server_alone_signs_no_hand_over(store: Store, old: SigningKey) -> None:
    thief = SigningKey(old.name, b"t" * 32)
    append(store, 1)
    AuditLog(store=store, signing=None).log(SigningKeyChanged(verifier_key=str(thief.verifier)))
    Ledger(store).advance(old)
    append(store, 1)
    with pytest.raises(SettingsError, match="signed with"):
        Ledger(store).advance(thief)
    assert known(store) == [(old.verifier, 5)]


def lose(path: Path) -> None:
    """The key is gone for good."""
    path.unlink()


def test_a_key_that_is_lost(
    store: Store, path: Path, old: SigningKey, record: Callable[[Event], None]
) -> None:
    lose(path)
    append(store, 2)
    done = replace_lost(store, path, record)
    new = read_key("", path)
    assert new is not None
    assert (done.old, done.new, done.kept) == (old.verifier, new.verifier, None)
    assert known(store) == [(old.verifier, 5), (new.verifier, 8)]
    [(seq, entry)] = changes(store)
    assert (seq, entry["verifier_key"], entry["reason"]) == (7, str(new.verifier), "key_lost")
    append(store, 1)
    Ledger(store).advance(new)
    both = verify(store, trust=Trust.given([old.verifier, new.verifier]))
    assert both.holds, both.failure
    for one in (old.verifier, new.verifier):
        report = verify(store, trust=Trust.given([one]))
        assert [verdict.name for verdict in report.failed if verdict.name == "keys"] == ["keys"]
        assert f"--key '{old.verifier}' --key '{new.verifier}'" in str(report.failure)
    assert lost_keys(path) == [old.verifier, new.verifier]
    here = verify(store, trust=Trust.of_machine(new, lost_keys(path)))
    assert here.holds, here.failure
    assert stat.S_IMODE(path.with_name("ledger.key.lost").stat().st_mode) == 0o600
    again = rotate(store, path, record)
    assert verify(store, trust=Trust.given([old.verifier, new.verifier])).holds
    found = read_key("", path)
    assert found is not None
    assert found.verifier == again.new
    assert verify(store, trust=Trust.of_machine(found, lost_keys(path))).holds


@pytest.mark.parametrize(
    "step",
    [(module, "add_after_loss"), (Ledger, "advance"), (module, "note_loss"), (Path, "replace")],
)
def test_a_loss_that_broke_off_is_taken_up(
    store: Store,
    path: Path,
    record: Callable[[Event], None],
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[object, str],
) -> None:
    old = read_key("", path)
    assert old is not None
    lose(path)
    with monkeypatch.context() as patch:
        patch.setattr(*step, _never)
        with pytest.raises((Killed, Unavailable)):  # what is killed in a transaction
            replace_lost(store, path, record)
    assert not path.exists()
    done = replace_lost(store, path, record)
    assert [verifier for verifier, _ in known(store)] == [old.verifier, done.new]
    assert verify(store, trust=Trust.given([old.verifier, done.new])).holds
    assert lost_keys(path) == [old.verifier, done.new]


def test_what_is_there_is_not_lost(store: Store, path: Path, old: SigningKey) -> None:
    recorded: list[Event] = []
    with pytest.raises(SettingsError, match="without --lost"):
        replace_lost(store, path, recorded.append)
    assert recorded == []
    assert known(store) == [(old.verifier, 5)]
