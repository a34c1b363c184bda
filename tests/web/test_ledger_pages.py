"""``/ledger`` for the tools of auditors, and what the viewer says of a record's proof."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, text, update

from strongroom.audit.extension import AuditLog
from strongroom.audit.journal import Journal
from strongroom.audit.journal.tables import journal as rows
from strongroom.audit.ledger import Ledger
from strongroom.audit.ledger.keyfile import create_key
from strongroom.audit.ledger.serve import ledger_blueprint
from strongroom.audit.ledger.tables import ledger_checkpoint, ledger_copy, ledger_tile
from strongroom.audit.merkle import SigningKey
from strongroom.bootstrap import SCHEMAS
from strongroom.store import Store
from strongroom.store.migrate import migrate
from tests.serving import Installation
from tests.unit.evidence import check, unpack
from tests.unit.making import audit_record
from tests.web.expect import expect, records_of
from tests.web.page import read
from tests.web.tile_client import Client, leaf, tree_hash
from tests.web.wire import HTML, Answer, put, send

KEY = SigningKey("example.org/log", b"k" * 32)
COUNT = 70_003
PATIENCE = 30.0
TEXT = "text/plain; charset=utf-8"
TILE = "/ledger/tile/0/000"


# A log of 70,003 records, read by a client that knows the specification alone


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, list[bytes]]]:
    """A server on many records, and their entries."""
    data = tmp_path_factory.mktemp("large") / "data"
    data.mkdir()
    store = Store(f"sqlite:///{data / 'strongroom.db'}")
    migrate(store, *SCHEMAS)
    records = [audit_record(count=number, filename=f"secret {number}") for number in range(COUNT)]
    Journal(store).append(records)
    Ledger(store).advance(create_key(data / "ledger.key", "example.org/log"))
    store.close()
    server = Installation(data).start()
    yield server, [record.entry for record in records]
    server.stop()


def test_a_large_log_is_read_whole(large: tuple[Installation, list[bytes]]) -> None:
    server, entries = large
    client = Client(f"{server.url}/ledger")
    head = client.head()
    assert head.size >= COUNT
    found = list(client.entries(head.size))
    assert found[:COUNT] == entries
    assert not any(b"secret" in entry for entry in found[:COUNT])
    levels = [client.level(level, head.size) for level in range(3)]
    assert [len(hashes) for hashes in levels] == [head.size, head.size >> 8, 1]
    assert levels[0] == [leaf(entry) for entry in found]
    for below, above in pairwise(levels):
        full = [below[at : at + 256] for at in range(0, len(below) - 255, 256)]
        assert [tree_hash(hashes) for hashes in full] == above
    assert tree_hash(levels[0]) == head.root
    [(name, signature)] = head.signatures
    named, key_id, encoded = client.get("vkey").decode().strip().split("+", 2)
    assert name == named == head.origin == "example.org/log"
    public = base64.b64decode(encoded)[1:]
    digest = hashlib.sha256(f"{name}\n\x01".encode() + public).hexdigest()[:8]
    assert key_id == digest == signature[:4].hex()
    Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], head.text)


def test_partial_tiles_of_every_width(large: tuple[Installation, list[bytes]]) -> None:
    server, entries = large
    hashes = [leaf(entry) for entry in entries]
    client, last = Client(f"{server.url}/ledger"), COUNT // 256
    for width in (1, 2, 100, COUNT % 256):
        content = client.get(f"tile/0/{last:03}.p/{width}")
        assert content == b"".join(hashes[last * 256 : last * 256 + width])
    for width in (1, 255):
        assert client.get(f"tile/0/000.p/{width}") == b"".join(hashes[:width])
        content = client.get(f"tile/entries/000.p/{width}")
        assert len(content) == sum(2 + len(entry) for entry in entries[:width])
        assert client.get(f"tile/1/000.p/{width}") == client.get("tile/1/000")[: 32 * width]


@pytest.mark.parametrize(
    "place",
    [
        "tile/0/273", "tile/0/273.p/255", "tile/0/274.p/1", "tile/entries/273",
        "tile/entries/273.p/255", "tile/1/001.p/255", "tile/1/002.p/1", "tile/2/000",
        "tile/2/000.p/2", "tile/3/000.p/1", "tile/63/000.p/1", "tile/64/000.p/1",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/0",
        "tile/0/x000/000", "tile/00/000", "tile/-1/000", "tile/0/000/", "tile/0//000",
        "tile/0/%30%30%30.p/300", "tile/entries/", "tile/entries/x", "tile/entries/000.p/256",
        "tile/data/000", "tile/", "tile", "tile/0/..%2f0%2f000", "nothing", "",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_what_there_is_not(large: tuple[Installation, list[bytes]], place: str) -> None:
    answer = send(large[0], "GET", f"/ledger/{place}")
    assert answer.status == 404
    assert answer.header("Cache-Control") == "no-store"
    if place.startswith("tile/") and place != "tile/":
        answer.problem(404, "tile_not_found")
        [told] = expect(large[0], answer, "ledger_read", reason="tile_not_found")
        assert (told["stream"], told["outcome"], told["level"]) == ("ops", "failed", "warning")


# What goes with an answer


def until_signed(server: Installation, seq: int = 0) -> None:
    """Wait until a checkpoint covers the record."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = send(server, "GET", "/ledger/checkpoint")
        if answer.status == 200 and int(answer.text.split("\n")[1]) > seq:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


