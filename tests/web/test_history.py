"""A file's history, from its first upload to its end, as an auditor sees it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from strongroom.files.blobs import key_of
from tests.serving import Installation
from tests.unit.evidence import check, unpack
from tests.web.page import Element, read
from tests.web.wire import HTML, PATIENCE, Answer, api, put, send

FORM = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
LINES = {**FORM, "Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("history") / "data", workers=1).start()
    yield installation
    installation.stop()


def history(server: Installation, file_id: str, **asked: object) -> Answer:
    """The page; it must be one."""
    target = f"/files/{file_id}/history?{urlencode(asked)}"
    answer = send(server, "GET", target, headers=HTML)
    assert answer.status == 200, answer.text
    return answer


def lines(answer: Answer) -> list[Element]:
    """The acts on the page, newest first."""
    marks = {"act", "sound", "look", "refused", "wrong"}
    found = [e for e in read(answer) if e.tag == "li" and marks & set(e.classes)]
    return [e for e in found if "content" not in e.classes]


def acts(answer: Answer) -> list[str]:
    """What each of them was."""
    return [element.text for element in read(answer) if "did" in element.classes]


def checked(server: Installation, file_id: str, **form: str) -> Answer:
    """The answer to the form that has the bytes read now."""
    body = urlencode(form).encode()
    return send(server, "POST", f"/files/{file_id}/history/check", body, FORM)


def until_verified(server: Installation, file_id: str) -> Answer:
    """The page, once all that is on it is signed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = history(server, file_id)
        if "not signed yet" not in answer.text:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.1)


def lived(server: Installation, name: str) -> dict[str, Any]:
    """A file that much happened to."""
    file = put(server, name, b"first")
    assert send(server, "GET", api(name)).status == 200
    assert send(server, "GET", api(name), headers={"Range": "bytes=1-2"}).status == 206
    assert send(server, "GET", api(name), headers={"Range": "bytes=99-"}).status == 416
    newer = {"If-Match": f'"{file["sha256"]}"'}
    assert send(server, "PUT", api(name), b"second", newer).status == 204
    assert send(server, "PUT", api(name), b"third").status == 409
    assert send(server, "DELETE", api(name)).status == 204
    restored = f"/api/v1/trash/{file['file_id']}?name={quote('new ' + name)}"
    assert send(server, "POST", restored, b"").status == 200
    return file


def test_everything_in_its_order(server: Installation) -> None:
    file = lived(server, "whole.txt")
    other = put(server, "another.txt", b"of no concern")
    page = until_verified(server, file["file_id"])
    told = [
        "Restored from the trash",
        "Moved to the trash",
        "New content uploaded",
        "Download refused",
        "A part downloaded",
        "Downloaded",
        "Uploaded",
    ]
    assert acts(page) == told
    assert "the file has no such bytes" in lines(page)[3].text
    assert "new whole.txt" in page.text
    assert "7 acts" in page.text
    assert "7 of 7 verified" in page.text
    assert page.text.count("signed by this machine only") >= 7
    assert other["file_id"] not in page.text
    refused = [line for line in lines(page) if "refused" in line.classes]
    assert len(refused) == 1
    for line in lines(page):
        assert "127.0.0.1 · wire 1" in line.text
    record = server.records(f"file_id:{file['file_id']} event:file_uploaded")[-1]
    assert f'href="/logs/{record["id"]}"' in page.text


def test_refusals_under_its_name(server: Installation) -> None:
    """What was refused by path names no id; since the file bears that name, it was about it."""
    file = put(server, "named.txt", b"content")
    assert send(server, "PUT", api("named.txt"), b"other").status == 409
    assert send(server, "PUT", api("unnamed.txt"), b"other").status == 201
    assert acts(history(server, file["file_id"]))[0].startswith("Upload under its name refused")


def test_page_by_page_as_on_one(server: Installation) -> None:
    file = lived(server, "paged.txt")
    whole = acts(history(server, file["file_id"]))
    found: list[str] = []
    target = f"/files/{file['file_id']}/history?limit=2"
    while target:
        answer = send(server, "GET", target, headers=HTML)
        found += acts(answer)
        further = [e for e in read(answer) if e.tag == "a" and e.text == "Older records"]
        target = further[0].attributes["href"] if further else ""
    assert found == whole
    assert len(found) == 7


def test_who_looks_is_seen(server: Installation) -> None:
    """Looking is recorded and counted, and shown to whoever asks."""
    file = put(server, "watched.txt", b"content")
    first = history(server, file["file_id"])
    assert len(lines(first)) == 1
    [record] = server.records(f"event:history_viewed file_id:{file['file_id']}")
    assert (record["count"], record["filename"]) == (1, "watched.txt")
    second = history(server, file["file_id"])
    assert len(lines(second)) == 1
    assert "looked at this history (1)" in second.text
    shown = lines(history(server, file["file_id"], looks=1))
    assert [line.classes for line in shown] == [["look"], ["look"], ["act"]]


