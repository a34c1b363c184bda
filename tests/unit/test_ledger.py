"""The ledger: what is signed, what stops the signing, and proofs from stored tiles."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.journal.tables import journal_head
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.keyfile import create_key, default_origin, read_key
from strongroom.audit.ledger.tables import ledger_tile
from strongroom.audit.merkle import Checkpoint, CompactRange, SigningKey, leaf_hash
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import Corrupt, Refused, SettingsError
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.making import audit_record

KEY = SigningKey("example.org/log", b"k" * 32)
NEW = SigningKey("example.org/log", b"n" * 32)


@pytest.fixture
def journal(store: Store) -> Journal:
    migrate(store, AUDIT_SCHEMA)
    return Journal(store)


@pytest.fixture
def ledger(store: Store, journal: Journal) -> Ledger:
    return Ledger(store)


def append(journal: Journal, count: int) -> list[bytes]:
    """Append so many records; their entries."""
    made = [audit_record(count=number) for number in range(count)]
    journal.append(made)
    return [record.entry for record in made]


@pytest.mark.parametrize("sizes", [[1], [255, 1, 1], [256, 256], [3, 0, 700], [70_003]])
def test_what_was_appended_is_signed(journal: Journal, ledger: Ledger, sizes: list[int]) -> None:
    entries: list[bytes] = []
    for count in sizes:
        entries += append(journal, count)
        signed = ledger.advance(KEY)
        if not count:
            assert signed is None
            continue
        assert signed is not None
        assert signed == ledger.newest()
        expected = CompactRange().extend(map(leaf_hash, entries))
        assert (signed.size, signed.root) == (len(entries), expected.root())
        signed.note.verify([KEY.verifier])
        for seq in {0, len(entries) // 2, len(entries) - 1}:
            head = ledger.proof(seq).verify(entries[seq], [KEY.verifier])
            assert head == Checkpoint(KEY.name, len(entries), expected.root())
    assert ledger.advance(KEY) is None
    assert [known.verifier for known in ledger.keys.all()] == [KEY.verifier]


def test_an_empty_ledger_is_not_signed(ledger: Ledger) -> None:
    assert ledger.advance(KEY) is None
    assert ledger.newest() is None
    with pytest.raises(Refused):
        ledger.proof(0)


def test_proofs_against_older_checkpoints(journal: Journal, ledger: Ledger) -> None:
    entries, signed = [], []
    for _ in range(5):
        entries += append(journal, 130)
        signed.append(ledger.advance(KEY))
    for checkpoint in signed:
        assert checkpoint is not None
        for seq in (0, 129, checkpoint.size - 1):
            ledger.proof(seq, checkpoint).verify(entries[seq], [KEY.verifier])
        with pytest.raises(Refused):
            ledger.proof(checkpoint.size, checkpoint)
    assert ledger.at_least(131) == signed[1]
    assert ledger.at_least(651) is None


def _alter_an_entry(store: Store) -> None:
    execute(store, update(rows).where(rows.c.seq == 3).values(entry=b"{}"))


def _remove_one(store: Store) -> None:
    execute(store, delete(rows).where(rows.c.seq == 3))


def _cut_the_tail(store: Store) -> None:
    execute(store, delete(rows).where(rows.c.seq >= 8))


def _cut_head_and_tail(store: Store) -> None:
    _cut_the_tail(store)
    edge = CompactRange.from_bytes(8, b"x" * 32).to_bytes()
    execute(
        store,
        update(journal_head).where(journal_head.c.stream == "audit").values(next_seq=8, edge=edge),
    )


def _alter_the_edge(store: Store) -> None:
    execute(
        store,
        text("UPDATE journal_head SET edge = zeroblob(length(edge)) WHERE stream = 'audit'"),
    )


def execute(store: Store, statement: object) -> None:
    """Behind the journal's back."""
    store.write(lambda connection: connection.execute(statement))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "harm", [_alter_an_entry, _remove_one, _cut_the_tail, _cut_head_and_tail, _alter_the_edge]
)
def test_what_does_not_fit_is_not_signed(
    store: Store, journal: Journal, ledger: Ledger, harm: Callable[[Store], None]
) -> None:
    append(journal, 10)
    harm(store)
    with pytest.raises(Corrupt):
        ledger.advance(KEY)
    assert ledger.newest() is None


def test_a_journal_that_was_taken_back_is_not_signed(
    store: Store, journal: Journal, ledger: Ledger
) -> None:
    append(journal, 300)
    ledger.advance(KEY)
    execute(store, delete(rows).where(rows.c.seq >= 256))
    execute(store, delete(ledger_tile).where(ledger_tile.c.tile_index == 1))
    whole = CompactRange.read(256, lambda *_: _root_of_tile(store)).to_bytes()
    execute(
        store,
        update(journal_head)
        .where(journal_head.c.stream == "audit")
        .values(next_seq=256, edge=whole),
    )
    with pytest.raises(Corrupt, match="cut, or taken back"):
        ledger.advance(KEY)
    append(journal, 100)
    with pytest.raises(Corrupt, match="are not those that were signed"):
        ledger.advance(KEY)


def _root_of_tile(store: Store) -> bytes:
    with store.read() as connection:
        found: bytes = (
            connection.execute(ledger_tile.select().where(ledger_tile.c.level == 1)).one().hashes
        )
    return found


def test_another_key_needs_the_one_before_it(journal: Journal, ledger: Ledger) -> None:
    append(journal, 3)
    ledger.advance(KEY)
    append(journal, 3)
    with pytest.raises(SettingsError, match="so far"):
        ledger.advance(NEW)
    signed = ledger.advance(NEW, KEY)
    assert signed is not None
    assert set(signed.note.verify([KEY.verifier, NEW.verifier])) == {KEY.verifier, NEW.verifier}
    append(journal, 1)
    with pytest.raises(SettingsError):
        ledger.advance(KEY)
    alone = ledger.advance(NEW)
    assert alone is not None
    assert alone.note.verify([KEY.verifier, NEW.verifier]) == (NEW.verifier,)
    assert [(known.verifier, known.first_size) for known in ledger.keys.all()] == [
        (KEY.verifier, 3),
        (NEW.verifier, 6),
    ]
    append(journal, 1)
    with pytest.raises(SettingsError, match="given up"):
        ledger.advance(KEY, NEW)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.key"
    assert read_key("", path) is None
    key = create_key(path, default_origin())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert create_key(path, "another.example") == key == read_key("", path)
    assert read_key(str(path), Path("elsewhere")) == key
    assert read_key(key.secret_text(), Path("elsewhere")) == key
    assert [item.name for item in path.parent.iterdir()] == ["ledger.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ledger.key"
    create_key(path, "example.org")
    path.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_key("", path)


@pytest.mark.parametrize("content", [b"", b"secret", b"\xff", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError) as refusal:
        read_key("", path)
    assert "AAAA" not in str(refusal.value)
