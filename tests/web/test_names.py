"""File names: kept to the letter on every way in and out, or refused with a reason."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import Part, api, in_url, send, upload

GOOD = {
    "japanese": "日本語.txt",
    "chinese": "中文.txt",
    "space": "a b.txt",
    "spaces around": " a ",
    "percent": "a%b.txt",
    "percent escape": "a%2Fb%41.txt",
    "plus": "a+b.txt",
    "quotes": '"quoted".txt',
    "single quotes": "it's; filename=x.txt",
    "emoji": "📄👩‍👩‍👧.txt",
    "composed": unicodedata.normalize("NFC", "é.txt"),
    "decomposed": unicodedata.normalize("NFD", "é.txt"),
    "upper case": "REPORT.TXT",
    "lower case": "report.txt",
    "question": "what?.txt",
    "hash": "a#b.txt",
    "dots": "...",
    "hidden": ".htaccess",
    "device": "CON",
    "markup": "<b onmouseover=alert(1)>&amp;",
    "formula": "=1+1.csv",
    "arabic": "تقرير.pdf",
    "longest": "x" * 251 + ".txt",
    "longest in utf-8": "語" * 85,
}

BAD = {
    "this folder": (".", "filename_not_allowed"),
    "folder above": ("..", "filename_not_allowed"),
    "backslash": ("a\\b.txt", "filename_not_allowed"),
    "newline": ("a\nb.txt", "filename_not_allowed"),
    "newline at the end": ("a.txt\n", "filename_not_allowed"),
    "return": ("a\rb.txt", "filename_not_allowed"),
    "tab": ("a\tb.txt", "filename_not_allowed"),
    "nul": ("a\0b.txt", "filename_not_allowed"),
    "escape": ("a\x1b[31mb.txt", "filename_not_allowed"),
    "c1 control": ("a\x85b.txt", "filename_not_allowed"),
    "bidi": ("a\u202etxt.exe", "filename_not_allowed"),
    "isolate": ("a\u2066b.txt", "filename_not_allowed"),
    "line separator": ("a\u2028b.txt", "filename_not_allowed"),
    "blank": ("   ", "filename_empty"),
    "300 characters": ("x" * 300, "filename_too_long"),
    "256 bytes": ("語" * 85 + "x", "filename_too_long"),
}

PATHS = {
    "path": ("a/b.txt", "filename_not_allowed"),
    "traversal": ("../../etc/passwd", "filename_not_allowed"),
    "absolute": ("/etc/passwd", "filename_not_allowed"),
}
"""No names; in an address they are folders, and what they are there: ``test_no_address_is_a_path``."""


def by_name(cases: dict[str, object]) -> pytest.MarkDecorator:
    """One test for each name."""
    return pytest.mark.parametrize("case", list(cases), ids=lambda case: case.replace(" ", "-"))


@by_name(dict(GOOD))
def test_a_name_by_put(server: Installation, case: str) -> None:
    name, content = GOOD[case], f"put {case}".encode()
    answer = send(server, "PUT", api(name), content)
    assert answer.status == 201
    assert answer.json()["filename"] == name
    assert answer.header("Location") == api(name)
    expect(server, answer, "file_uploaded", filename=name, path=f"/api/v1/files/{name}")
    _is_usable(server, name, content)


@by_name(dict(GOOD))
def test_a_name_by_form(server: Installation, case: str) -> None:
    name, content = GOOD[case], f"form {case}".encode()
    answer = upload(server, Part(content, name))
    assert answer.status == 201, answer.body
    assert [item["filename"] for item in answer.json()["files"]] == [name]
    expect(server, answer, "file_uploaded", filename=name)
    _is_usable(server, name, content)


def _is_usable(server: Installation, name: str, content: bytes) -> None:
    """It can be listed, downloaded under its own name, and deleted; records name it."""
    listed = send(server, "GET", "/api/v1/files").json()["files"]
    assert [item["filename"] for item in listed].count(name) == 1

    answer = send(server, "GET", api(name))
    assert (answer.status, answer.body) == (200, content)
    disposition = answer.header("Content-Disposition")
    assert _rfc6266(disposition) == name, disposition
    expect(server, answer, "file_downloaded", filename=name)

    answer = send(server, "DELETE", api(name))
    assert answer.status == 204
    expect(server, answer, "file_deleted", filename=name)
    assert send(server, "GET", api(name)).status == 404


def _rfc6266(disposition: str) -> str:
    """The name that a client of today makes of a Content-Disposition header."""
    assert disposition.startswith("attachment;")
    assert disposition.isascii()
    # A plain name stands beside it for old clients: a token or a well-formed quoted string.
    plain = re.findall(r'; filename=([\w!#$&+.^`|~-]+|"(?:[^"\\]|\\.)*")', disposition)
    encoded = re.findall(r"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)", disposition)
    assert (len(plain), len(encoded)) == (1, 1), disposition
    assert "%" not in plain[0]
    return unquote(encoded[0], errors="strict")


def test_names_that_look_alike_are_different_files(server: Installation) -> None:
    pairs = [("composed", "decomposed"), ("upper case", "lower case")]
    for case in (case for pair in pairs for case in pair):
        assert send(server, "PUT", api(GOOD[case]), case.encode()).status == 201
    for case in (case for pair in pairs for case in pair):
        assert send(server, "GET", api(GOOD[case])).body == case.encode()
        assert send(server, "DELETE", api(GOOD[case])).status == 204


def test_a_slash_makes_folders(server: Installation) -> None:
    """Encoded or not: in an address it stands between names, and never in one."""
    answer = send(server, "PUT", "/api/v1/files/Contracts/2026%2Flease.pdf", b"signed")
    assert (answer.json()["filename"], answer.json()["folder"]) == ("lease.pdf", "/Contracts/2026")
    assert answer.header("Location") == "/api/v1/files/Contracts/2026/lease.pdf"
    told = expect(server, answer, "folder_created", "folder_created", "file_uploaded")
    assert [record["folder"] for record in told] == ["/Contracts", *["/Contracts/2026"] * 2]
    assert send(server, "GET", api("Contracts/2026/lease.pdf")).body == b"signed"
    assert send(server, "GET", "/api/v1/files/Contracts/lease.pdf").status == 404
    assert send(server, "DELETE", "/api/v1/folders/Contracts").status == 204


@by_name(dict(BAD))
def test_a_bad_name_of_a_folder(server: Installation, case: str) -> None:
    name, reason = BAD[case]
    answer = send(server, "PUT", api(f"{name}/x"), b"x")
    answer.problem(400, reason)
    expect(server, answer, "upload_failed", reason=reason, filename="x", folder=f"/{name}")
    answer = send(server, "PUT", f"/api/v1/folders/{in_url(name)}", b"")
    answer.problem(400, reason)
    expect(server, answer, "change_failed", reason=reason)
    _nothing_was_kept(server)


@by_name(dict(BAD))
def test_a_bad_name_by_put(server: Installation, case: str) -> None:
    name, reason = BAD[case]
    answer = send(server, "PUT", api(name), b"x")
    answer.problem(400, reason)
    expect(server, answer, "upload_failed", reason=reason, status=400, filename=name)
    _nothing_was_kept(server)


@by_name(dict(BAD | PATHS))
def test_a_bad_name_by_form(server: Installation, case: str) -> None:
    name, reason = (BAD | PATHS)[case]
    # RFC 8187 encoding: the only way for such a name through a form's header as it is.
    encoded = f"; filename*=UTF-8''{in_url(name)}"
    answer = upload(server, Part(b"x", disposition=encoded))
    answer.problem(400, reason)
    expect(server, answer, "upload_failed", reason=reason, status=400, filename=name)
    _nothing_was_kept(server)


@pytest.mark.parametrize(
    "target",
    [
        "..",
        ".",
        "%2e%2e",
        "a//b",
        "//",
        "../../../etc/passwd",
        "a/",
        "%0A",
        "a%0Ab",
        "%2Fetc",
        "a%2F%2Fb",
        "a/../b",
        "a/%2e%2e/b",
        "a/./b",
        "a%2F..",
        "a/%20/b",
        "%0A/b",
        "a%00/b",
        "%E2%80%AE/b",
        "/a",
        "a/b/",
        f"{'x' * 300}/b",
        "/".join("x" * 66),
    ],
)
def test_no_address_is_a_path(server: Installation, target: str) -> None:
    answer = send(server, "PUT", f"/api/v1/files/{target}", b"x")
    assert answer.status == 400
    expect(server, answer, "upload_failed", reason=answer.json()["reason"], status=400)
    for method, event in (("GET", "download_failed"), ("DELETE", "delete_failed")):
        answer = send(server, method, f"/api/v1/files/{target}")
        assert answer.status in (400, 404)
        expect(server, answer, event)
    _nothing_was_kept(server)


NOT_UTF8 = "caf%E9.txt"
REPLACED = "caf\ufffd.txt"


def test_an_address_that_is_not_utf8_names_no_file(server: Installation) -> None:
    answer = send(server, "PUT", f"/api/v1/files/{NOT_UTF8}", b"x")
    answer.problem(400, "filename_not_allowed")
    expect(server, answer, "upload_failed", reason="filename_not_allowed")
    _nothing_was_kept(server)


@pytest.mark.parametrize(
    ("method", "where", "event"),
    [
        ("GET", "/api/v1/files/", "download_failed"),
        ("HEAD", "/api/v1/files/", "download_failed"),
        ("DELETE", "/api/v1/files/", "delete_failed"),
        ("DELETE", "/delete/", "delete_failed"),
        ("POST", "/delete/", "delete_failed"),
    ],
)
def test_an_address_that_is_not_utf8_is_no_other_name(
    server: Installation, method: str, where: str, event: str
) -> None:
    """It must not reach the file whose name really has U+FFFD in it."""
    assert send(server, "PUT", api(REPLACED), b"mine").status in (201, 409)
    answer = send(server, method, f"{where}{NOT_UTF8}")
    assert answer.status == 400
    expect(server, answer, event, reason="filename_not_allowed")
    assert send(server, "GET", api(REPLACED)).body == b"mine"
    assert send(server, "DELETE", api(REPLACED)).status == 204


def test_a_form_that_is_not_utf8_names_no_file(server: Installation) -> None:
    answer = upload(server, Part(b"x", filename="caf\udce9.txt"))
    answer.problem(400, "form_not_valid")
    expect(server, answer, "upload_failed", reason="form_not_valid")
    _nothing_was_kept(server)


@pytest.mark.parametrize("name", ["a\\b.txt", "C:\\a.txt", "\\", "a\\"])
def test_a_backslash_in_a_form_is_not_dropped(server: Installation, name: str) -> None:
    """Browsers send it as it is (HTML standard), though HTTP would have it escaped."""
    answer = upload(server, Part(b"x", name))
    assert answer.status == 400
    expect(server, answer, "upload_failed", status=400)
    _nothing_was_kept(server)


def _nothing_was_kept(server: Installation) -> None:
    listed = send(server, "GET", "/api/v1/files").json()
    assert (listed["files"], listed["folders"]) == ([], [])
    assert not any((server.data / "objects" / "incoming").iterdir())
