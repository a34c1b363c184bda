"""``GET`` and ``HEAD /api/v1/files/<name>``: every outcome, its answer and its records."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.wire import Answer, api, put, send

CONTENT = bytes(range(200))
ETAG = f'"{sha256(CONTENT).hexdigest()}"'
OTHER = f'"{sha256(b"other").hexdigest()}"'


@pytest.fixture(scope="module")
def stored(server: Installation) -> Installation:
    """The server, with the file ``f.bin`` of 200 bytes and an empty one."""
    put(server, "f.bin", CONTENT, "image/x-test")
    put(server, "empty", b"")
    return server


def get(server: Installation, name: str = "f.bin", method: str = "GET", **headers: str) -> Answer:
    """Ask for the file; underscores in header names stand for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(server, method, api(name), headers=sent)


def _check_headers(answer: Answer) -> None:
    assert answer.header("ETag") == ETAG
    assert answer.header("Accept-Ranges") == "bytes"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Content-Disposition").startswith("attachment;")
    policy = answer.header("Content-Security-Policy")
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-" not in policy
    assert "public" not in answer.header("Cache-Control")
    assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"


def test_the_whole_file(stored: Installation) -> None:
    answer = get(stored)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.header("Content-Type") == "image/x-test"
    assert answer.header("Content-Length") == "200"
    _check_headers(answer)
    [record] = expect(
        stored,
        answer,
        "file_downloaded",
        filename="f.bin",
        file_size_bytes=200,
        content_type="image/x-test",
        sha256=ETAG.strip('"'),
    )
    assert "range" not in record
    [listed] = [
        item
        for item in send(stored, "GET", "/api/v1/files").json()["files"]
        if item["filename"] == "f.bin"
    ]
    assert record["file_id"] == listed["file_id"]


def test_an_empty_file(stored: Installation) -> None:
    answer = get(stored, "empty")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "0")
    expect(stored, answer, "file_downloaded", file_size_bytes=0)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=0-0", 0, 0),
        ("bytes=50-149", 50, 149),
        ("bytes=199-199", 199, 199),
        ("bytes=150-", 150, 199),
        ("bytes=0-", 0, 199),
        ("bytes=-7", 193, 199),
        ("bytes=-1000", 0, 199),
        ("bytes=190-1000", 190, 199),
    ],
)
def test_one_range(stored: Installation, wanted: str, first: int, last: int) -> None:
    answer = get(stored, Range=wanted)
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.header("Content-Range") == f"bytes {first}-{last}/200"
    assert answer.header("Content-Length") == str(last - first + 1)
    _check_headers(answer)
    expect(stored, answer, "file_downloaded", range=f"{first}-{last}", file_size_bytes=200)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("f.bin", "bytes=200-"),
        ("f.bin", "bytes=200-300"),
        ("f.bin", "bytes=0-1,5-6"),
        ("f.bin", "bytes=0-1,3-4,50-60,199-"),
        ("empty", "bytes=0-0"),
    ],
)
def test_a_range_that_cannot_be_had(stored: Installation, name: str, wanted: str) -> None:
    answer = get(stored, name, Range=wanted)
    answer.problem(416, "range_not_satisfiable")
    # RFC 9110, section 15.5.17: tells the client how long the file is.
    assert answer.header("Content-Range") == f"bytes */{200 if name == 'f.bin' else 0}"
    expect(
        stored,
        answer,
        "download_failed",
        reason="range_not_satisfiable",
        status=416,
        filename=name,
    )


@pytest.mark.parametrize(
    "wanted",
    ["lines=1-2", "bytes=5-2", "bytes=x-y", "bytes", "bytes=", "5", "bytes=-0", "bytes=9-,0-1"],
)
def test_a_range_that_is_none_is_ignored(stored: Installation, wanted: str) -> None:
    answer = get(stored, Range=wanted)
    assert (answer.status, answer.body) == (200, CONTENT)
    expect(stored, answer, "file_downloaded", range=None)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        pytest.param(ETAG, 206, id="same"),
        pytest.param(OTHER, 200, id="other"),
        # Only a strong validator may join two parts (RFC 9110, section 13.1.5).
        pytest.param(f"W/{ETAG}", 200, id="weak"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", 200, id="date"),
    ],
)
def test_a_range_if_it_is_the_same_file(stored: Installation, condition: str, status: int) -> None:
    answer = get(stored, Range="bytes=10-19", If_Range=condition)
    assert answer.status == status
    assert answer.body == (CONTENT[10:20] if status == 206 else CONTENT)
    wanted = "10-19" if status == 206 else None
    expect(stored, answer, "file_downloaded", range=wanted)


@pytest.mark.parametrize(
    "known",
    # The comparison is the weak one (RFC 9110, section 13.1.2): a proxy may have weakened it.
    [ETAG, f"{OTHER}, {ETAG}", "*", f"W/{ETAG}"],
    ids=["same", "among others", "any", "weak"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_copy_that_is_still_good_releases_nothing(
    stored: Installation, known: str, method: str
) -> None:
    answer = get(stored, method=method, If_None_Match=known)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.header("ETag") == ETAG
    expect(stored, answer)


@pytest.mark.parametrize("known", [OTHER, f"W/{OTHER}", "nonsense", ""], ids=range(4))
def test_a_copy_that_is_stale_is_replaced(stored: Installation, known: str) -> None:
    answer = get(stored, If_None_Match=known)
    assert (answer.status, answer.body) == (200, CONTENT)
    expect(stored, answer, "file_downloaded")


def test_an_unchanged_file_beats_its_range(stored: Installation) -> None:
    answer = get(stored, If_None_Match=ETAG, Range="bytes=0-1")
    assert answer.status == 304
    expect(stored, answer)


@pytest.mark.parametrize("wanted", ["", "bytes=0-1", "bytes=900-"])
def test_head_releases_nothing(stored: Installation, wanted: str) -> None:
    answer = get(stored, method="HEAD", **({"Range": wanted} if wanted else {}))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Length") == "200"
    assert answer.header("Content-Type") == "image/x-test"
    _check_headers(answer)
    expect(stored, answer)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_is_not_there(stored: Installation, method: str) -> None:
    answer = get(stored, "nothing.txt", method)
    assert answer.status == 404
    if method == "GET":
        answer.problem(404, "file_not_found")
    expect(
        stored,
        answer,
        "download_failed",
        reason="file_not_found",
        status=404,
        filename="nothing.txt",
    )


def test_content_that_is_gone_is_our_fault(stored: Installation) -> None:
    digest = put(stored, "gone.bin", b"soon gone")["sha256"]
    [blob] = (stored.data / "objects").rglob(digest)
    blob.unlink()
    answer = get(stored, "gone.bin")
    answer.problem(500, "content_missing")
    damaged, failed = expect(
        stored,
        answer,
        "content_damaged",
        "download_failed",
        reason="content_missing",
        outcome="failed",
    )
    assert (damaged["level"], failed["level"], failed["status"]) == ("critical", "error", 500)
    again = get(stored, "gone.bin")
    expect(stored, again, "download_failed", reason="content_missing")
    assert records_of(stored, answer.request_id).response["level"] == "error"
    assert send(stored, "DELETE", api("gone.bin")).status == 204


def test_what_was_uploaded_never_runs(stored: Installation) -> None:
    put(stored, "page.html", b"<script>alert(1)</script>", "text/html")
    answer = get(stored, "page.html", Accept="text/html")
    assert answer.header("Content-Disposition").startswith("attachment;")
    assert "sandbox" in answer.header("Content-Security-Policy")
    assert answer.header("X-Content-Type-Options") == "nosniff"
