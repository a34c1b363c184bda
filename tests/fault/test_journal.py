"""The journal cannot be written: nothing is done that could not be accounted for."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from tests.fault.stored import by_request, check_dense, check_sound, incoming, stored_records
from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.page import is_whole
from tests.web.wire import FORM, HTML, HTMX, JSON, Answer, Part, api, form, names, put, send

pytestmark = pytest.mark.fault

Serve = Callable[..., Installation]

_REFUSE = (
    "CREATE TRIGGER refuse BEFORE INSERT ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END"
)


@contextmanager
def refusing(server: Installation) -> Iterator[None]:
    """The database refuses every new record, and can be read."""
    with closing(sqlite3.connect(database_of(server), isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(_REFUSE)
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER refuse")


@contextmanager
def missing(server: Installation) -> Iterator[None]:
    """The database has no journal at all."""
    with closing(sqlite3.connect(database_of(server), isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("ALTER TABLE journal RENAME TO journal_aside")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE journal_aside RENAME TO journal")


def database_of(server: Installation) -> str:
    """Path of the database file."""
    return str(server.data / "strongroom.db")


CHANGES = {
    "put": ("PUT", api("new.txt"), b"x", JSON),
    "form": ("POST", "/upload", form(Part(b"x", "new.txt")), {**FORM, **JSON}),
    "plain form": ("POST", "/upload", form(Part(b"x", "new.txt")), {**FORM, **HTML}),
    "htmx form": ("POST", "/upload", form(Part(b"x", "a"), Part(b"x", "b")), {**FORM, **HTMX}),
    "delete": ("DELETE", api("kept.txt"), None, JSON),
    "delete by htmx": ("DELETE", "/delete/kept.txt", None, HTMX),
    "delete by form": ("POST", "/delete/kept.txt", b"", HTML),
    "refused put": ("PUT", api(".."), b"x", JSON),
    "refused delete": ("DELETE", api("none"), None, JSON),
}

READS = {
    "download": ("GET", api("kept.txt"), JSON),
    "list": ("GET", "/api/v1/files", JSON),
    "page": ("GET", "/", HTML),
    "failed download": ("GET", api("none"), JSON),
}


def check_unavailable(answer: Answer, headers: dict[str, str]) -> None:
    """503, when to come back, and what happened, in the client's form."""
    assert answer.status == 503
    assert int(answer.header("Retry-After")) > 0
    assert answer.request_id in answer.text
    assert "on fire" not in answer.text
    assert "sqlite" not in answer.text.lower()
    if "application/json" in headers["Accept"]:
        answer.problem(503, "journal_not_writable")
    else:
        assert is_whole(answer) == ("HX-Request" not in headers)


@pytest.mark.parametrize("fault", [refusing, missing])
@pytest.mark.parametrize("audit_failure", ["refuse", "continue"])
def test_nothing_is_changed(
    serve: Serve, fault: Callable[[Installation], object], audit_failure: str
) -> None:
    server = serve(audit_failure=audit_failure)
    put(server, "kept.txt", b"kept")
    answers = []
    with fault(server):  # type: ignore[attr-defined]
        for case, (method, target, body, headers) in CHANGES.items():
            if audit_failure == "continue" and case.startswith("refused"):
                continue  # changes nothing, so it follows the setting like a read
            answer = send(server, method, target, body, headers)
            check_unavailable(answer, headers)
            answers.append(answer)
        ready = send(server, "GET", "/readyz")
        assert ready.status == 503
        assert send(server, "GET", "/healthz").status == 200

    assert send(server, "GET", "/readyz").status == 200
    assert names(server) == {"kept.txt"}
    assert send(server, "GET", api("kept.txt")).body == b"kept"
    assert incoming(server) == []
    for answer in answers:  # what was queued meanwhile arrives
        told = records_of(server, answer.request_id)
        assert told.response["status"] == 503
    # And all works again.
    for method, target, body, headers in list(CHANGES.values())[:1]:
        assert send(server, method, target, body, headers).status == 201
    server.stop()
    records = stored_records(server)
    check_dense(records)
    assert [r for r in records if r["event"] == "records_dropped"] == []
    check_sound(server)


