"""What was signed is known outside the database, so it cannot be taken back there unseen."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import update

from strongroom.audit.journal import Journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.anchor import Anchor
from strongroom.audit.ledger.keyfile import create_key
from strongroom.audit.ledger.signing import Signing
from strongroom.audit.ledger.tables import ledger_checkpoint
from strongroom.audit.merkle import Checkpoint, SignedNote, SigningKey
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import Corrupt, SettingsError
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record
from tests.unit.rewriting import write_anew

KEY = SigningKey("example.org/log", b"k" * 32)
NEW = SigningKey("example.org/log", b"n" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The anchor's file."""
    return tmp_path / "ledger.key.signed"


@pytest.fixture
def ledger(store: Store, path: Path) -> Ledger:
    """Of ten records, signed."""
    migrate(store, AUDIT_SCHEMA)
    made = Ledger(store, Anchor(path))
    append(store, 10)
    assert made.advance(KEY) is not None
    return made


def append(store: Store, count: int) -> None:
    """So many records."""
    Journal(store).append([audit_record(count=number) for number in range(count)])


def newest(store: Store) -> bytes:
    """The newest checkpoint in the database."""
    found = Ledger(store).newest()
    assert found is not None
    return found.note.to_bytes()


def test_it_is_the_newest_checkpoint(store: Store, ledger: Ledger, path: Path) -> None:
    for _ in range(2):
        assert path.read_bytes() == newest(store)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        append(store, 300)
        ledger.advance(KEY)
    assert [item for item in path.parent.iterdir() if item.name.startswith(".")] == []


@pytest.mark.parametrize("count", [0, 3, 10, 11, 300])
@pytest.mark.parametrize("keys_too", [True, False])
def test_what_was_written_anew_is_not_signed(
    store: Store, ledger: Ledger, path: Path, count: int, keys_too: bool
) -> None:
    before = path.read_bytes()
    write_anew(store, count, keys_too=keys_too)
    for again in (Ledger(store, Anchor(path)), ledger):
        with pytest.raises(Corrupt, match="written anew" if count >= 10 else "was cut") as refusal:
            again.advance(KEY)
        assert f"remove {path}" in str(refusal.value)
        assert again.newest() is None
    assert path.read_bytes() == before
    path.unlink()  # a backup was put back on purpose
    if count:
        assert Ledger(store, Anchor(path)).advance(KEY) is not None
        assert path.read_bytes() == newest(store)


def test_a_running_process_knows_it_without_a_file(store: Store) -> None:
    migrate(store, AUDIT_SCHEMA)
    append(store, 10)
    ledger = Ledger(store, Anchor())
    ledger.advance(KEY)
    write_anew(store, 12)
    with pytest.raises(Corrupt, match="written anew"):
        ledger.advance(KEY)


@pytest.mark.parametrize("more", [0, 1])
def test_a_checkpoint_of_another_key_is_not_gone_on_from(
    store: Store, ledger: Ledger, more: int
) -> None:
    head = Checkpoint.parse(SignedNote.parse(newest(store)).text)
    forged = update(ledger_checkpoint).values(note=head.sign(NEW).to_bytes())
    store.write(lambda connection: connection.execute(forged))
    if more:
        append(store, more)
    with pytest.raises(Corrupt, match="not signed with the key"):
        Ledger(store).advance(KEY)


def test_a_crash_before_it_was_written_does_no_harm(
    store: Store, ledger: Ledger, path: Path
) -> None:
    older = path.read_bytes()
    append(store, 5)
    ledger.advance(KEY)
    for content in (older, None):  # an older installation has none
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        assert Ledger(store, Anchor(path)).advance(KEY) is None
        assert path.read_bytes() == newest(store)


@pytest.mark.parametrize("content", [b"", b"\xff", Checkpoint("x", 1, b"r" * 32).sign(NEW)])
def test_one_that_is_none_stops_the_signing(
    store: Store, ledger: Ledger, path: Path, content: bytes | SignedNote
) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.to_bytes())
    append(store, 1)
    with pytest.raises(Corrupt, match="no checkpoint that a key of this ledger"):
        Ledger(store, Anchor(path)).advance(KEY)


def test_it_outlives_a_change_of_keys(store: Store, ledger: Ledger, path: Path) -> None:
    append(store, 1)
    Ledger(store).advance(NEW, KEY)
    assert Ledger(store, Anchor(path)).advance(NEW) is None
    assert path.read_bytes() == newest(store)
    append(store, 1)
    assert Ledger(store, Anchor(path)).advance(NEW) is not None


def test_one_that_cannot_be_written_is_told_and_written_later(store: Store, tmp_path: Path) -> None:
    migrate(store, AUDIT_SCHEMA)
    append(store, 1)
    path = tmp_path / "keys" / "ledger.key.signed"
    ledger = Ledger(store, Anchor(path))
    for _ in range(2):
        with pytest.raises(SettingsError, match="cannot be written"):
            ledger.advance(KEY)
    path.parent.mkdir()
    assert ledger.advance(KEY) is None
    assert path.read_bytes() == newest(store)


def test_where_it_is(store: Store, tmp_path: Path) -> None:
    migrate(store, AUDIT_SCHEMA)
    path = tmp_path / "keys" / "ledger.key"
    anchor = Signing(key=str(path)).anchor_path(store)
    assert anchor == path.with_name("ledger.key.signed")
    in_environment = Signing(key=KEY.secret_text())
    beside = in_environment.anchor_path(store)
    assert beside == store.path.with_name(f"{store.path.name}.signed")
    create_key(path, "example.org/log")
    path.unlink()
    anchor.touch()
    with pytest.raises(SettingsError, match=r"remove .*ledger\.key\.signed"):
        Signing(key=str(path)).load_key(store)
    assert not path.exists()
