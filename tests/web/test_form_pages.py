"""``POST /upload`` from the page: as a plain form, and by HTMX."""

from __future__ import annotations

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.page import follow, is_whole, notices, read, rows
from tests.web.wire import FORM, HTML, HTMX, JSON, Part, form, in_url, put, send, upload


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


def test_what_was_told_is_not_carried_into_another_folder(server: Installation) -> None:
    send(server, "PUT", "/api/v1/folders/elsewhere", b"", JSON)
    done = upload(server, Part(b"told", "told.txt"), headers=HTML)
    here = send(server, "GET", done.header("Location"), headers=HTMX)
    assert [kind for kind, _ in notices(here)] == ["ok"]
    for target in ("/files?folder=/elsewhere", "/trash", "/files?folder=/&sort=name"):
        there = send(server, "GET", target, headers=HTMX)
        assert notices(there) == []
        emptied = [e for e in read(there) if e.attributes.get("id") == "notices"]
        assert [e.attributes["hx-swap-oob"] for e in emptied] == ["innerHTML"]
    # The list that is shown is brought up to date without anybody going anywhere.
    same = send(server, "GET", "/files?folder=/", headers={**HTMX, "X-Keep-Notices": "1"})
    assert not [e for e in read(same) if e.attributes.get("id") == "notices"]
    assert "X-Keep-Notices" in same.header("Vary")


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
        ([Part(b"x", "a/b")], 400, "Choose another."),
        ([Part(b"", "")], 400, "No file was chosen"),
        ([Part(b"x", "")], 400, "name is missing"),
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


def test_a_form_is_not_told_to_replace(server: Installation) -> None:
    put(server, "shelf/kept.txt")
    part = Part(b"x", "kept.txt")
    page = send(server, "POST", "/upload?folder=/shelf", form(part), {**FORM, **HTML})
    assert page.status == 409
    assert "Choose another name" in page.text
    assert "Replace" not in page.text
    [back] = [e for e in read(page) if e.text == "Back to the files"]
    assert back.attributes["href"] == "/files?folder=/shelf"
    expect(server, page, "upload_failed", reason="filename_taken")


def test_from_an_error_one_goes_back_to_the_folder_of_the_form(server: Installation) -> None:
    put(server, "drawer/there.txt")
    data = b"folder=/drawer&name=there.txt"
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    page = send(server, "POST", "/folders", data, {**urlencoded, **HTML})
    assert page.status == 409
    assert "Replace" not in page.text
    [back] = [e for e in read(page) if e.text == "Back to the files"]
    assert back.attributes["href"] == "/files?folder=/drawer"
    # Not to what is not there, and where the fields were never read they are not read for this.
    for answer in (
        send(server, "GET", "/files?folder=/nowhere+else", headers=HTML),
        send(
            server,
            "POST",
            "/folders",
            b"folder=/drawer&name=" + b"x" * 70_000,
            {**urlencoded, **HTML},
        ),
    ):
        [back] = [e for e in read(answer) if e.text == "Back to the files"]
        assert back.attributes["href"] == "/"
