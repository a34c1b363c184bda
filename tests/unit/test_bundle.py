"""Evidence bundles, checked as their recipients do: by the program inside, and by hand."""

from __future__ import annotations

import ast
import hashlib
import io
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import insert, text, update

from strongroom.audit.journal.tables import journal
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger import check as program
from strongroom.audit.ledger.bundle import write_bundle
from strongroom.audit.ledger.tables import ledger_copy
from strongroom.audit.merkle import SignedNote, SigningKey, Unproven
from strongroom.audit.migrations import AUDIT_SCHEMA
from strongroom.errors import Refused
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.unit.evidence import KEY, append, bundle, check, forget, unpack

NEW = SigningKey(KEY.name, b"n" * 32)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Seven signed records."""
    migrate(store, AUDIT_SCHEMA)
    ledger = Ledger(store)
    append(store, 7, ledger)
    return ledger


def lines(told: str, verdict: str) -> list[str]:
    """The records of this verdict."""
    return re.findall(rf"^{verdict} +record (\d+) ", told, re.MULTILINE)


def test_a_true_bundle_holds(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    folder = unpack(bundle(store, 6, 0, 3), tmp_path / "bundle")
    told = check(folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert lines(told.stdout, "ok") == ["0", "3", "6"]
    assert told.stdout.count("content opened, network opened") == 3
    assert "compare it with the" in told.stdout
    assert f"log {KEY.name}" in told.stdout
    assert check(folder, "--key", str(KEY.verifier)).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "MANIFEST.sha256", "README.txt", "assurance.txt", "check.py", "checkpoint", "proofs",
        "records", "vkeys.txt",
    ]  # fmt: skip


def test_its_files_are_the_stored_bytes(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    folder = unpack(bundle(store, 2), tmp_path / "bundle")
    with store.read() as connection:
        row = connection.execute(journal.select().where(journal.c.seq == 2)).one()
    record = folder / "records" / "2"
    assert (record / "entry.json").read_bytes() == row.entry
    assert (record / "content.json").read_bytes() == row.content
    assert (record / "network.json").read_bytes() == row.network
    assert (record / "content.salt").read_text() == f"{row.content_salt.hex()}\n"
    assert (record / "network.salt").read_text() == f"{row.network_salt.hex()}\n"
    newest = ledger.newest()
    assert newest is not None
    assert (folder / "checkpoint").read_bytes() == newest.note.to_bytes()
    assert (folder / "proofs" / "2.tlog-proof").read_bytes() == ledger.proof(2).to_bytes()
    assert (folder / "vkeys.txt").read_text() == f"{KEY.verifier}\n"
    assert b"192.0.2.7" not in row.entry


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 70_003])
def test_every_shape_of_tree(store: Store, tmp_path: Path, size: int) -> None:
    migrate(store, AUDIT_SCHEMA)
    append(store, size, Ledger(store))
    chosen = {0, size // 3, size // 2, size - 2 if size > 1 else 0, size - 1}
    told = check(unpack(bundle(store, *chosen), tmp_path / "bundle"))
    assert told.returncode == 0, told.stdout
    assert {int(number) for number in lines(told.stdout, "ok")} == chosen


def test_the_same_content_gives_the_same_bytes(store: Store, ledger: Ledger) -> None:
    first = bundle(store, 1, 4)
    assert bundle(store, 4, 1, 4) == first
    append(store, 1)  # not signed yet
    assert bundle(store, 1, 4) == first
    ledger.advance(KEY)
    assert bundle(store, 1, 4) != first


def test_what_was_forgotten_is_left_out(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    forget(store, 1, "network")
    forget(store, 2, "network", "content")
    folder = unpack(bundle(store, 1, 2), tmp_path / "bundle")
    told = check(folder)
    assert told.returncode == 0
    assert "(content opened, network not in this bundle)" in told.stdout
    assert "(content not in this bundle, network not in this bundle)" in told.stdout
    assert {path.name for path in (folder / "records" / "2").iterdir()} == {"entry.json"}


def test_parts_can_be_left_out(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    packed = io.BytesIO()
    write_bundle(store, [1, 2], packed, without=["network"])
    assert b"192.0.2.7" not in packed.getvalue()
    told = check(unpack(packed.getvalue(), tmp_path / "bundle"))
    assert told.returncode == 0
    assert told.stdout.count("(content opened, network not in this bundle)") == 2


@pytest.mark.parametrize("seqs", [[7], [-1], [700]])
def test_what_is_not_signed_cannot_be_shown(store: Store, ledger: Ledger, seqs: list[int]) -> None:
    with pytest.raises(Refused, match="covers"):
        bundle(store, *seqs)


def test_what_is_left_out_is_told(store: Store, ledger: Ledger) -> None:
    append(store, 2)
    told = write_bundle(store, [8, 3, 7, 900], io.BytesIO())
    assert (told.seqs, told.left_out) == ([3], [7, 8, 900])


def test_nothing_at_all_is_no_bundle(store: Store, ledger: Ledger) -> None:
    with pytest.raises(Refused, match="no such record"):
        bundle(store)


@pytest.mark.parametrize("column", ["entry", "content", "content_salt", "network", "id"])
def test_what_was_altered_is_no_evidence(store: Store, ledger: Ledger, column: str) -> None:
    chosen = (journal.c.stream == "audit") & (journal.c.seq == 3)
    value = "0" * 36 if column == "id" else b"0" * 16
    harm = update(journal).where(chosen).values({column: value})
    store.write(lambda connection: connection.execute(harm))
    with pytest.raises(Unproven):
        bundle(store, 3)
    assert bundle(store, 2, 4)


def test_a_column_of_another_type_is_no_evidence(store: Store, ledger: Ledger) -> None:
    harm = text("UPDATE journal SET content = replace(content, '日', 'x'), entry = entry || 'x'")
    store.write(lambda connection: connection.execute(harm))
    with pytest.raises(Unproven):
        bundle(store, 3)


def test_who_holds_a_copy_is_told(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    told = (unpack(bundle(store, 0), tmp_path / "alone") / "assurance.txt").read_text()
    assert "signed by this machine only" in told
    row = {"place": "backup.example", "size": 6, "copied_at": 1_800_000_000_000_000, "error": None}
    store.write(lambda connection: connection.execute(insert(ledger_copy), row))
    told = (unpack(bundle(store, 0), tmp_path / "never set") / "assurance.txt").read_text()
    assert "backup.example" not in told
    packed = io.BytesIO()
    write_bundle(store, [0], packed, places=["backup.example"])
    told = (unpack(packed.getvalue(), tmp_path / "held") / "assurance.txt").read_text()
    assert "- backup.example: of 6 records, copied at 2027-01-15T08:00:00.000000Z" in told
    assert "only" not in told


def test_another_key_is_not_trusted(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    folder = unpack(bundle(store, 0), tmp_path / "bundle")
    told = check(folder, "--key", str(NEW.verifier))
    assert told.returncode == 1
    assert "not signed by a key that is trusted" in told.stdout


def test_after_the_key_was_changed(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    append(store, 3)
    ledger.advance(NEW, KEY)
    both = unpack(bundle(store, 8), tmp_path / "both")
    append(store, 1)
    ledger.advance(NEW)
    alone = unpack(bundle(store, 8), tmp_path / "alone")
    assert (alone / "vkeys.txt").read_text() == f"{KEY.verifier}\n{NEW.verifier}\n"
    assert [check(both).returncode, check(alone).returncode] == [0, 0]
    for key, codes in ((KEY, [0, 1]), (NEW, [0, 0])):
        told = [check(folder, "--key", str(key.verifier)).returncode for folder in (both, alone)]
        assert told == codes


def test_any_altered_byte_is_noticed(store: Store, ledger: Ledger, tmp_path: Path) -> None:
    """Every eleventh byte of each file but the program (`make soak`: each), the manifest anew or not."""
    forget(store, 5, "network")
    folder = unpack(bundle(store, 2, 5), tmp_path / "bundle")
    assert program.check(folder, None)
    trusted = str(KEY.verifier)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "check.py"]
    signed = [path for path in files if path.name not in
              ("README.txt", "assurance.txt", "MANIFEST.sha256", "vkeys.txt")]  # fmt: skip
    draw = random.Random(3).randrange
    for path in files:
        whole = path.read_bytes()
        every = 37 if path.name == "README.txt" else 1 if os.environ.get("STRONGROOM_SOAK") else 11
        places = range(draw(every), len(whole), every)
        for place in places:
            harmed = bytes([whole[place] ^ 1 << draw(8)])
            path.write_bytes(whole[:place] + harmed + whole[place + 1 :])
            assert not program.check(folder, trusted), (path, place)
            if path in signed:
                manifest = _manifest_anew(folder)
                assert not program.check(folder, trusted), (path, place)
                (folder / "MANIFEST.sha256").write_bytes(manifest)
        path.write_bytes(whole)
    assert program.check(folder, trusted)


def _manifest_anew(folder: Path) -> bytes:
    """What a forger does who knows of it; the manifest before."""
    path = folder / "MANIFEST.sha256"
    before = path.read_bytes()
    names = [line.split("  ")[1] for line in before.decode().splitlines()]
    path.write_text(
        "".join(
            f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
            for name in names
        )
    )
    return before


def _swap(folder: Path) -> None:
    entries = [folder / "records" / n / "entry.json" for n in ("2", "5")]
    contents = [entry.read_bytes() for entry in entries]
    for entry, content in zip(entries, reversed(contents), strict=True):
        entry.write_bytes(content)


def _renumber(folder: Path) -> None:
    (folder / "records" / "2").rename(folder / "records" / "3")
    (folder / "proofs" / "2.tlog-proof").rename(folder / "proofs" / "3.tlog-proof")
    manifest = folder / "MANIFEST.sha256"
    manifest.write_text(re.sub(r"(records/|proofs/)2", r"\g<1>3", manifest.read_text()))


def _forge(folder: Path) -> None:
    """Another log altogether, with a key of its own that goes by the same name."""
    (folder / "vkeys.txt").write_text(f"{NEW.verifier}\n")
    signed = (folder / "checkpoint").read_text().partition("\n\n")[0] + "\n"
    forged = SignedNote.sign(signed, NEW).to_bytes()
    (folder / "checkpoint").write_bytes(forged)
    for path in (folder / "proofs").iterdir():
        path.write_bytes(path.read_bytes().partition(b"\n\n")[0] + b"\n\n" + forged)


HARMS: list[tuple[Callable[[Path], object], str]] = [
    (lambda f: (f / "records" / "2" / "entry.json").unlink(), "missing"),
    (lambda f: shutil.rmtree(f / "records" / "2"), "missing"),
    (lambda f: (f / "MANIFEST.sha256").unlink(), "MANIFEST"),
    (lambda f: (f / "checkpoint").unlink(), "missing"),
    (lambda f: (f / "records" / "2" / "more.json").write_text("{}"), "not packed"),
    (lambda f: (f / "MANIFEST.sha256").write_text(f"{'0' * 64}  ../x\n"), "form"),
    (_swap, "does not lead to the root"),
    (_renumber, "not one of record 3"),
    (_forge, "not signed by a key that is trusted"),
]


@pytest.mark.parametrize(("harm", "hint"), HARMS, ids=range(len(HARMS)))
def test_tampering_is_told(
    store: Store, ledger: Ledger, tmp_path: Path, harm: Callable[[Path], object], hint: str
) -> None:
    folder = unpack(bundle(store, 2, 5), tmp_path / "bundle")
    harm(folder)
    if harm in (_swap, _renumber, _forge):
        _manifest_anew(folder)
    told = check(folder, "--key", str(KEY.verifier))
    assert told.returncode == 1
    assert hint in told.stdout, told.stdout
    assert told.stderr == ""


def test_it_does_not_matter_where_it_is_started(
    store: Store, ledger: Ledger, tmp_path: Path
) -> None:
    folder = unpack(bundle(store, 2), tmp_path / "bundle")
    empty = tmp_path / "empty"
    empty.mkdir()
    alone = shutil.copy(folder / "check.py", empty)
    told = check(empty)
    assert told.returncode == 1
    assert "MANIFEST.sha256" in told.stdout
    assert check(Path(alone).parent, str(folder)).returncode == 0


# Digits alone would not do: one digest in a thousand has none.
OTHERWISE = bytes.maketrans(b"0123456789abcdefghij", b"1234567890bcdefghija")


@pytest.mark.skipif(
    not all(map(shutil.which, ("openssl", "xxd", "sha256sum"))),
    reason="openssl, xxd or sha256sum is missing: the instructions were NOT followed by hand",
)
@pytest.mark.parametrize(("size", "seq"), [(7, 6), (7, 2), (1, 0), (300, 255), (300, 299)])
def test_the_instructions_can_be_followed(
    store: Store, tmp_path: Path, size: int, seq: int
) -> None:
    migrate(store, AUDIT_SCHEMA)
    append(store, size, Ledger(store))
    folder = unpack(bundle(store, seq), tmp_path / "bundle")
    assert _by_hand(folder, tmp_path) == 6
    for name, left in (("entry.json", 2), ("content.json", 4), ("network.salt", 4)):
        path = folder / "records" / str(seq) / name
        whole = path.read_bytes()
        path.write_bytes(whole.translate(OTHERWISE))
        assert _by_hand(folder, tmp_path) == left, name
        path.write_bytes(whole)
    path = folder / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"example", b"elpmaxe", 1))
    assert _by_hand(folder, tmp_path) == 3


def _by_hand(folder: Path, tmp_path: Path) -> int:
    """Type what README.txt says; how often it holds, of six times."""
    text = (folder / "README.txt").read_text()
    steps = re.findall(r"^    (.*)$", text.partition("CHECK IT BY HAND")[2], re.MULTILINE)
    script = "\n".join(steps).replace("/tmp/", f"{tmp_path}/")
    told = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, cwd=folder, check=False
    )
    return told.stdout.splitlines().count("holds")


def test_the_program_is_one_for_old_pythons() -> None:
    source = Path(program.__file__).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {
        "argparse", "base64", "binascii", "hashlib", "json", "pathlib", "re", "sys",
        "typing",
    }  # fmt: skip


RFC_8032: list[tuple[str, str, str]] = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]  # RFC 8032, section 7.1, tests 1 to 3


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_signatures_of_the_rfc(public: str, message: str, signature: str) -> None:
    key, text, given = (bytes.fromhex(item) for item in (public, message, signature))
    assert program.ed25519_verifies(key, text, given)
    assert not program.ed25519_verifies(key, text + b"\0", given)


def test_signatures_as_a_library_sees_them() -> None:
    """Random keys and messages, whole and with a bit turned anywhere."""
    draw = random.Random(8032)
    for _ in range(60):
        key = Ed25519PrivateKey.from_private_bytes(draw.randbytes(32))
        public, message = key.public_key().public_bytes_raw(), draw.randbytes(draw.randrange(200))
        signature = key.sign(message)
        assert program.ed25519_verifies(public, message, signature)
        for length, which in ((32, 0), (64, 2), (len(message), 1)):
            if not length:
                continue
            given = [bytearray(public), bytearray(message), bytearray(signature)]
            given[which][draw.randrange(length)] ^= 1 << draw.randrange(8)
            harmed = [bytes(item) for item in given]
            assert program.ed25519_verifies(*harmed) == _library_verifies(*harmed)


def _library_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
def test_signatures_that_are_none(length: int) -> None:
    public = KEY.verifier.public
    assert not program.ed25519_verifies(public, b"", b"\0" * length)
    assert not program.ed25519_verifies(b"\0" * length, b"", KEY.sign(b""))
    high = (2**256 - 1).to_bytes(32, "little")
    assert not program.ed25519_verifies(public, b"", KEY.sign(b"")[:32] + high)
    assert not program.ed25519_verifies(high, b"", KEY.sign(b""))


def test_it_is_a_zip_that_others_read(store: Store, ledger: Ledger) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle(store, 0, 1))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "README.txt"
        assert names[-1] == "MANIFEST.sha256"
        assert len(set(names)) == len(names) == 6 + 2 * 6
        assert all(item.date_time == (1980, 1, 1, 0, 0, 0) for item in archive.infolist())


def test_what_lies_beside_the_program_is_not_imported(
    store: Store, ledger: Ledger, tmp_path: Path
) -> None:
    folder = unpack(bundle(store, 2), tmp_path / "bundle")
    for name in ("argparse", "__future__", "json", "hashlib", "typing"):
        (folder / f"{name}.py").write_text("print('Everything holds.')\nraise SystemExit(0)\n")
    for options in ([], ["-I"]):
        told = subprocess.run(
            [sys.executable, *options, "-B", str(folder / "check.py"), "--key", str(KEY.verifier)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 1
        assert "was not packed" in told.stdout, told


@pytest.mark.parametrize(
    "place",
    [
        "more.txt", "records/2/content.txt", "records/2/Content.json", "records/002/entry.json",
        "records/2/.hidden", "records/x", "proofs/02.tlog-proof", "proofs/2.txt", "more/README.txt",
    ],
)  # fmt: skip
def test_nothing_else_may_be_there(
    store: Store, ledger: Ledger, tmp_path: Path, place: str
) -> None:
    folder = unpack(bundle(store, 2), tmp_path / "bundle")
    (folder / place).parent.mkdir(exist_ok=True)
    shutil.copy(folder / "records" / "2" / "entry.json", folder / place)
    told = check(folder, "--key", str(KEY.verifier))
    assert (told.returncode, told.stderr) == (1, "")
    assert "was not packed" in told.stdout
    digest = hashlib.sha256((folder / place).read_bytes()).hexdigest()
    with (folder / "MANIFEST.sha256").open("a") as manifest:
        manifest.write(f"{digest}  {place}\n")
    told = check(folder, "--key", str(KEY.verifier))
    assert (told.returncode, told.stderr) == (1, "")
    assert "not of its form" in told.stdout


@pytest.mark.parametrize("number", ["003", "9" * 200])
def test_no_other_folder_may_be_there(
    store: Store, ledger: Ledger, tmp_path: Path, number: str
) -> None:
    folder = unpack(bundle(store, 2), tmp_path / "bundle")
    (folder / "records" / number).mkdir()
    told = check(folder, "--key", str(KEY.verifier))
    assert (told.returncode, told.stderr) == (1, "")
    assert "was not packed" in told.stdout
