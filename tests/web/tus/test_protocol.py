"""tus 1.0 to the letter: what is answered, what is refused, and what that leaves in the records."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.serving import Installation
from tests.web.expect import expect
from tests.web.tus.client import (
    PIECE,
    VERSION,
    TusClient,
    assert_uploaded,
    checksum,
    events,
    leftovers,
    metadata,
    names_of,
    stored,
)
from tests.web.wire import SMALL_LIMIT, Answer, send

OVER = {"X-HTTP-Method-Override": "PATCH"}
UNKNOWN = "/tus/01a20e60-0b6a-753d-966f-2985af07ef96"


@pytest.fixture
def tus(small: Installation) -> TusClient:
    return TusClient(small)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[TusClient]:
    """A client of a server on which nothing has been uploaded."""
    server = Installation(tmp_path / "data", workers=1).start()
    yield TusClient(server)
    server.stop()


def test_what_the_server_can_do(tus: TusClient) -> None:
    answer = send(tus.server, "OPTIONS", "/tus/")
    assert answer.status == 204
    assert answer.header("Tus-Version") == answer.header("Tus-Resumable") == "1.0.0"
    assert answer.header("Tus-Max-Size") == str(SMALL_LIMIT)
    assert answer.header("Tus-Checksum-Algorithm").split(",") == ["sha1", "sha256", "md5"]
    assert set(answer.header("Tus-Extension").split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
        "termination",
    }  # fmt: skip


def test_pieces_become_a_file(fresh: TusClient) -> None:
    content = os.urandom(50_000)
    created = fresh.create("pieces.bin", len(content), filetype="image/png")
    assert (created.status, created.body) == (201, b"")
    address = created.header("Location")
    assert parsedate_to_datetime(created.header("Upload-Expires")).timestamp() > 0
    answer = created
    for at in range(0, len(content), 20_000):
        assert fresh.offset(address) == at
        answer = fresh.patch(address, at, content[at : at + 20_000])
        assert answer.status == 204
        assert answer.header("Upload-Offset") == str(min(at + 20_000, len(content)))
        assert answer.header("Tus-Resumable") == "1.0.0"
        assert "GMT" in answer.header("Upload-Expires")
    found = assert_uploaded(fresh.server, "pieces.bin", content)
    assert found[0]["folder"] == "/"
    assert [r["content_type"] for r in found] == ["image/png"] * 2
    assert answer.header("X-File-ID") == found[-1]["file_id"]


def test_head_tells_all_there_is_to_know(tus: TusClient) -> None:
    address = tus.begin("told.txt", 10, filetype="text/plain")
    answer = tus.send("HEAD", address)
    assert answer.header("Upload-Length") == "10"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("Upload-Metadata") == metadata(filename="told.txt", filetype="text/plain")


def test_metadata_is_told_as_it_was_sent(tus: TusClient) -> None:
    """To the byte: keys that mean nothing here, keys without a value, spaces, and their order."""
    sent = (
        f"zeta,{metadata(filetype='image/png', own='日')} , {metadata(filename='as sent.txt')},a "
    )
    created = tus.send("POST", "/tus/", None, {"Upload-Length": "3", "Upload-Metadata": sent})
    assert created.status == 201, created.body
    address = created.header("Location")
    # A header's value has no spaces around it (RFC 9110, section 5.5).
    assert tus.send("HEAD", address).header("Upload-Metadata") == sent.strip(" ")
    assert tus.patch(address, 0, b"abc").status == 204
    assert tus.send("HEAD", address).header("Upload-Metadata") == sent.strip(" ")


def test_an_upload_from_before_metadata_was_kept(tus: TusClient) -> None:
    address = tus.begin("older.txt", 3, filetype="text/plain", own="lost")
    with closing(sqlite3.connect(tus.server.data / "strongroom.db")) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        forgotten = "UPDATE upload SET metadata = NULL WHERE upload_id = ?"
        assert connection.execute(forgotten, (address.rsplit("/", 1)[1],)).rowcount == 1
        connection.commit()
    told = tus.send("HEAD", address).header("Upload-Metadata")
    assert told == metadata(filename="older.txt", filetype="text/plain")


def test_an_empty_file_is_complete_at_once(fresh: TusClient) -> None:
    answer = fresh.create("empty.txt", 0)
    assert (answer.status, answer.header("Upload-Offset")) == (201, "0")
    assert_uploaded(fresh.server, "empty.txt", b"")


def test_bytes_that_come_with_the_creation(fresh: TusClient) -> None:
    told = {"Upload-Length": "6", "Upload-Metadata": metadata(filename="with.txt")}
    answer = fresh.send("POST", "/tus/", b"abc", told, PIECE)
    assert (answer.status, answer.header("Upload-Offset")) == (201, "3")
    assert fresh.patch(answer.header("Location"), 3, b"def").status == 204
    assert_uploaded(fresh.server, "with.txt", b"abcdef")


def test_a_piece_of_unknown_length(fresh: TusClient) -> None:
    address = fresh.begin("chunked.txt", 6)
    assert fresh.patch(address, 0, iter([b"ab", b"cdef"])).status == 204
    assert_uploaded(fresh.server, "chunked.txt", b"abcdef")


def test_a_length_that_is_told_later(fresh: TusClient) -> None:
    address = fresh.begin("later.txt", None)
    assert fresh.patch(address, 0, b"abc").status == 204
    answer = fresh.send("HEAD", address)
    assert answer.header("Upload-Defer-Length") == "1"
    assert "Upload-Length" not in answer.headers
    told = {"Upload-Length": "6"}
    assert fresh.patch(address, 3, b"d", told).status == 204
    assert fresh.patch(address, 4, b"ef", {"Upload-Length": "7"}).status == 400
    assert fresh.patch(address, 4, b"ef", told).status == 204
    assert_uploaded(fresh.server, "later.txt", b"abcdef", "upload_failed")


def test_a_length_told_last_of_all(fresh: TusClient) -> None:
    address = fresh.begin("last.txt", None)
    assert fresh.patch(address, 0, b"abc").status == 204
    assert fresh.patch(address, 3, b"", {"Upload-Length": "2"}).status == 413
    assert fresh.patch(address, 3, b"", {"Upload-Length": "3"}).status == 204
    assert stored(fresh.server, "last.txt") == b"abc"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_checksum_that_is_right_and_one_that_is_not(fresh: TusClient, algorithm: str) -> None:
    address = fresh.begin("sum.txt", 6)
    assert fresh.patch(address, 0, b"abc", checksum(algorithm, b"abc")).status == 204
    answer = fresh.patch(address, 3, b"xyz", checksum(algorithm, b"def"))
    answer.problem(460, "checksum_mismatch")
    expect(fresh.server, answer, "upload_failed", reason="checksum_mismatch", status=460)
    assert fresh.offset(address) == 3
    assert fresh.patch(address, 3, b"def", checksum(algorithm, b"def")).status == 204
    assert_uploaded(fresh.server, "sum.txt", b"abcdef", "upload_failed")


def test_first_bytes_that_are_wrong_leave_an_upload_to_go_on_with(tus: TusClient) -> None:
    told = {"Upload-Length": "3", "Upload-Metadata": metadata(filename="first.txt")}
    answer = tus.send("POST", "/tus/", b"xyz", told, PIECE, checksum("sha1", b"abc"))
    answer.problem(460, "checksum_mismatch")
    assert tus.offset(answer.header("Location")) == 0


def test_termination(fresh: TusClient) -> None:
    address = fresh.begin("ended.txt", 6)
    assert fresh.patch(address, 0, b"abc").status == 204
    answer = fresh.send("DELETE", address)
    assert answer.status == 204
    expect(fresh.server, answer, "upload_aborted", bytes_in=3, filename="ended.txt")
    assert leftovers(fresh.server) == []
    for again in (fresh.send("HEAD", address), fresh.send("DELETE", address)):
        assert again.status == 404
    fresh.patch(address, 3, b"def").problem(404, "upload_not_found")


def test_termination_of_a_finished_upload_takes_no_file_away(fresh: TusClient) -> None:
    address = fresh.begin("kept.txt", 3)
    assert fresh.patch(address, 0, b"abc").status == 204
    assert fresh.send("DELETE", address).status == 204
    assert fresh.send("HEAD", address).status == 404
    assert_uploaded(fresh.server, "kept.txt", b"abc")


def test_a_client_that_can_only_post(fresh: TusClient) -> None:
    address = fresh.begin("post.txt", 3)
    at = {"Upload-Offset": "0"}
    assert fresh.send("POST", address, b"abc", PIECE, at, OVER).status == 204
    assert_uploaded(fresh.server, "post.txt", b"abc")


Case = Callable[[TusClient, str], Answer]

REFUSED: dict[str, tuple[int, str, Case]] = {
    "no version": (412, "tus_version_not_supported", lambda t, a: t.patch(a, 0, b"x", {"Tus-Resumable": ""})),
    "another version": (412, "tus_version_not_supported", lambda t, a: t.patch(a, 0, b"x", {"Tus-Resumable": "0.2.2"})),
    "another type": (415, "content_type_not_supported", lambda t, a: t.patch(a, 0, b"x", {"Content-Type": "text/plain"})),
    "no offset": (400, "header_not_valid", lambda t, a: t.patch(a, "", b"x")),
    "a negative offset": (400, "header_not_valid", lambda t, a: t.patch(a, "-1", b"x")),
    "an offset that is none": (400, "header_not_valid", lambda t, a: t.patch(a, "0x1", b"x")),
    "digits of others": (400, "header_not_valid", lambda t, a: t.patch(a, "1_0", b"x")),
    "an offset too far": (409, "offset_mismatch", lambda t, a: t.patch(a, 4, b"x")),
    "an offset too near": (409, "offset_mismatch", lambda t, a: t.patch(a, 2, b"x")),
    "a huge offset": (413, "upload_overrun", lambda t, a: t.patch(a, 10**17, b"x")),
    "too many bytes": (413, "upload_overrun", lambda t, a: t.patch(a, 3, b"12345678")),
    "too many bytes in chunks": (413, "upload_overrun", lambda t, a: t.patch(a, 3, iter([b"12345678"]))),
    "an unknown checksum": (400, "header_not_valid", lambda t, a: t.patch(a, 3, b"x", {"Upload-Checksum": "crc32 AAAA"})),
    "a short checksum": (400, "header_not_valid", lambda t, a: t.patch(a, 3, b"x", {"Upload-Checksum": "sha1 AAAA"})),
    "a checksum that is none": (400, "header_not_valid", lambda t, a: t.patch(a, 3, b"x", {"Upload-Checksum": "sha1 ?"})),
    "an unknown upload": (404, "upload_not_found", lambda t, a: t.patch(UNKNOWN, 0, b"x")),
    "a post without more": (405, "method_not_allowed", lambda t, a: t.send("POST", a, b"", {})),
    "a post as something else": (405, "method_not_allowed", lambda t, a: t.send("POST", a, b"", {"X-HTTP-Method-Override": "PUT"})),
    "no length": (400, "header_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Length": ""})),
    "a negative length": (400, "header_not_valid", lambda t, a: t.create("no.txt", -1)),
    "a length that is none": (400, "header_not_valid", lambda t, a: t.create("no.txt", "1e3")),
    "a length of many digits": (400, "header_not_valid", lambda t, a: t.create("no.txt", "9" * 30)),
    "both lengths": (400, "header_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Defer-Length": "1"})),
    "a deferral that is none": (400, "header_not_valid", lambda t, a: t.create("no.txt", None, {"Upload-Defer-Length": "2"})),
    "too large": (413, "file_too_large", lambda t, a: t.create("no.txt", SMALL_LIMIT + 1)),
    "a creation of no version": (412, "tus_version_not_supported", lambda t, a: t.create("no.txt", 1, {"Tus-Resumable": ""})),
    "a creation by override": (400, "header_not_valid", lambda t, a: t.create("no.txt", 1, OVER)),
    "no metadata": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Metadata": ""})),
    "no filename": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Metadata": "folder Lw=="})),
    "metadata that is no base64": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Metadata": "filename !!!"})),
    "metadata that is no utf-8": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Metadata": "filename /w=="})),
    "metadata told twice": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, {"Upload-Metadata": "filename YQ==,filename Yg=="})),
    "a replacement of nothing": (400, "metadata_not_valid", lambda t, a: t.create("no.txt", 1, replace="etag")),
    "a name that is none": (400, "filename_not_allowed", lambda t, a: t.create("../no.txt", 1)),
    "a folder that climbs": (400, "filename_not_allowed", lambda t, a: t.create("no.txt", 1, relativePath="../../x/no.txt")),
    "first bytes of another type": (415, "content_type_not_supported", lambda t, a: t.send("POST", "/tus/", b"x", {"Upload-Length": "1", "Upload-Metadata": metadata(filename="no.txt"), "Content-Type": "text/plain"})),
    "first bytes beyond the length": (413, "upload_overrun", lambda t, a: t.send("POST", "/tus/", b"xy", {"Upload-Length": "1", "Upload-Metadata": metadata(filename="no.txt")}, PIECE)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_one_record_and_changes_nothing(tus: TusClient, case: str) -> None:
    status, reason, act = REFUSED[case]
    address = tus.begin(f"{case}.txt", 10)
    assert tus.patch(address, 0, b"abc").status == 204
    answer = act(tus, address)
    answer.problem(status, reason)
    assert answer.header("Tus-Resumable") == "1.0.0"
    if status == 412:
        assert answer.header("Tus-Version") == "1.0.0"
    expect(tus.server, answer, "upload_failed", reason=reason, status=status)
    assert tus.offset(address) == 3
    assert set(names_of(events(tus.server, "no.txt"))) <= {"upload_failed"}
    assert tus.send("DELETE", address).status == 204


@pytest.mark.parametrize("name", ["x", "..%2f..%2fetc", "01a20e60", UNKNOWN[5:] + ".writer", ""])
@pytest.mark.parametrize("method", ["PATCH", "HEAD", "DELETE"])
def test_ids_that_nobody_gave_out_lead_nowhere(tus: TusClient, method: str, name: str) -> None:
    before = set(leftovers(tus.server))
    answer = tus.send(method, f"/tus/{name}", b"", PIECE, {"Upload-Offset": "0"})
    assert answer.status == (405 if name == "" else 404)
    assert set(leftovers(tus.server)) == before


def test_a_deferred_upload_may_not_grow_beyond_the_limit(tus: TusClient) -> None:
    address = tus.begin("growing.bin", None)
    assert tus.patch(address, 0, bytes(SMALL_LIMIT)).status == 204
    tus.patch(address, SMALL_LIMIT, b"x").problem(413, "file_too_large")
    tus.patch(address, SMALL_LIMIT, iter([b"x"])).problem(413, "file_too_large")
    assert tus.offset(address) == SMALL_LIMIT
    assert tus.send("DELETE", address).status == 204


def test_to_end_what_is_stored_changes_nothing(tus: TusClient) -> None:
    address = tus.begin("whole.txt", 3)
    file_id = tus.patch(address, 0, b"abc").header("X-File-ID")
    answer = tus.send("DELETE", address)
    assert answer.status == 204
    expect(tus.server, answer, "change_not_needed", filename="whole.txt", file_id=file_id)
    assert stored(tus.server, "whole.txt") == b"abc"
    assert tus.send("DELETE", address).status == 404


def test_a_piece_that_is_refused_tells_no_length(tus: TusClient) -> None:
    address = tus.begin("deferred.bin", None)
    assert tus.patch(address, 0, b"abc").status == 204
    told = {"Upload-Length": "6"}
    tus.patch(address, 3, b"defghi", told).problem(413, "upload_overrun")
    tus.patch(address, 2, b"def", told).problem(409, "offset_mismatch")
    assert tus.send("HEAD", address).header("Upload-Defer-Length") == "1"
    assert tus.patch(address, 3, b"defghi", {"Upload-Length": "9"}).status == 204
    assert stored(tus.server, "deferred.bin") == b"abcdefghi"


def test_what_cannot_be_replaced_makes_no_folders(tus: TusClient) -> None:
    told = {"relativePath": "not there/x.txt", "replace": "0" * 64}
    tus.create("x.txt", 3, **told).problem(404, "folder_not_found")
    listed = send(tus.server, "GET", "/api/v1/files?folder=/not%20there")
    listed.problem(404, "folder_not_found")


def test_a_name_that_was_taken_meanwhile(fresh: TusClient) -> None:
    first, second = fresh.begin("same.txt", 3), fresh.begin("same.txt", 3)
    assert fresh.patch(first, 0, b"abc").status == 204
    fresh.create("same.txt", 3).problem(409, "filename_taken")
    fresh.patch(second, 0, b"xyz").problem(409, "filename_taken")
    assert stored(fresh.server, "same.txt") == b"abc"
    assert fresh.send("DELETE", second).status == 204


def test_every_answer_names_the_version(tus: TusClient) -> None:
    assert send(tus.server, "HEAD", UNKNOWN, headers=VERSION).header("Tus-Resumable") == "1.0.0"
