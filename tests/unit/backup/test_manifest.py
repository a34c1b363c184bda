"""The manifest of a backup: what it can name, and what it is signed with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import orjson
import pytest

from strongroom.audit.merkle import Checkpoint, Malformed, SignedNote, SigningKey
from strongroom.backup.layout import is_name
from strongroom.backup.manifest import Entry, Manifest, check_signature, sign
from strongroom.errors import Corrupt, SettingsError

KEY = SigningKey("example.org/log", b"k" * 32)
SHA = "ab" * 32
OBJECT = f"objects/blobs/ab/ab/{SHA}"
ENTRIES = {
    name: Entry(name, 3, SHA)
    for name in ("strongroom.db", OBJECT, "archive/segments/audit/000000000000.g1.parquet")
}
MANIFEST = Manifest("2026-01-01T00:00:00.000000Z", "1.0", KEY.name, 7, "note\n", ENTRIES, ("x",))


def lines(manifest: Manifest = MANIFEST) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in manifest.to_bytes().splitlines()]


def written(found: list[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in found)


def test_it_is_read_as_it_was_written() -> None:
    assert Manifest.parse(MANIFEST.to_bytes()) == MANIFEST


@pytest.mark.parametrize(
    "name",
    [
        "../strongroom.db",
        "/etc/passwd",
        "objects/../../x",
        "archive/segments/audit/../../../x.g1.parquet",
        "archive/segments/other/000000000000.g1.parquet",
        "archive/segments/audit/000000000000.g1.parquet\n",
        f"archive/segments/audit/{chr(0x660) * 12}.g1.parquet",
        f"objects/blobs/cd/ab/{SHA}",
        f"objects/blobs/ab/ab/{SHA.upper()}",
        f"objects//blobs/ab/ab/{SHA}",
        f"./{OBJECT}",
        "ledger.key.signed",
        "server.lock",
        "strongroom.db-wal",
        "manifest.jsonl",
        "",
        "objects",
        "strongroom.db/x",
        "C:\\x",
        "strongroom.db\x00",
    ],
)
def test_names_that_lead_elsewhere(name: str) -> None:
    assert not is_name(name)
    found = lines()
    found[0] |= {"files": 4, "bytes": 12}
    with pytest.raises(Corrupt, match="no backup has"):
        Manifest.parse(written([*found, {"name": name, "bytes": 3, "sha256": SHA}]))


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": 7},
        {"bytes": -1},
        {"bytes": "3"},
        {"bytes": True},
        {"sha256": "cd" * 32},
        {"sha256": None},
        {"sha256": SHA[:-1]},
    ],
)
def test_entries_that_are_none(change: Mapping[str, object]) -> None:
    found = lines()
    place = next(i for i, line in enumerate(found) if line.get("name") == OBJECT)
    found[place] |= change
    with pytest.raises(Corrupt):
        Manifest.parse(written(found))


def test_one_that_is_cut_or_doubled() -> None:
    found = lines()
    for wrong in (found[:-1], [*found, found[-1]], found[1:], [], [found[0]]):
        with pytest.raises(Corrupt):
            Manifest.parse(written(wrong))
    without = dataclasses.replace(MANIFEST, entries={OBJECT: ENTRIES[OBJECT]})
    with pytest.raises(Corrupt, match="no database"):
        Manifest.parse(without.to_bytes())
    whole = MANIFEST.to_bytes()
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(Corrupt):
            Manifest.parse(whole[:length])


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]\n", b"null\n", b'"x"\n', b"{}\n", b"[1,2]\n[3]\n"]
)
def test_what_is_no_manifest(content: bytes) -> None:
    with pytest.raises(Corrupt):
        Manifest.parse(content)


@pytest.mark.parametrize(
    "change",
    [{"records": -1}, {"records": "7"}, {"origin": None}, {"absent": [1]}, {"files": None}],
)
def test_headers_that_say_nothing(change: Mapping[str, object]) -> None:
    found = lines()
    found[0] |= change
    with pytest.raises(Corrupt):
        Manifest.parse(written(found))


def test_one_of_a_newer_version() -> None:
    found = lines()
    found[0]["format"] = "strongroom-backup@v2"
    with pytest.raises(SettingsError, match="newer"):
        Manifest.parse(written(found))


def test_the_signature() -> None:
    content = MANIFEST.to_bytes()
    note = sign(content, KEY)
    check_signature(content, note.to_bytes(), [KEY.verifier])
    with pytest.raises(Corrupt, match="another manifest"):
        check_signature(content + b"\n", note.to_bytes(), [KEY.verifier])
    other = SigningKey(KEY.name, b"o" * 32)
    for keys in ([], [other.verifier]):
        with pytest.raises(Corrupt, match="does not hold"):
            check_signature(content, note.to_bytes(), keys)
    with pytest.raises(Corrupt, match="does not hold"):
        check_signature(content, b"nothing", [KEY.verifier])


def test_it_is_no_checkpoint_and_no_checkpoint_is_it() -> None:
    """Whoever can ask for the one must not come by the other."""
    content = MANIFEST.to_bytes()
    with pytest.raises(Malformed):
        Checkpoint.parse(sign(content, KEY).text)
    checkpoint = SignedNote.sign(f"{KEY.name}\n0\n", KEY)
    with pytest.raises(Corrupt, match="another manifest"):
        check_signature(content, checkpoint.to_bytes(), [KEY.verifier])