@pytest.fixture(scope="module")
def uploaded(server: Installation) -> dict[str, Any]:
    """The record of an upload, signed."""
    put(server, "evidence.txt", b"123456")
    [record] = server.records("event:file_uploaded")
    until_signed(server, record["seq"])
    return record


KEPT = "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("target", "media_type", "caching"),
    [
        ("/ledger/checkpoint", TEXT, "no-cache"),
        ("/ledger/vkey", TEXT, "no-cache"),
        (f"{TILE}.p/1", "application/octet-stream", KEPT),
        ("/ledger/tile/entries/000.p/1", "application/octet-stream", KEPT),
    ],
)
def test_headers(
    server: Installation, uploaded: dict[str, Any], target: str, media_type: str, caching: str
) -> None:
    answer = send(server, "GET", target)
    assert answer.status == 200
    assert answer.header("Content-Type") == media_type
    assert answer.header("Cache-Control") == caching
    assert answer.header("X-Content-Type-Options") == "nosniff"
    etag = answer.header("ETag")
    [told] = expect(server, answer, "ledger_read")
    assert (told["stream"], told["outcome"], told["level"]) == ("ops", "success", "info")

    if target != "/ledger/checkpoint":  # which may be another one by now
        head = send(server, "HEAD", target)
        assert (head.status, head.body, head.header("ETag")) == (200, b"", etag)
        assert head.header("Content-Length") == str(len(answer.body))
        again = send(server, "GET", target, headers={"If-None-Match": etag})
        assert (again.status, again.body, again.header("ETag")) == (304, b"", etag)
        assert again.header("Cache-Control") == caching
    other = send(server, "GET", target, headers={"If-None-Match": '"other"'})
    assert other.status == 200


def test_reading_does_not_make_it_grow(server: Installation, uploaded: dict[str, Any]) -> None:
    for target in ("/ledger/checkpoint", f"{TILE}.p/1", "/ledger/vkey", "/ledger/tile/0/x"):
        told = records_of(server, send(server, "GET", target).request_id)
        assert {record["stream"] for record in told.outcomes} == {"ops"}


# One record's proof


def test_the_proof_of_a_record(server: Installation, uploaded: dict[str, Any]) -> None:
    for stem in ("/api/v1/records/", "/logs/"):
        answer = send(server, "GET", f"{stem}{uploaded['id']}/proof")
        assert answer.status == 200
        assert answer.header("Content-Type") == TEXT
        named = f"attachment; filename={uploaded['id']}.tlog-proof"
        assert answer.header("Content-Disposition") == named
        lines = answer.text.split("\n")
        assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {uploaded['seq']}"]
        expect(server, answer, "logs_viewed", count=1,
               extra={"record": uploaded["id"], "as": "proof"})  # fmt: skip


def test_the_bundle_of_a_record(
    server: Installation, uploaded: dict[str, Any], tmp_path: Path
) -> None:
    answer = send(server, "GET", f"/logs/{uploaded['id']}/bundle")
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/zip"
    assert f"evidence-{uploaded['id']}.zip" in answer.header("Content-Disposition")
    assert answer.header("Cache-Control") == "no-store"
    expect(server, answer, "evidence_exported", count=1, extra={"record": uploaded["id"]})
    key = send(server, "GET", "/ledger/vkey").text.strip()
    told = check(unpack(answer.body, tmp_path), "--key", key)
    assert told.returncode == 0
    assert f"file_uploaded {uploaded['id']} (content opened, network opened)" in told.stdout
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        content = archive.read(f"records/{uploaded['seq']}/content.json")
    assert b"evidence.txt" in content


def test_what_is_no_evidence_has_no_proof(server: Installation, uploaded: dict[str, Any]) -> None:
    answer = send(server, "GET", "/nowhere")
    [request, _] = server.outcome(answer.request_id)
    answer = send(server, "GET", f"/api/v1/records/{request['id']}/proof")
    answer.problem(404, "record_not_evidence")
    expect(server, answer, "logs_view_failed", reason="record_not_evidence")
    page = send(server, "GET", f"/logs/{request['id']}", headers=HTML)
    assert proof_of(page) == (
        "apart",
        "Not evidence Records of the stream ops are not in the ledger. Those of the stream audit are.",
    )


