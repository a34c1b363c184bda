"""Deleting, for scripts, for HTMX and by a plain form: every outcome and its records."""

from __future__ import annotations

from collections.abc import Callable

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import follow, is_whole, notices, read, rows
from tests.web.wire import HTML, HTMX, Answer, api, in_url, put, send


def trashed(answer: Answer) -> str:
    """How much is in the trash, as the link to it says."""
    [link] = [e for e in read(answer) if e.attributes.get("id") == "trashed"]
    return link.text.strip()


def test_the_link_to_the_trash_says_how_much_is_in_it(serve: Callable[..., Installation]) -> None:
    fresh = serve(workers=1)
    assert trashed(send(fresh, "GET", "/", headers=HTML)) == ""
    for number in range(100):
        put(fresh, f"{number}.txt")
        if number in (0, 98, 99):
            answer = send(fresh, "DELETE", f"/delete/{number}.txt", headers=HTMX)
            assert trashed(answer) == ("(99+)" if number == 99 else f"({number + 1})")
        else:
            send(fresh, "DELETE", api(f"{number}.txt"))
    for target in ("/", "/files?folder=/"):
        assert trashed(send(fresh, "GET", target, headers=HTML)) == "(99+)"


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


def test_deleted_from_what_was_found(server: Installation) -> None:
    """The list stays what it was: no count of another folder, and undoing leads back to the search."""
    for name in ("found one.txt", "found two.txt"):
        put(server, f"attic/{name}")
    target = "/files?folder=/&query=found&sort=name"
    page = send(server, "GET", target, headers=HTML)
    [heading] = [e for e in read(page) if e.attributes.get("id") == "total"]
    assert heading.text.strip() == "2 found"
    [row] = [
        e.attributes["hx-delete"]
        for e in read(page)
        if "found%20one.txt" in e.attributes.get("hx-delete", "")
    ]
    answer = send(server, "DELETE", row, headers=HTMX)
    expect(server, answer, "file_deleted", filename="found one.txt", folder="/attic")
    [heading] = [e for e in read(answer) if e.attributes.get("id") == "total"]
    assert heading.text.strip() == ""
    fields = {
        e.attributes["name"]: e.attributes.get("value")
        for e in read(answer)
        if e.tag == "input" and e.attributes["name"] in ("folder", "sort", "query")
    }
    assert fields == {"folder": "/", "sort": "name", "query": "found"}


def test_an_id_is_not_taken_for_a_name(server: Installation) -> None:
    nobody = "01a20e60-0b6a-753d-966f-2985af07ef96"
    for method in ("POST", "DELETE"):
        answer = send(server, method, f"/api/v1/trash/{nobody}")
        assert nobody not in answer.problem(404, "file_not_found")["detail"]
