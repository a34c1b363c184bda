"""``PUT /api/v1/files/<name>``: every outcome, its answer and its records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.wire import SMALL_LIMIT, api, exchange, head_of, names, put, send


def test_a_new_name_is_created(server: Installation) -> None:
    content = bytes(range(256)) * 1000
    digest = hashlib.sha256(content).hexdigest()
    kind = {"Content-Type": "Image/PNG; charset=binary"}
    answer = send(server, "PUT", api("new.png"), content, kind)

    assert answer.status == 201
    assert answer.header("Location") == "/api/v1/files/new.png"
    assert answer.header("ETag") == f'"{digest}"'
    stored = answer.json()
    assert stored.keys() == {
        "file_id", "filename", "folder", "file_size_bytes", "content_type", "detected_type",
        "sha256", "created_at", "created_by", "changed_at", "changed_by",
    }  # fmt: skip
    assert stored["filename"] == "new.png"
    assert stored["folder"] == "/"
    assert stored["content_type"] == "image/png"
    assert stored["created_by"] is None
    [record] = expect(
        server,
        answer,
        "file_uploaded",
        file_id=stored["file_id"],
        filename="new.png",
        file_size_bytes=len(content),
        content_type="image/png",
        sha256=digest,
        path="/api/v1/files/new.png",
    )
    assert record["timestamp"] >= stored["created_at"]
    assert records_of(server, answer.request_id).response["bytes_in"] == len(content)
    assert send(server, "GET", api("new.png")).body == content


def test_an_empty_file_is_a_file(server: Installation) -> None:
    answer = send(server, "PUT", api("empty.txt"), b"")
    expect(server, answer, "file_uploaded", file_size_bytes=0)
    assert send(server, "GET", api("empty.txt")).body == b""


@pytest.mark.parametrize(
    "declared", [None, "nonsense", "text/ht ml", "a/b/c", "/", "x/" + "y" * 200]
)
def test_a_type_that_is_none_is_bytes(server: Installation, declared: str | None) -> None:
    name = f"type {len(declared or '')}"
    headers = {} if declared is None else {"Content-Type": declared}
    answer = send(server, "PUT", api(name), b"x", headers)
    expect(server, answer, "file_uploaded", content_type="application/octet-stream")


def test_a_name_in_use_is_not_overwritten(server: Installation) -> None:
    first = put(server, "mine.txt", b"first")
    answer = send(server, "PUT", api("mine.txt"), b"second")
    answer.problem(409, "filename_taken")
    expect(
        server, answer, "upload_failed", reason="filename_taken", status=409, filename="mine.txt"
    )
    again = send(server, "GET", api("mine.txt"))
    assert (again.body, again.header("ETag")) == (b"first", f'"{first["sha256"]}"')


def test_the_same_content_under_two_names_is_two_files(server: Installation) -> None:
    one, two = put(server, "one.txt", b"same"), put(server, "two.txt", b"same")
    assert one["sha256"] == two["sha256"]
    assert one["file_id"] != two["file_id"]
    assert send(server, "DELETE", api("one.txt")).status == 204
    assert send(server, "GET", api("two.txt")).body == b"same"


def test_a_deleted_name_is_free_again(server: Installation) -> None:
    before = put(server, "again.txt", b"before")
    assert send(server, "DELETE", api("again.txt")).status == 204
    after = put(server, "again.txt", b"after")
    assert before["file_id"] != after["file_id"]
    assert send(server, "GET", api("again.txt")).body == b"after"


def test_a_body_in_chunks_is_stored(server: Installation) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(50):
            yield bytes([number]) * (number * 997 + 1)

    content = b"".join(chunks())
    answer = send(server, "PUT", api("chunked.bin"), chunks())
    assert answer.status == 201
    digest = hashlib.sha256(content).hexdigest()
    expect(server, answer, "file_uploaded", file_size_bytes=len(content), sha256=digest)
    assert records_of(server, answer.request_id).response["bytes_in"] == len(content)
    assert send(server, "GET", api("chunked.bin")).body == content


def test_a_chunk_that_is_no_chunk_is_refused(server: Installation) -> None:
    """The client's mistake, so it is not our 500, and it is recorded like every upload."""
    head = head_of("PUT", api("damaged.bin"), "Transfer-Encoding: chunked")
    answer = exchange(server, head + b"3\r\nabc\r\nzz\r\nabc\r\n")
    assert answer.status == 400
    told = records_of(server, answer.request_id)
    assert [record["event"] for record in told.outcomes] in (["upload_failed"], ["upload_aborted"])
    assert "damaged.bin" not in names(server)


def test_a_part_of_a_file_is_not_taken_for_the_whole(server: Installation) -> None:
    """RFC 9110, section 14.5: a server that stored it would lose the rest without a word."""
    answer = send(server, "PUT", api("part.bin"), b"part", {"Content-Range": "bytes 0-3/100"})
    answer.problem(400, "partial_upload")
    expect(server, answer, "upload_failed", reason="partial_upload", filename="part.bin")
    assert "part.bin" not in names(server)


def test_the_largest_file_is_taken(small: Installation) -> None:
    answer = send(small, "PUT", api("largest.bin"), bytes(SMALL_LIMIT))
    expect(small, answer, "file_uploaded", file_size_bytes=SMALL_LIMIT)


def test_too_large_by_its_length_is_refused_before_it_is_read(small: Installation) -> None:
    """Only the headers are sent: the answer must not wait for the body."""
    head = head_of("PUT", api("large.bin"), f"Content-Length: {SMALL_LIMIT + 1}")
    answer = exchange(small, head)
    answer.problem(413, "file_too_large")
    expect(
        small,
        answer,
        "upload_failed",
        reason="file_too_large",
        status=413,
        filename="large.bin",
        file_size_bytes=SMALL_LIMIT + 1,
    )
    assert records_of(small, answer.request_id).response["bytes_in"] == 0
    assert "large.bin" not in names(small)


@pytest.mark.parametrize("times", [2, 20, 500])
def test_too_large_is_told_to_a_client_that_sends_it_all(small: Installation, times: int) -> None:
    """Most clients send the whole body before they look for the answer."""
    answer = send(small, "PUT", api("insisting.bin"), bytes(SMALL_LIMIT * times))
    answer.problem(413, "file_too_large")
    expect(small, answer, "upload_failed", reason="file_too_large")


def test_too_large_in_chunks_is_refused_while_it_is_read(small: Installation) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(12):
            yield bytes(SMALL_LIMIT // 10)

    answer = send(small, "PUT", api("larger.bin"), chunks())
    answer.problem(413, "file_too_large")
    expect(small, answer, "upload_failed", reason="file_too_large", filename="larger.bin")
    assert records_of(small, answer.request_id).response["bytes_in"] > SMALL_LIMIT
    assert "larger.bin" not in names(small)
    assert not any((small.data / "objects" / "incoming").iterdir())


def test_a_client_may_name_its_request(server: Installation) -> None:
    answer = send(server, "PUT", api("named.txt"), b"x", {"X-Request-ID": "build-17/step:3"})
    assert answer.request_id != "build-17/step:3"
    expect(server, answer, "file_uploaded", client_request_id="build-17/step:3")


@pytest.mark.parametrize("sent", ["a b", "x" * 129, 'a"b', "\xc3\xa9", "<b>"])
def test_an_odd_request_id_is_not_kept(server: Installation, sent: str) -> None:
    name = api(f"asked by {sent.encode().hex()}"[:200])
    answer = send(server, "PUT", name, b"x", {"X-Request-ID": sent})
    expect(server, answer, "file_uploaded", client_request_id=None)