def proof_of(page: Answer) -> tuple[str, str]:
    """The state and text of the proof on a record's page."""
    assert page.status == 200
    [section] = [e for e in read(page) if "proof" in e.classes]
    return section.classes[1], section.text


def seal_of(page: Answer) -> tuple[str, str]:
    """The seal in a page's heading."""
    [seal] = [e for e in read(page) if "seal" in e.classes]
    return seal.classes[1], seal.text


AGE = r"\d+ (?:s|min)"


def test_a_record_says_who_vouches_for_it(server: Installation, uploaded: dict[str, Any]) -> None:
    page = send(server, "GET", f"/logs/{uploaded['id']}", headers=HTML)
    state, text = proof_of(page)
    assert state == "verified"
    told = rf"Leaf {uploaded['seq']} · in the checkpoint of \d+ records? signed {AGE} ago"
    alone = "signed by this machine only"
    assert re.fullmatch(rf"Verified just now {told} · {alone} Proof Evidence bundle", text), text
    links = {e.text: e.attributes["href"] for e in read(page) if e.tag == "a"}
    for name, status in (("Proof", 200), ("Evidence bundle", 200)):
        assert send(server, "GET", links[name]).status == status
    for target in ("/logs", f"/logs/{uploaded['id']}"):
        state, text = seal_of(send(server, "GET", target, headers=HTML))
        assert state == "alone"
        assert re.fullmatch(rf"✓ \d+ records? sealed · {alone}", text), text


def test_where_a_copy_is_held_is_said(tmp_path: Path, serve: Callable[..., Installation]) -> None:
    away = tmp_path / "away"
    away.mkdir()
    server = serve(checkpoint_copies=away, workers=1)
    put(server, "x")
    [record] = server.records("event:file_uploaded")
    deadline = time.monotonic() + PATIENCE
    while "copy held" not in send(server, "GET", "/logs", headers=HTML).text:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    page = send(server, "GET", f"/logs/{record['id']}", headers=HTML)
    told = rf"copy held at {re.escape(str(away))}, {AGE} old"
    assert re.search(rf"signed {AGE} ago · {told}", proof_of(page)[1]), proof_of(page)
    state, text = seal_of(page)
    assert state == "held"
    assert re.fullmatch(rf"✓ \d+ records? sealed · copy held at …?\S+/away, {AGE} old", text), text


# Any Flask application; and states that a running keeper soon ends


class Shop:
    """A Flask application with an audit log that nobody signs but the test."""

    def __init__(self, folder: Path) -> None:
        self.app = Flask("shop", instance_path=str(folder))
        self.allowed = True
        self.audit = AuditLog(
            self.app, allow_viewer=lambda: self.allowed, signing=None, viewer="/logs"
        )
        for path, public in (("/ledger", False), ("/public", True)):
            blueprint = ledger_blueprint(self.audit, lambda: self.allowed, public=public)
            self.app.register_blueprint(blueprint, url_prefix=path, name=path[1:])
        self.client: FlaskClient = self.app.test_client()
        self.audit.journal.append([audit_record(filename="x", ip_address="192.0.2.1")])
        [record] = self.audit.records("event:file_uploaded")
        self.page = f"/logs/{record['id']}"

    def text(self, target: str) -> str:
        """The text of a page."""
        return " ".join(re.sub("<[^>]+>", " ", self.client.get(target).text).split())

    def write(self, statement: Any) -> None:
        """Behind the journal's back."""
        self.audit.store.write(lambda connection: connection.execute(statement))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.audit.close()


def test_nothing_is_signed_yet(shop: Shop) -> None:
    for name in ("checkpoint", "vkey", "tile/0/000.p/1"):
        answer = shop.client.get(f"/ledger/{name}")
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"
        problem = answer.get_json(force=True)
        assert problem["reason"] == "not_signed_yet"
        assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert "Not signed yet Leaf 0 · no checkpoint covers it yet" in shop.text(shop.page)
    assert "○ nothing is sealed yet" in shop.text("/logs")
    for name in ("proof", "bundle"):
        assert shop.client.get(f"{shop.page}/{name}").status_code == 404


def test_a_record_after_the_checkpoint_is_not_signed_yet(shop: Shop) -> None:
    shop.audit.ledger.advance(KEY)
    shop.audit.journal.append([audit_record(event="file_deleted")])
    [record] = shop.audit.records("event:file_deleted")
    assert f"Leaf {record['seq']} · no checkpoint covers it yet" in shop.text(
        f"/logs/{record['id']}"
    )
    assert "Verified just now" in shop.text(shop.page)


