"""The disk refuses a write: the person is told, it is recorded, and nothing half stays behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fault.stored import check_sound, database, incoming
from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.page import is_whole, notices
from tests.web.wire import FORM, HTML, HTMX, JSON, Part, api, form, names, put, send, upload

pytestmark = pytest.mark.fault

LIMIT = 8 * 1024 * 1024
"""Bytes that the kernel lets any file of the server have."""

Serve = Callable[..., Installation]


@pytest.fixture
def full(serve: Serve) -> Installation:
    """A server whose files cannot grow beyond a limit, so that a large write really fails."""
    return serve(ulimit=f"-f {LIMIT // 1024}", workers=1)


def check_traceback(record: dict[str, Any]) -> None:
    """It says what failed where, as data, without anything that a variable held."""
    assert record["error_type"] == "OSError"
    assert "File too large" in record["error_msg"]
    [exception] = record["exception"]
    assert exception["exc_type"] == "OSError"
    frames = exception["frames"]
    assert frames[-1]["name"] == "write"
    for frame in frames:
        assert Path(frame["filename"]).suffix == ".py"
        assert isinstance(frame["lineno"], int)
        assert not frame.get("locals")
    assert "xxxxxxxxxx" not in str(record)


CONTENT = b"x" * (LIMIT + 1)


def test_a_script_is_told(full: Installation) -> None:
    answer = send(full, "PUT", api("large.bin"), CONTENT)
    problem = answer.problem(507, "storage_full")
    assert "no room" in problem["detail"]
    assert "Errno" not in answer.text
    [record] = expect(
        full, answer, "upload_error", reason="storage_full", status=507, filename="large.bin"
    )
    check_traceback(record)
    assert names(full) == set()
    assert incoming(full) == []
    put(full, "small.bin", b"small")
    assert send(full, "GET", api("small.bin")).body == b"small"
    check_sound(full)


@pytest.mark.parametrize("headers", [HTML, HTMX, JSON], ids=["page", "htmx", "json"])
def test_a_person_is_told(full: Installation, headers: dict[str, str]) -> None:
    answer = upload(full, Part(b"small", "small.txt"), Part(CONTENT, "large.txt"), headers=headers)
    assert answer.status == 507
    if headers is not JSON:
        assert is_whole(answer) == (headers is HTML)
        assert "no room" in answer.text
    if headers is HTMX:
        assert [kind for kind, _ in notices(answer)] == ["error"]
    assert answer.request_id in answer.text
    assert "Traceback" not in answer.text
    assert "OSError" not in answer.text
    told = records_of(full, answer.request_id)
    assert {record["event"] for record in told.outcomes} == {"upload_error"}
    assert told.outcomes[-1]["filename"] == "large.txt"
    check_traceback(told.outcomes[-1])
    assert names(full) == set()
    assert incoming(full) == []


@contextmanager
def replaced_by_a_file(folder: Path) -> Iterator[None]:
    """A folder that is none for a while: no permission bit stops root, but this does."""
    aside = folder.with_name(folder.name + ".aside")
    folder.rename(aside)
    folder.write_bytes(b"")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


@pytest.mark.parametrize("part", ["incoming", "blobs"], ids=["to begin", "to publish"])
def test_a_folder_that_is_lost(serve: Serve, part: str) -> None:
    server = serve(workers=1)
    put(server, "before.txt", b"before")
    with replaced_by_a_file(server.data / "objects" / part):
        by_put = send(server, "PUT", api("by put.txt"), b"put")
        by_put.problem(500, "storage_failed")
        by_form = send(server, "POST", "/upload", form(Part(b"form", "f.txt")), {**FORM, **HTML})
        assert by_form.status == 500
        assert by_form.request_id in by_form.text
    for answer in (by_put, by_form):
        [record] = expect(server, answer, "upload_error", reason="storage_failed", status=500)
        assert record["error_type"] == "NotADirectoryError"
        assert record["exception"][0]["frames"]
    assert names(server) == {"before.txt"}
    assert incoming(server) == []
    put(server, "after.txt", b"put")
    check_sound(server)


def test_a_table_that_is_lost(serve: Serve) -> None:
    """Whatever breaks, an act on a file ends in one outcome that says it was our fault."""
    server = serve(workers=1)
    put(server, "kept.txt", b"kept")
    with closing(sqlite3.connect(database(server))) as connection:
        connection.execute("ALTER TABLE node RENAME TO node_aside")
        answers = {
            "upload_error": send(server, "PUT", api("new.txt"), b"x"),
            "download_failed": send(server, "GET", api("kept.txt")),
        }
        deleted = send(server, "DELETE", api("kept.txt"))
        connection.execute("ALTER TABLE node_aside RENAME TO node")
    for event, answer in answers.items():
        assert answer.status == 500
        assert answer.request_id in answer.text
        assert "sqlite" not in answer.text.lower()
        told = records_of(server, answer.request_id)
        outcomes = [r for r in told.outcomes if r["stream"] == "audit"]
        assert [record["event"] for record in outcomes] == [event]
        assert (outcomes[0]["outcome"], outcomes[0]["level"]) == ("failed", "error")
        assert outcomes[0]["exception"]
    # A deletion and its record are one transaction, which could not be carried out.
    assert deleted.status in (500, 503)
    assert records_of(server, deleted.request_id).response["level"] == "error"
    assert names(server) == {"kept.txt"}
    assert incoming(server) == []
