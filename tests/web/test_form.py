"""``POST /upload`` for programs: every outcome, its answer and its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.wire import (
    BOUNDARY,
    FORM,
    JSON,
    SMALL_LIMIT,
    Answer,
    Part,
    api,
    form,
    names,
    put,
    send,
    upload,
)

FORM_OVERHEAD = 1024 * 1024
"""What a form may have beside its files."""


def post(server: Installation, body: bytes, **headers: str) -> Answer:
    """Send this body as a form; underscores in header names stand for hyphens."""
    sent = {**FORM, **JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return send(server, "POST", "/upload", body, {k: v for k, v in sent.items() if v})


def test_one_file(server: Installation) -> None:
    content = bytes(range(256)) * 40
    answer = upload(server, Part(content, "one.bin", kind="image/x-one"))
    assert answer.status == 201
    [stored] = answer.json()["files"]
    assert stored["status"] == 201
    assert stored["sha256"] == sha256(content).hexdigest()
    expect(
        server,
        answer,
        "file_uploaded",
        file_id=stored["file_id"],
        filename="one.bin",
        file_size_bytes=len(content),
        content_type="image/x-one",
        sha256=stored["sha256"],
    )
    assert send(server, "GET", api("one.bin")).body == content


def test_several_files(server: Installation) -> None:
    parts = [Part(f"content {n}".encode() * n * 9000, f"several {n}") for n in range(4)]
    answer = upload(server, *parts)
    assert answer.status == 201
    stored = answer.json()["files"]
    assert [item["filename"] for item in stored] == [part.filename for part in parts]
    records = expect(server, answer, *["file_uploaded"] * 4)
    assert [r["file_id"] for r in records] == [item["file_id"] for item in stored]
    for part in parts:
        assert send(server, "GET", api(part.filename or "")).body == part.content


def test_some_of_several_fail(server: Installation) -> None:
    put(server, "taken.txt", b"first")
    bad = [Part(b"second", "taken.txt"), Part(b"x", "a/b"), Part(b"y", "x" * 256)]
    answer = upload(server, Part(b"fine", "fine.txt"), *bad, Part(b"good", "good.txt"))
    assert answer.status == 207
    results = answer.json()["files"]
    assert [item["status"] for item in results] == [201, 409, 400, 400, 201]
    reasons = ["filename_taken", "filename_not_allowed", "filename_too_long"]
    assert [item["reason"] for item in results[1:4]] == reasons
    assert all(item["detail"] for item in results[1:4])
    assert [item["filename"] for item in results[1:4]] == [part.filename for part in bad]
    events = ["file_uploaded", *["upload_failed"] * 3, "file_uploaded"]
    records = expect(server, answer, *events)
    assert [record.get("reason") for record in records[1:4]] == reasons
    assert [record["filename"] for record in records[1:4]] == [part.filename for part in bad]
    assert {"fine.txt", "good.txt"} <= names(server)
    assert send(server, "GET", api("taken.txt")).body == b"first"


def test_all_of_several_fail(server: Installation) -> None:
    answer = upload(server, Part(b"x", ".."), Part(b"y", "."))
    assert answer.status == 207
    assert [item["status"] for item in answer.json()["files"]] == [400, 400]
    expect(server, answer, "upload_failed", "upload_failed", reason="filename_not_allowed")


def test_a_name_twice_in_one_form(server: Installation) -> None:
    answer = upload(server, Part(b"first", "twice"), Part(b"second", "twice"))
    assert [item["status"] for item in answer.json()["files"]] == [201, 409]
    expect(server, answer, "file_uploaded", "upload_failed")
    assert send(server, "GET", api("twice")).body == b"first"


def test_a_name_in_use(server: Installation) -> None:
    put(server, "used.txt", b"first")
    answer = upload(server, Part(b"second", "used.txt"))
    answer.problem(409, "filename_taken")
    expect(server, answer, "upload_failed", reason="filename_taken", filename="used.txt")
    assert send(server, "GET", api("used.txt")).body == b"first"


@pytest.mark.parametrize(
    "body",
    [
        form(),
        form(Part(b"", "", kind="application/octet-stream")),
        form(Part(b"text", None, kind=None)),
        form(Part(b"content", "a.txt", field="other")),
    ],
    ids=["nothing", "none chosen", "text", "other field"],
)
def test_no_file(server: Installation, body: bytes) -> None:
    answer = post(server, body)
    answer.problem(400, "no_file_in_request")
    expect(server, answer, "upload_failed", reason="no_file_in_request", status=400)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"file=a.txt"),
        ("application/json", b'{"file": "a.txt"}'),
        ("text/plain", b"file"),
        ("", b"file"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
def test_no_form(server: Installation, kind: str, body: bytes) -> None:
    answer = post(server, body, Content_Type=kind)
    answer.problem(400, "no_file_in_request")
    expect(server, answer, "upload_failed", reason="no_file_in_request")


def test_content_without_a_name(server: Installation) -> None:
    answer = upload(server, Part(b"content", ""))
    answer.problem(400, "filename_empty")
    expect(server, answer, "upload_failed", reason="filename_empty", file_size_bytes=7)


WHOLE = form(Part(b"complete", "first.txt"), Part(b"content " * 50, "second.txt"))


@pytest.mark.parametrize(
    "body",
    [
        WHOLE[: WHOLE.rindex(b"\r\n--")],
        WHOLE[: WHOLE.index(b"second.txt")],
        WHOLE[: WHOLE.index(b"content ") + 100],
        b"this is no form",
        f"--{BOUNDARY}".encode(),
        b"",
    ],
    ids=["no end", "in a head", "in content", "no boundary", "only a boundary", "empty"],
)
def test_a_damaged_form(server: Installation, body: bytes) -> None:
    """Complete as a body, not as a form: nothing of it may be kept, complete files included."""
    answer = post(server, body)
    assert answer.status == 400
    reason = answer.json()["reason"]
    assert reason in ("form_not_valid", "no_file_in_request")
    expect(server, answer, "upload_failed", reason=reason)
    assert not names(server) & {"first.txt", "second.txt"}


def test_a_form_without_its_boundary(server: Installation) -> None:
    answer = post(server, WHOLE, Content_Type="multipart/form-data")
    answer.problem(400, "form_not_valid")
    expect(server, answer, "upload_failed", reason="form_not_valid")


def test_as_many_files_as_a_form_may_have(serve: Callable[..., Installation]) -> None:
    """They do not hold a descriptor each."""
    server = serve(workers=1, threads=8, ulimit="-n 300")
    answer = upload(server, *[Part(b"%d" % n, f"{n}.txt") for n in range(1000)])
    assert answer.status == 201
    assert [item["status"] for item in answer.json()["files"]] == [201] * 1000
    assert send(server, "GET", api("999.txt")).body == b"999"


def test_too_many_parts(server: Installation) -> None:
    answer = upload(server, *[Part(b"", None, field="x", kind=None)] * 1001)
    answer.problem(413, "form_too_large")
    expect(server, answer, "upload_failed", reason="form_too_large", status=413)


def test_too_much_text(server: Installation) -> None:
    answer = upload(server, Part(b"x" * (FORM_OVERHEAD + 1), None, field="x", kind=None))
    answer.problem(413, "form_too_large")
    expect(server, answer, "upload_failed", reason="form_too_large", status=413)


def test_content_that_looks_like_a_boundary(server: Installation) -> None:
    content = f"\r\n--{BOUNDARY}x\r\n--{BOUNDARY}".encode()[:-1] + b"\r\n--"
    answer = upload(server, Part(content, "tricky"))
    expect(server, answer, "file_uploaded", file_size_bytes=len(content))
    assert send(server, "GET", api("tricky")).body == content


def test_a_form_in_chunks(server: Installation) -> None:
    body = form(Part(b"0123456789" * 5000, "chunked.txt"))

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 777):
            yield body[start : start + 777]

    answer = send(server, "POST", "/upload", chunks(), {**FORM, **JSON})
    expect(server, answer, "file_uploaded", file_size_bytes=50_000)


@pytest.mark.parametrize("size", [SMALL_LIMIT + 1, SMALL_LIMIT + FORM_OVERHEAD + 1])
def test_too_large(small: Installation, size: int) -> None:
    answer = upload(small, Part(bytes(size), "large.bin"))
    answer.problem(413, "file_too_large")
    expect(small, answer, "upload_failed", reason="file_too_large", status=413)
    if size > SMALL_LIMIT + FORM_OVERHEAD:  # known from the length: not a byte is read
        assert records_of(small, answer.request_id).response["bytes_in"] == 0
    assert names(small) == set()
    assert not any((small.data / "objects" / "incoming").iterdir())


def test_too_large_together(small: Installation) -> None:
    half = SMALL_LIMIT // 2 + 1
    answer = upload(small, Part(bytes(half), "half.bin"), Part(bytes(half), "other half.bin"))
    answer.problem(413, "file_too_large")
    told = records_of(small, answer.request_id)
    assert {record["event"] for record in told.outcomes} == {"upload_failed"}
    assert names(small) == set()


def test_the_largest_form(small: Installation) -> None:
    answer = upload(small, Part(bytes(SMALL_LIMIT - 10), "most.bin"), Part(bytes(10), "rest.bin"))
    expect(small, answer, "file_uploaded", "file_uploaded")