def test_only_who_may_reads_it(shop: Shop) -> None:
    shop.audit.ledger.advance(KEY)
    assert shop.client.get("/ledger/checkpoint").status_code == 200
    shop.allowed = False
    answer = shop.client.get("/ledger/checkpoint")
    assert answer.status_code == 403
    assert answer.get_json(force=True)["reason"] == "ledger_not_allowed"
    [denied] = shop.audit.records("event:access_denied")
    assert (denied["reason"], denied["status"], denied["stream"]) == (
        "ledger_not_allowed", 403, "audit",
    )  # fmt: skip
    for name, caching in (
        ("checkpoint", "no-cache"),
        ("tile/0/000.p/1", "public, max-age=31536000, immutable"),
        ("tile/entries/000.p/1", "public, max-age=31536000, immutable"),
    ):
        answer = shop.client.get(f"/public/{name}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == caching


def test_forgotten_parts_are_told(shop: Shop) -> None:
    shop.audit.ledger.advance(KEY)
    shop.write(update(rows).where(rows.c.stream == "audit").values(network=None, network_salt=None))
    text = shop.text(shop.page)
    assert "Verified just now" in text
    assert "Not held any more: network" in text


@pytest.mark.parametrize("column", ["entry", "content", "network", "network_salt"])
def test_what_was_altered_does_not_verify(shop: Shop, column: str) -> None:
    shop.audit.ledger.advance(KEY)
    with shop.audit.store.read() as connection:
        [row] = connection.execute(rows.select().where(rows.c.stream == "audit", rows.c.seq == 0))
    harmed = bytes(getattr(row, column)).replace(b"1", b"2")
    harmed = harmed if harmed != getattr(row, column) else b"0" * 16
    if column == "network_salt":
        harmed = b"0" * 16
    chosen = (rows.c.stream == "audit") & (rows.c.seq == 0)
    shop.write(update(rows).where(chosen).values({column: harmed}))
    text = shop.text(shop.page)
    assert "Does not verify" in text
    assert "Verified just now" not in text
    assert "Evidence bundle" not in text


def test_a_damaged_ledger_leaves_the_viewer_readable(shop: Shop) -> None:
    shop.audit.ledger.advance(KEY)
    shop.write(update(ledger_tile).values(hashes=b"x" * 32))
    assert "Does not verify" in shop.text(shop.page)
    shop.write(delete(ledger_tile))
    assert "Does not verify" in shop.text(shop.page)
    shop.write(update(ledger_checkpoint).values(note=b"x"))
    text = shop.text("/logs")
    assert "✗ the evidence does not hold: verify it" in text
    text = shop.text(shop.page)
    assert "Does not verify the checkpoint of 1 records" in text
    assert "Not signed yet" not in text


def test_a_copy_counts_only_for_what_it_covers(shop: Shop) -> None:
    shop.audit.ledger.advance(KEY)
    shop.audit.journal.append([audit_record(event="file_deleted")])
    shop.audit.ledger.advance(KEY)
    [record] = shop.audit.records("event:file_deleted")
    shop.audit.copy_places = ("<b>backup</b>",)
    row = {"place": "<b>backup</b>", "size": 1, "copied_at": 1, "error": "refused: <i>"}
    shop.write(insert(ledger_copy).values(**row))
    page = shop.client.get(f"/logs/{record['id']}").text
    assert "<b>backup" not in page
    assert "<i>" not in page
    text = shop.text(f"/logs/{record['id']}")
    assert "signed by this machine only; the copies held elsewhere are older than this record" in (
        text
    )
    assert "Not copied to &lt;b&gt;backup" in text
    assert "copy held at &lt;b&gt;backup" in shop.text(shop.page)


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE ledger_tile SET hashes = x'00'", "tile/0/000.p/1"),
        ("UPDATE ledger_tile SET hashes = 'text'", "tile/0/000.p/1"),
        ("DELETE FROM ledger_tile", "tile/0/000.p/1"),
        ("UPDATE journal SET entry = 'text' WHERE stream = 'audit'", "tile/entries/000.p/1"),
        ("UPDATE journal SET entry = x'7b7d' WHERE stream = 'audit'", "tile/entries/000.p/1"),
        ("UPDATE ledger_tile SET hashes = zeroblob(32)", "tile/entries/000.p/1"),
        ("UPDATE ledger_checkpoint SET note = x'00'", "checkpoint"),
        ("UPDATE ledger_key SET verifier_key = 'none'", "vkey"),
    ],
)
def test_what_is_damaged_is_not_served(shop: Shop, statement: str, place: str) -> None:
    shop.audit.ledger.advance(KEY)
    assert shop.client.get(f"/public/{place}").status_code == 200
    shop.write(text(statement))
    answer = shop.client.get(f"/public/{place}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (500, "no-store")
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["reason"] == "ledger_damaged"
    [read] = shop.audit.records("event:ledger_read outcome:failed")
    assert read["reason"] == "ledger_damaged"
