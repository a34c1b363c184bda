"""``GET`` and ``HEAD /zip``: what is in it, every outcome and its records."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import stat
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zipfile import ZipFile, ZipInfo

import pytest

from tests.fault.test_journal import refusing
from tests.serving import Installation
from tests.web.expect import expect, records_of
from tests.web.folder_examples import FIELDS
from tests.web.wire import HTML, Answer, send

BOX = {"a.txt": b"first", "inner/b.bin": bytes(range(256)) * 300, "inner/ümläut 名.txt": b""}


def put(server: Installation, path: str, content: bytes) -> dict[str, Any]:
    """Store a file, and the folders above it."""
    answer = send(server, "PUT", f"/api/v1/files/{quote(path)}", content)
    assert answer.status == 201, answer.body
    stored: dict[str, Any] = answer.json()
    return stored


def make_folder(server: Installation, path: str) -> str:
    """Make a folder; its id."""
    answer = send(server, "PUT", f"/api/v1/folders/{quote(path)}", b"")
    assert answer.status == 201, answer.body
    return str(answer.json()["folder_id"])


def take(server: Installation, *nodes: str, folder: str | None = None, how: str = "GET") -> Answer:
    """Ask for a zip of these, or of a folder."""
    query = [("node", node) for node in nodes] + ([("folder", folder)] if folder else [])
    return send(server, how, f"/zip?{urlencode(query)}")


def take_many(server: Installation, *nodes: str) -> Answer:
    """The same by the form, which has room for more of them than an address."""
    body = urlencode([("node", node) for node in nodes]).encode()
    return send(server, "POST", "/zip", body, {**FIELDS, **HTML})


def members(answer: Answer) -> dict[str, bytes]:
    """The content of each, by its path; all of them read, and whole."""
    assert answer.status == 200, answer.body[:500]
    assert answer.header("Content-Length") == str(len(answer.body))
    with ZipFile(io.BytesIO(answer.body)) as opened:
        assert opened.testzip() is None
        assert len(set(opened.namelist())) == len(opened.namelist())
        return {info.filename: opened.read(info) for info in opened.infolist()}


def changed_at(info: ZipInfo) -> int:
    """Seconds since 1970, of the extended timestamp that Info-ZIP has published."""
    kind, size, flags, seconds = struct.unpack("<HHBl", info.extra[:9])
    assert (kind, size, flags) == (0x5455, 5, 1)
    return int(seconds)


def blob(server: Installation, content: bytes) -> Path:
    """Where the bytes of a file lie."""
    name = sha256(content).hexdigest()
    [found] = (server.data / "objects" / "blobs").rglob(name)
    return found


@pytest.fixture(scope="module")
def box(server: Installation) -> Installation:
    """The server, with the folder ``/box`` and the file ``/by itself``."""
    for name, content in BOX.items():
        put(server, f"box/{name}", content)
    make_folder(server, "box/empty")
    put(server, "by itself", b"alone")
    return server


def listed(server: Installation, folder: str = "/") -> dict[str, str]:
    """The ids of what is in a folder."""
    page = send(server, "GET", f"/api/v1/files?{urlencode({'folder': folder})}").json()
    ids = {item["filename"]: item["file_id"] for item in page["files"]}
    return ids | {item["name"]: item["folder_id"] for item in page["folders"]}


WHOLE = {"box/": b"", "box/empty/": b"", "box/inner/": b""} | {
    f"box/{name}": content for name, content in BOX.items()
}


def test_a_whole_folder(box: Installation) -> None:
    answer = take(box, folder="/box")
    assert members(answer) == WHOLE
    assert answer.header("Content-Type") == "application/zip"
    assert answer.header("Content-Disposition").startswith("attachment; filename=box.zip")
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Content-Security-Policy") == "default-src 'none'; sandbox"
    assert answer.header("Accept-Ranges") == "none"
    assert "public" not in answer.header("Cache-Control")
    records = expect(box, answer, *["file_downloaded"] * len(BOX))
    found = {f"{r['folder']}/{r['filename']}": (r["sha256"], r["file_size_bytes"]) for r in records}
    assert found == {f"/box/{n}": (sha256(c).hexdigest(), len(c)) for n, c in BOX.items()}
    numbers = [record["seq"] for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_times_kinds_and_names(box: Installation) -> None:
    with ZipFile(io.BytesIO(take(box, folder="/box").body)) as opened:
        infos = {info.filename: info for info in opened.infolist()}
    uploaded = {r["filename"]: r["timestamp"] for r in box.records("event:file_uploaded")}
    moment = datetime.fromisoformat(uploaded["a.txt"])
    assert abs(changed_at(infos["box/a.txt"]) - moment.timestamp()) < 30
    assert abs(datetime(*infos["box/a.txt"].date_time, tzinfo=moment.tzinfo) - moment).seconds < 30
    assert all(info.compress_type == 0 for info in infos.values())
    assert stat.S_IMODE(infos["box/a.txt"].external_attr >> 16) == 0o644
    assert stat.S_ISDIR(infos["box/empty/"].external_attr >> 16)
    assert infos["box/inner/ümläut 名.txt"].flag_bits & 0x800  # says that it is UTF-8


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP's unzip is not installed")
def test_what_unzip_makes_of_it(box: Installation, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(take(box, folder="/box").body)
    command = ["unzip", "-qq", "it.zip", "-d", "out"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    out = tmp_path / "out"
    found = {
        f"{path.relative_to(out)}{'/' if path.is_dir() else ''}": path for path in out.rglob("*")
    }
    assert {n: b"" if p.is_dir() else p.read_bytes() for n, p in found.items()} == WHOLE
    with ZipFile(tmp_path / "it.zip") as opened:
        info = opened.getinfo("box/a.txt")
    assert int(found["box/a.txt"].stat().st_mtime) == changed_at(info)


def test_a_selection(box: Installation) -> None:
    inner = listed(box, "/box")
    answer = take(box, inner["a.txt"], inner["empty"], folder="/")
    assert members(answer) == {"box/": b"", "box/a.txt": b"first", "box/empty/": b""}
    expect(box, answer, "file_downloaded", filename="a.txt", folder="/box")


def test_a_selection_in_the_root(box: Installation) -> None:
    ids = listed(box)
    answer = take(box, ids["by itself"], ids["box"], ids["by itself"])
    inside = {f"files/{name}": content for name, content in WHOLE.items()}
    assert members(answer) == {"files/": b"", "files/by itself": b"alone", **inside}
    assert "filename=files.zip" in answer.header("Content-Disposition")
    expect(box, answer, *["file_downloaded"] * 4)


def test_the_root(box: Installation) -> None:
    assert members(take(box, folder="/")) == members(take(box, *listed(box).values()))


def test_one_folder_that_was_chosen(box: Installation) -> None:
    assert members(take(box, listed(box)["box"])) == WHOLE


def test_head_releases_nothing(box: Installation) -> None:
    answer, whole = take(box, folder="/box", how="HEAD"), take(box, folder="/box")
    assert (answer.status, answer.body) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Content-Disposition", "Accept-Ranges"):
        assert answer.header(name) == whole.header(name)
    expect(box, answer)


def test_folders_alone_are_a_listing(box: Installation) -> None:
    answer = take(box, folder="/box/empty")
    assert members(answer) == {"empty/": b""}
    expect(box, answer, "files_listed", folder="/box/empty", count=0)


def test_more_than_an_address_could_name(box: Installation) -> None:
    ids = [put(box, f"many/{number}", b"%d" % number)["file_id"] for number in range(200)]
    assert take(box, *ids).status == 414
    answer = take_many(box, *ids)
    inside = {f"many/{number}": b"%d" % number for number in range(200)}
    assert members(answer) == {"many/": b"", **inside}
    assert len(expect(box, answer, *["file_downloaded"] * 200)) == 200


def test_a_form_and_an_address_give_the_same(box: Installation) -> None:
    ids = list(listed(box, "/box").values())
    by_form, by_address = take_many(box, *ids), take(box, *ids)
    assert by_form.body == by_address.body
    for name in ("Content-Disposition", "Content-Security-Policy", "X-Content-Type-Options"):
        assert by_form.header(name) == by_address.header(name)
    one = take_many(box, listed(box)["box"])
    assert members(one) == WHOLE


@pytest.mark.parametrize("form", ["", "node=", "folder=%2Fbox"])
def test_a_form_without_anything_chosen_gives_nothing(box: Installation, form: str) -> None:
    answer = send(box, "POST", "/zip?folder=/box", form.encode(), {**FIELDS, **HTML})
    assert answer.status == 400
    assert "Nothing was chosen to download" in answer.text
    expect(box, answer, "download_failed", reason="nothing_chosen", status=400)


def test_a_form_that_is_too_long_is_refused(box: Installation) -> None:
    answer = take_many(box, *[NOBODY] * 6_500)
    assert answer.status == 413
    expect(box, answer, "access_denied")


NOBODY = "01a20000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 400, "nothing_chosen"),
        ("node=", 400, "nothing_chosen"),
        ("folder=/none", 404, "folder_not_found"),
        ("folder=/by%20itself", 404, "folder_not_found"),
        ("folder=/box/../box", 400, "filename_not_allowed"),
        ("folder=" + "/x" * 65, 400, "path_too_deep"),
        (f"node={NOBODY}", 404, "file_not_found"),
        ("node=..", 404, "file_not_found"),
        ("node=/box", 404, "file_not_found"),
    ],
)
@pytest.mark.parametrize("how", ["GET", "HEAD"])
def test_refusals(box: Installation, how: str, query: str, status: int, reason: str) -> None:
    answer = send(box, how, f"/zip?{query}")
    assert answer.status == status
    if how == "GET":
        answer.problem(status, reason)
    expect(box, answer, "download_failed", reason=reason, status=status)


def test_what_is_in_the_trash_is_not_there(box: Installation) -> None:
    trashed = put(box, "trashed/t.txt", b"t")["file_id"]
    folder = listed(box)["trashed"]
    assert send(box, "DELETE", "/api/v1/files/trashed/t.txt").status == 204
    assert members(take(box, folder="/trashed")) == {"trashed/": b""}
    take(box, trashed).problem(404, "file_not_found")
    assert send(box, "DELETE", "/api/v1/folders/trashed").status == 204
    take(box, folder).problem(404, "file_not_found")


@pytest.mark.parametrize("reason", ["content_missing", "content_damaged"])
@pytest.mark.parametrize("how", ["GET", "HEAD"])
def test_one_bad_content_and_nothing_is_sent(box: Installation, reason: str, how: str) -> None:
    content = f"{reason} {how}".encode()
    put(box, f"{reason} {how}/good.txt", b"good")
    bad = put(box, f"{reason} {how}/inner/bad.txt", content)
    lost = blob(box, content)
    if reason == "content_missing":
        lost.unlink()
    else:
        lost.write_bytes(content[:-1])
    answer = take(box, folder=f"/{reason} {how}", how=how)
    assert answer.status == 500
    told = records_of(box, answer.request_id).outcomes
    assert [r["event"] for r in told] == ["content_damaged", "download_failed"]
    assert (told[0]["level"], told[0]["file_id"]) == ("critical", bad["file_id"])
    assert (told[1]["reason"], told[1]["status"]) == (reason, 500)
    assert (told[1]["filename"], told[1]["file_id"]) == ("bad.txt", bad["file_id"])


def downloads(server: Installation) -> int:
    """How many files were released so far."""
    return len(server.records("event:file_downloaded"))


def test_without_records_nothing_is_released(box: Installation) -> None:
    before = downloads(box)
    with refusing(box):
        for how in ("GET", "HEAD"):
            refused = take(box, folder="/none", how=how)
            assert refused.status == 503
        answer = take(box, folder="/box")
    answer.problem(503, "journal_not_writable")
    assert downloads(box) == before


def test_all_records_or_none(box: Installation) -> None:
    for name in ("first", "second", "third", "fourth"):
        put(box, f"each/{name}.txt", b"each")
    before = downloads(box)
    with closing(sqlite3.connect(box.data / "strongroom.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(
            "CREATE TRIGGER refuse_third BEFORE INSERT ON journal WHEN NEW.event = "
            "'file_downloaded' AND instr(CAST(NEW.content AS TEXT), 'third.txt') "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        answer = take(box, folder="/each")
        connection.execute("DROP TRIGGER refuse_third")
    answer.problem(503, "journal_not_writable")
    assert downloads(box) == before
    assert len(members(take(box, folder="/each"))) == 5
    assert downloads(box) == before + 4


def test_an_audit_failure_that_is_let_pass(serve: Callable[..., Installation]) -> None:
    server = serve(audit_failure="continue", workers=1)
    put(server, "box/a.txt", b"a")
    with refusing(server):
        answer = take(server, folder="/box")
    assert members(answer) == {"box/": b"", "box/a.txt": b"a"}
    assert downloads(server) == 0
