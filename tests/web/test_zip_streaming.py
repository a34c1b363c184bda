"""A zip on its way: it breaks off, its client leaves, it is large, or of many files."""

from __future__ import annotations

import http.client
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pytest

from strongroom.files.model import StoredFile
from strongroom.files.zipping import archive
from strongroom.files.zipping.members import Member
from tests.attacks.raw import peak_memory
from tests.fault.leaving import head, read_and_leave, records_of_agent
from tests.serving import Installation
from tests.web.expect import Record, expect
from tests.web.test_zip import blob, downloads, listed, members, put, take
from tests.web.wire import AGENT, PATIENCE

MIB = 1024 * 1024
SCALE = 1 if os.environ.get("STRONGROOM_SOAK") else 4096
YEAR_2150 = 5_680_281_600_000_000
"""Later than a zip can say."""


def broken_off(server: Installation, folder: str, breaks: Callable[[], object]) -> list[Record]:
    """Have a zip break in the middle; the records of that."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with closing(link):
        link.request("GET", f"/zip?folder=/{folder}", headers={"User-Agent": AGENT})
        response = link.getresponse()
        assert response.status == 200
        start = response.read(100_000)
        breaks()
        with pytest.raises(http.client.IncompleteRead) as cut:
            response.read()
    with pytest.raises(BadZipFile):
        ZipFile(io.BytesIO(start + cut.value.partial))
    first, *told, last = server.outcome(response.headers["X-Request-ID"])
    assert (first["event"], last["event"]) == ("request", "response")
    assert (last["status"], last["outcome"], last["aborted"]) == (200, "failed", False)
    return [r for r in told if r["event"] not in ("unhandled_exception", "message_logged")]


@pytest.mark.parametrize(
    ("how", "reason"), [("gone", "content_missing"), ("cut", "content_damaged")]
)
def test_a_content_that_breaks_on_the_way(server: Installation, how: str, reason: str) -> None:
    # Far more than the buffers of a connection hold, so that the second one is not reached yet.
    large, second = how.encode() * (16 * MIB), f"second {how}".encode()
    put(server, f"{how}/1", large)
    put(server, f"{how}/2", second)
    lost = (
        blob(server, second).unlink
        if how == "gone"
        else lambda: os.truncate(blob(server, large), MIB)
    )
    *records, last = broken_off(server, how, lost)
    assert [r["event"] for r in records if r["event"] != "content_damaged"] == [
        "file_downloaded"
    ] * 2
    assert (last["event"], last["reason"]) == ("download_failed", reason)
    assert last["filename"] == ("2" if how == "gone" else "1")


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_client_that_leaves(server: Installation, how: str) -> None:
    put(server, f"left {how}/large", how.encode() * (16 * MIB))
    agent = f"zip-{how}"
    request = head(server, "GET", f"/zip?folder=/left%20{how}", agent)
    read_and_leave(server, request, 300_000, how)
    found = records_of_agent(server, agent)
    assert [record["event"] for record in found] == ["request", "file_downloaded", "response"]
    assert (found[-1]["status"], found[-1]["aborted"]) == (200, True)
    assert 200_000 < found[-1]["bytes_out"] < 32 * MIB


def fill(server: Installation, folder: str, count: int) -> None:
    """List so many files in a folder that has one, all with its content."""
    with closing(sqlite3.connect(server.data / "strongroom.db")) as connection, connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?) "
            "INSERT INTO node SELECT printf('%s%08d', substr(node_id, 1, 28), n), parent_id, kind, "
            "printf('%05d', n), printf('%05d', n), state, version_id, created_at, created_by, "
            "changed_at, trashed_by, file_size_bytes FROM node, number WHERE parent_id = ?",
            (count, listed(server)[folder]),
        )


def test_as_many_as_there_may_be_and_one_more(server: Installation) -> None:
    put(server, "many/one", b"1")
    fill(server, "many", 9_999)
    answer = take(server, folder="/many")
    found = members(answer)
    assert len(found) == 10_001  # with their folder
    assert set(found.values()) == {b"", b"1"}
    records = expect(server, answer, *["file_downloaded"] * 10_000)
    numbers = [record["seq"] for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + 10_000))
    put(server, "many/and one", b"1")
    before = downloads(server)
    for nodes, folder in (((), "/many"), ((listed(server)["many"],), None)):
        answer = take(server, *nodes, folder=folder)
        answer.problem(409, "too_many_at_once")
        expect(server, answer, "download_failed", reason="too_many_at_once")
    assert downloads(server) == before


def test_memory_stays_flat(serve: Callable[..., Installation]) -> None:
    server = serve(workers=1)
    for number in range(3):
        put(server, f"large/{number}", bytes([number]) * (100 * MIB))
    put(server, "small/one", b"1")
    members(take(server, folder="/small"))
    before, count = peak_memory(server), 0
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with closing(link):
        link.request("GET", "/zip?folder=/large", headers={"User-Agent": AGENT})
        response = link.getresponse()
        while piece := response.read(MIB):
            count += len(piece)
    assert count == int(response.headers["Content-Length"]) > 300 * MIB
    assert peak_memory(server) < before + 24 * MIB


def member(path: str, size: int) -> Member:
    """A file in a zip."""
    stored = StoredFile(
        file_id="f",
        filename=path,
        folder_id="d",
        folder="/",
        file_size_bytes=size,
        content_type="text/plain",
        detected_type="text/plain",
        sha256="0" * 64,
        created_at="2026-01-01T00:00:00.000000Z",
        created_by=None,
        changed_at="",
        changed_by=None,
        version_id="v",
    )
    return Member(path, 1_767_225_600_000_000, stored)


def zeros(file: StoredFile) -> Iterator[bytes]:
    """A content of nothing but zeros."""
    for start in range(0, file.file_size_bytes, MIB):
        yield bytes(min(MIB, file.file_size_bytes - start))


def write(path: Path, chosen: list[Member]) -> None:
    """Write a zip of zeros into a file; what is zero takes no room there."""
    with path.open("wb") as file:
        for piece in archive.written(chosen, zeros):
            if any(piece[:100]) or any(piece[-100:]) or len(piece) < 1000:
                file.write(piece)
            else:
                file.seek(len(piece), os.SEEK_CUR)
        assert file.tell() == archive.length(chosen)


@pytest.mark.parametrize("limit", [0, 2 * MIB, 1 << 30])
def test_the_length_is_known_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: int
) -> None:
    monkeypatch.setattr(archive, "_LARGE", limit)
    chosen = [
        Member("d/", 0),
        member("d/1", MIB),
        Member("d/é/", YEAR_2150),
        member("d/é/ß", 5 * MIB),
    ]
    write(tmp_path / "it.zip", chosen)
    with ZipFile(tmp_path / "it.zip") as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["d/", "d/1", "d/é/", "d/é/ß"]
        versions = {info.file_size: info.extract_version for info in opened.infolist()}
    # 4.5 is what reading sizes of 64 bits takes (APPNOTE, section 4.4.3.2).
    assert versions == {
        0: 20,
        MIB: 45 if limit == 0 else 20,
        5 * MIB: 45 if limit < MIB * 5 else 20,
    }


def test_more_than_32_bits(tmp_path: Path) -> None:
    """Really so under ``make soak``, where it writes 11 GiB of zeros; else with smaller ones."""
    sizes = [size // SCALE for size in (5 << 30, (2 << 30) + MIB, (4 << 30) - MIB, 4 * MIB)]
    chosen = [Member("d/", 0), *(member(f"d/{n}", size) for n, size in enumerate(sizes))]
    write(tmp_path / "it.zip", chosen)
    with ZipFile(tmp_path / "it.zip") as opened:
        assert [info.file_size for info in opened.infolist()] == [0, *sizes]
        assert opened.infolist()[-1].header_offset > (1 << 32) // SCALE
        assert opened.testzip() is None