def test_reads_are_refused_too(serve: Serve) -> None:
    server = serve()
    put(server, "kept.txt", b"kept content")
    with refusing(server):
        for method, target, headers in READS.values():
            answer = send(server, method, target, headers=headers)
            check_unavailable(answer, headers)
            assert b"kept content" not in answer.body
    assert send(server, "GET", api("kept.txt")).body == b"kept content"


def test_reads_go_on_where_the_setting_says_so(serve: Serve) -> None:
    server = serve(audit_failure="continue")
    put(server, "kept.txt", b"kept content")
    wanted = {"download": 200, "list": 200, "page": 200, "failed download": 404}
    with refusing(server):
        for case, (method, target, headers) in READS.items():
            answer = send(server, method, target, headers=headers)
            assert answer.status == wanted[case]
    log = server.log.read_text()
    for event in ("file_downloaded", "files_listed", "download_failed"):
        assert f'"event":"{event}"' in log  # printed at least
    answer = send(server, "GET", api("kept.txt"))
    expect(server, answer, "file_downloaded")


@pytest.mark.parametrize("audit_failure", ["refuse", "continue"])
def test_the_logs_can_be_read(serve: Serve, audit_failure: str) -> None:
    """Whoever has to find out what is wrong must not be locked out by it."""
    server = serve(audit_failure=audit_failure)
    put(server, "kept.txt")
    with refusing(server):
        page = send(server, "GET", "/logs?query=event:file_uploaded", headers=HTML)
        assert page.status == 200
        assert "kept.txt" in page.text
        found = send(server, "GET", "/api/v1/records?query=event:file_uploaded")
        assert [record["filename"] for record in found.json()["records"]] == ["kept.txt"]
        record = found.json()["records"][0]["id"]
        assert send(server, "GET", f"/logs/{record}", headers=HTML).status == 200
        assert send(server, "GET", f"/api/v1/records/{record}").status == 200
        printed = server.run("log", "search", "--json", "event:file_uploaded").stdout
        assert "kept.txt" in printed


def test_a_lock_that_is_held_for_a_while_is_waited_for(serve: Serve) -> None:
    """A backup or a ``sqlite3`` on the command line may hold the database."""
    server = serve()
    answers: list[Answer] = []
    with closing(sqlite3.connect(database_of(server), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        threads = [
            threading.Thread(
                target=lambda number: answers.append(
                    send(server, "PUT", api(f"waiting {number}"), b"x")
                ),
                args=(number,),
            )
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        threads[0].join(1.5)
        assert answers == []
        assert send(server, "GET", "/healthz").status == 200
        connection.execute("COMMIT")
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [201] * 8
    for answer in answers:
        expect(server, answer, "file_uploaded")
    server.stop()
    assert set(by_request(stored_records(server))) >= {answer.request_id for answer in answers}


def test_a_journal_that_fails_in_the_middle_of_a_form(serve: Serve) -> None:
    """What is stored by then is stored and recorded, and the answer says which file is not."""
    server = serve()
    with closing(sqlite3.connect(database_of(server), isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(
            "CREATE TRIGGER refuse_second BEFORE INSERT ON journal "
            "WHEN instr(CAST(NEW.content AS TEXT), 'second.txt') "
            "BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END"
        )
        body = form(Part(b"1", "first.txt"), Part(b"2", "second.txt"), Part(b"3", "third.txt"))
        answer = send(server, "POST", "/upload", body, {**FORM, **JSON})
        connection.execute("DROP TRIGGER refuse_second")
    assert answer.status == 207
    results = answer.json()["files"]
    assert [item["status"] for item in results] == [201, 503, 201]
    assert results[1]["reason"] == "journal_not_writable"
    assert names(server) == {"first.txt", "third.txt"}
    told = records_of(server, answer.request_id)
    stored = [r["filename"] for r in told.outcomes if r["event"] == "file_uploaded"]
    assert stored == ["first.txt", "third.txt"]
    server.stop()
    check_sound(server)
