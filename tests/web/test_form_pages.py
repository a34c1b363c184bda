"""``POST /upload`` from the page: as a plain form, and by HTMX."""

from __future__ import annotations

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import follow, is_whole, notices, read, rows
from tests.web.wire import FORM, HTML, HTMX, Part, form, in_url, put, send, upload


def test_a_plain_form_leads_back_to_the_page(server: Installation) -> None:
    answer = upload(server, Part(b"plain", "plain.txt"), headers=HTML)
    page = follow(server, answer)
    expect(server, answer, "file_uploaded", filename="plain.txt")
    assert page.status == 200
    assert is_whole(page)
    assert "plain.txt" in rows(page)
    [(kind, text)] = notices(page)
    assert kind == "ok"
    assert text.startswith("plain.txt is stored.")
    expect(server, page, "files_listed")


def test_the_receipt_leads_to_the_record(server: Installation) -> None:
    answer = upload(server, Part(b"x", "receipt.txt"), headers=HTML)
    page = follow(server, answer)
    [record] = expect(server, answer, "file_uploaded")
    links = [
        element.attributes["href"]
        for element in read(page)
        if element.tag == "a" and element.text == "receipt"
    ]
    assert links == [f"/logs/{record['id']}"]
    assert send(server, "GET", links[0], headers=HTML).status == 200


def test_a_plain_form_with_some_failures_tells_of_each(server: Installation) -> None:
    put(server, "old.txt")
    answer = upload(
        server, Part(b"x", "old.txt"), Part(b"x", "..<i>"), Part(b"x", ".."), headers=HTML
    )
    page = follow(server, answer)
    expect(server, answer, "upload_failed", "file_uploaded", "upload_failed")
    told = notices(page)
    assert [kind for kind, _ in told] == ["warning", "warning", "ok"]
    assert [text.partition(" was ")[0].partition(" is ")[0] for _, text in told] == [
        "old.txt", "..", "..<i>",
    ]  # fmt: skip


def test_a_refused_plain_form_says_why(server: Installation) -> None:
    put(server, "kept.txt")
    for parts, status, words in [
        ([Part(b"x", "kept.txt")], 409, "kept.txt"),
        ([Part(b"x", "a/b")], 400, "Rename"),
        ([Part(b"", "")], 400, "No file was chosen"),
        ([Part(b"x", "")], 400, "no name"),
    ]:
        answer = upload(server, *parts, headers=HTML)
        assert answer.status == status
        assert is_whole(answer)
        assert words in answer.text
        assert answer.request_id in answer.text
        expect(server, answer, "upload_failed", status=status)


def test_a_receipt_of_nothing_tells_nothing(server: Installation) -> None:
    for receipt in ("", "01980000-0000-7000-8000-000000000000", "<script>", "x" * 3000):
        page = send(server, "GET", f"/?receipt={in_url(receipt)}", headers=HTML)
        assert page.status == 200
        assert notices(page) == []
        assert "<script>" not in page.text
        expect(server, page, "files_listed")


def test_htmx_gets_the_new_rows(server: Installation) -> None:
    answer = upload(server, Part(b"a", "row a.txt"), Part(b"b", "row <b>.txt"), headers=HTMX)
    assert answer.status == 201
    assert not is_whole(answer)
    assert rows(answer) == ["row a.txt", "row <b>.txt"]
    assert [kind for kind, _ in notices(answer)] == ["ok", "ok"]
    assert "HX-Request" in answer.header("Vary")
    records = expect(server, answer, "file_uploaded", "file_uploaded")
    ids = [e.attributes.get("id") for e in read(answer) if e.tag == "tr"]
    assert ids == [f"node-{record['file_id']}" for record in records]


def test_htmx_is_told_what_failed(server: Installation) -> None:
    put(server, "there.txt")
    answer = upload(server, Part(b"x", "there.txt"), Part(b"x", "not there.txt"), headers=HTMX)
    assert answer.status == 207
    assert rows(answer) == ["not there.txt"]
    assert [kind for kind, _ in notices(answer)] == ["warning", "ok"]
    expect(server, answer, "upload_failed", "file_uploaded")

    answer = upload(server, Part(b"x", "there.txt"), headers=HTMX)
    assert answer.status in (207, 409)
    assert rows(answer) == []
    [(kind, text)] = notices(answer)
    assert kind == "warning"
    assert "there.txt" in text
    expect(server, answer, "upload_failed", reason="filename_taken")


def test_htmx_is_told_of_a_form_without_files(server: Installation) -> None:
    answer = send(server, "POST", "/upload", form(), {**FORM, **HTMX})
    assert answer.status == 400
    assert not is_whole(answer)
    assert answer.header("HX-Retarget") == "#notices"
    [(kind, text)] = notices(answer)
    assert kind == "warning"
    assert answer.request_id in text
    expect(server, answer, "upload_failed", reason="no_file_in_request")


def test_too_large_says_how_much_is_taken(small: Installation) -> None:
    for headers in (HTML, HTMX):
        answer = upload(small, Part(bytes(200_000), "large.bin"), headers=headers)
        assert answer.status == 413
        assert "100 kB" in answer.text
        expect(small, answer, "upload_failed", reason="file_too_large")