def test_stored_bytes_are_checked_on_the_spot(server: Installation) -> None:
    """Sound, damaged, mended: each as it is, and on record; damage has its record once."""
    file = put(server, "checked.txt", b"checked content")
    assert "not read since it was stored" in history(server, file["file_id"]).text
    answer = checked(server, file["file_id"])
    assert answer.status == 303
    page = send(server, "GET", answer.header("Location"), headers=HTML)
    assert acts(page)[0] == "Stored bytes match the recorded SHA-256, checked"
    assert "matched when it was read on" in page.text
    path = server.data / "objects" / key_of(file["sha256"])
    times = path.stat()
    path.write_bytes(b"chacked content")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for _ in range(2):
        assert checked(server, file["file_id"]).status == 303
    page = history(server, file["file_id"])
    assert [line.classes for line in lines(page)][:3] == [["wrong"]] * 3
    assert "The stored bytes are not those that were uploaded." in page.text
    assert len(server.records(f"event:content_damaged file_id:{file['file_id']}")) == 1
    assert send(server, "GET", api("checked.txt")).status == 500
    path.write_bytes(b"checked content")
    streamed = send(server, "POST", f"/files/{file['file_id']}/history/check", b"", LINES)
    assert streamed.body == b'{"read":15,"size":15}\n{"ended":true}\n'
    page = history(server, file["file_id"])
    assert "✓ match SHA-256" in page.text
    assert send(server, "GET", api("checked.txt")).status == 200
    found = server.records(f"event:content_checked file_id:{file['file_id']}")
    assert [(r["outcome"], r.get("reason")) for r in found] == [
        ("success", None),
        ("failed", "content_damaged"),
        ("failed", "content_damaged"),
        ("success", None),
    ]


def test_an_earlier_content_is_checked(server: Installation) -> None:
    file = put(server, "versions.txt", b"one")
    newer = {"If-Match": f'"{file["sha256"]}"'}
    assert send(server, "PUT", api("versions.txt"), b"two", newer).status == 204
    page = history(server, file["file_id"])
    current, earlier = [
        e.attributes["value"] for e in read(page) if e.attributes.get("name") == "version"
    ]
    assert current != earlier
    (server.data / "objects" / key_of(file["sha256"])).unlink()
    assert checked(server, file["file_id"], version=current).status == 303
    assert checked(server, file["file_id"], version=earlier).status == 303
    page = history(server, file["file_id"])
    assert acts(page)[1].startswith("Stored bytes found damaged")
    health = [e.text for e in read(page) if "health" in e.classes]
    assert [text[0] for text in health] == ["✓", "✗"]
    assert "gone" in health[1]


def test_deleted_for_good(server: Installation) -> None:
    """The records stay, and so does the history."""
    file = put(server, "purged.txt", b"short-lived")
    assert send(server, "DELETE", api("purged.txt")).status == 204
    assert "in the trash" in history(server, file["file_id"]).text
    assert send(server, "DELETE", f"/api/v1/trash/{file['file_id']}").status == 204
    page = history(server, file["file_id"])
    assert "deleted for good" in page.text
    assert "<h1><bdi>purged.txt</bdi></h1>" in page.text
    assert [line.split(" ")[0] for line in acts(page)] == ["Content", "Moved", "Uploaded"]
    assert [e for e in read(page) if e.tag == "form" and "data-check" in e.attributes] == []
    answer = checked(server, file["file_id"])
    assert answer.status == 404


def test_what_is_taken_away_proves_it(server: Installation, tmp_path: Path) -> None:
    file = lived(server, "bundled.txt")
    until_verified(server, file["file_id"])
    answer = send(server, "GET", f"/files/{file['file_id']}/history/bundle")
    assert answer.status == 200
    folder = unpack(answer.body, tmp_path / "bundle")
    told = check(folder, "--key", server.run("ledger", "vkey").stdout.strip())
    assert told.returncode == 0, told.stdout
    held = {int(path.name) for path in (folder / "records").iterdir()}
    acted = server.records(f"file_id:{file['file_id']} -event:history_viewed stream:audit")
    assert {record["seq"] for record in acted} <= held
    [record] = server.records(f"event:evidence_exported request_id:{answer.request_id}")
    assert (record["count"], record["extra"]["file"]) == (len(held), file["file_id"])


def test_markup_in_names_stays_text(server: Installation) -> None:
    name = '<img src=x onerror=alert(1)> & "quoted".txt'
    file = put(server, name, b"content")
    page = history(server, file["file_id"])
    assert "<img" not in page.text
    assert "<h1><bdi>&lt;img src=x" in page.text


def test_an_altered_record_shows(tmp_path: Path) -> None:
    server = Installation(tmp_path / "data", workers=1, verify_every=0).start()
    try:
        file = put(server, "altered.txt", b"content")
        send(server, "GET", api("altered.txt"))
        until_verified(server, file["file_id"])
        with closing(sqlite3.connect(server.data / "strongroom.db", isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 30000")
            forged = "CAST(replace(content, 'altered', 'forged!') AS BLOB)"
            db.execute(f"UPDATE journal SET content = {forged} WHERE event = 'file_downloaded'")
        page = history(server, file["file_id"])
        assert "1 record on this page does not verify." in page.text
        downloaded, uploaded = lines(page)
        assert "✗ does not verify" in downloaded.text
        assert "✓ verified" in uploaded.text
        answer = send(server, "GET", f"/files/{file['file_id']}/history/bundle", headers=HTML)
        assert answer.status == 500
        assert "PK" not in answer.text
    finally:
        server.stop()


def test_a_record_leads_to_the_history_of_its_file(server: Installation) -> None:
    stored = put(server, "led to.txt", b"x")
    (record,) = server.records(f"event:file_uploaded file_id:{stored['file_id']}")
    page = send(server, "GET", f"/logs/{record['id']}", headers=HTML)
    assert f'href="/files/{stored["file_id"]}/history"' in page.text
    other = send(server, "GET", "/logs?query=no+such+thing", headers=HTML)
    (look,) = server.records(f"event:logs_viewed request_id:{other.request_id}")
    assert "/history" not in send(server, "GET", f"/logs/{look['id']}", headers=HTML).text
