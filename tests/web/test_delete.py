"""Deleting, for scripts, for HTMX and by a plain form: every outcome and its records."""

from __future__ import annotations

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import follow, is_whole, notices, rows
from tests.web.wire import HTML, HTMX, api, in_url, put, send


def test_a_script_deletes(server: Installation) -> None:
    stored = put(server, "script.txt", b"12345", "text/x-test")
    answer = send(server, "DELETE", api("script.txt"))
    assert (answer.status, answer.body) == (204, b"")
    expect(
        server,
        answer,
        "file_deleted",
        file_id=stored["file_id"],
        filename="script.txt",
        file_size_bytes=5,
        content_type="text/x-test",
        sha256=stored["sha256"],
    )
    assert send(server, "GET", api("script.txt")).status == 404
    listed = send(server, "GET", "/api/v1/files").json()["files"]
    assert stored["file_id"] not in [item["file_id"] for item in listed]


def test_the_content_is_kept(server: Installation) -> None:
    """Deleting is moving to the trash; what can be restored later must be there."""
    stored = put(server, "kept.txt", b"kept content")
    send(server, "DELETE", api("kept.txt"))
    [blob] = (server.data / "objects").rglob(stored["sha256"])
    assert blob.read_bytes() == b"kept content"


def test_a_script_deletes_what_is_not_there(server: Installation) -> None:
    for name in ("never there", "script.txt"):
        answer = send(server, "DELETE", api(name))
        answer.problem(404, "file_not_found")
        expect(server, answer, "delete_failed", reason="file_not_found", status=404, filename=name)


def test_two_deletions_are_one(server: Installation) -> None:
    put(server, "once.txt")
    answers = [send(server, "DELETE", api("once.txt")) for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 404]
    expect(server, answers[0], "file_deleted")
    expect(server, answers[1], "delete_failed")


def test_htmx_deletes(server: Installation) -> None:
    put(server, "日本語 <i>.txt")
    answer = send(server, "DELETE", f"/delete/{in_url('日本語 <i>.txt')}", headers=HTMX)
    assert answer.status == 200
    assert not is_whole(answer)
    assert rows(answer) == []
    [(kind, text)] = notices(answer)
    assert (kind, text.startswith("日本語 <i>.txt is in the trash.")) == ("ok", True)
    expect(server, answer, "file_deleted", filename="日本語 <i>.txt")


def test_htmx_deletes_what_is_not_there(server: Installation) -> None:
    answer = send(server, "DELETE", "/delete/nothing", headers=HTMX)
    assert answer.status == 404
    assert answer.header("HX-Retarget") == "#notices"
    [(kind, text)] = notices(answer)
    assert kind == "warning"
    assert answer.request_id in text
    expect(server, answer, "delete_failed", reason="file_not_found", filename="nothing")


def test_a_plain_form_deletes(server: Installation) -> None:
    put(server, "form 100%.txt")
    answer = send(server, "POST", f"/delete/{in_url('form 100%.txt')}", b"", HTML)
    page = follow(server, answer)
    expect(server, answer, "file_deleted", filename="form 100%.txt")
    assert "form 100%.txt" not in rows(page)
    [(kind, text)] = notices(page)
    assert (kind, text.startswith("form 100%.txt is in the trash.")) == ("ok", True)


def test_a_plain_form_deletes_what_is_not_there(server: Installation) -> None:
    answer = send(server, "POST", "/delete/nothing", b"", HTML)
    assert answer.status == 404
    assert is_whole(answer)
    assert "nothing" in answer.text
    assert answer.request_id in answer.text
    expect(server, answer, "delete_failed", reason="file_not_found")
