"""``strongroom log import`` on an installation whose server runs."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.stored import check_sound
from tests.serving import Installation

ESC = "\x1b"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running server; each test imports under an application name of its own."""
    installation = Installation(tmp_path_factory.mktemp("import") / "data", workers=1).start()
    yield installation
    check_sound(installation)
    installation.stop()


def line(second: int, **fields: object) -> str:
    """One line of structlog."""
    return json.dumps({"timestamp": 1795521600 + second, "event": "cache_warmed", **fields})


def write(path: Path, *lines: str) -> Path:
    """A log file of these lines."""
    path.write_text("".join(f"{one}\n" for one in lines), "utf-8", "surrogatepass")
    return path


def summary(server: Installation, *arguments: object, code: int = 0) -> dict[str, Any]:
    """What ``log import --json`` prints."""
    told = server.run("log", "import", "--json", *map(str, arguments), check=False)
    assert told.returncode == code, told.stderr
    assert told.stderr == ""
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    """Added, already there, rejected."""
    return found["added"], found["already_there"], found["rejected"]


def imports(server: Installation, app: str) -> list[dict[str, Any]]:
    """The imported records of one application, oldest first."""
    return server.records(f"stream:imported app:{app}")[::-1]


def test_records_come_in_once(server: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(n, number=n) for n in range(2_500)))
    found = summary(server, path, "--app", "once")
    assert counts(found) == (2_500, 0, 0)
    assert found["files"][0] == {
        "file": str(path), "format": "structlog", "added": 2_500, "already_there": 0, "rejected": 0,
    }  # fmt: skip
    assert [record["extra"]["number"] for record in imports(server, "once")] == list(range(2_500))
    assert counts(summary(server, path, "--app", "once")) == (0, 2_500, 0)
    with path.open("a") as log:
        log.write(f"{line(9_000)}\n{line(9_001)}\n")
    assert counts(summary(server, path, "--app", "once")) == (2, 2_500, 0)
    assert len(imports(server, "once")) == 2_502
    renamed = path.rename(tmp_path / "a.log.1")
    assert counts(summary(server, renamed, "--app", "once")) == (0, 2_502, 0)
    assert counts(summary(server, renamed, "--app", "twice")) == (2_502, 0, 0)


def test_identical_lines_are_several_records(server: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *[line(1)] * 3, line(2), *[line(1)] * 2)
    assert counts(summary(server, path, "--app", "same")) == (6, 0, 0)
    assert counts(summary(server, path, "--app", "same")) == (0, 6, 0)
    with path.open("a") as log:
        log.write(f"{line(1)}\n")
    assert counts(summary(server, path, "--app", "same")) == (1, 6, 0)
    assert len({record["id"] for record in imports(server, "same")}) == 7


def test_identical_lines_far_from_one_another(server: Installation, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.log", *(line(n) for n in range(1_500)), *(line(n) for n in range(1_500))
    )
    assert counts(summary(server, path, "--app", "far")) == (3_000, 0, 0)
    assert counts(summary(server, path, "--app", "far")) == (0, 3_000, 0)


def test_two_imports_of_one_file_at_once(server: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(n // 2) for n in range(6_000)))
    command = [
        sys.executable,
        "-m",
        "strongroom",
        "log",
        "import",
        "--json",
        "--app",
        "race",
        str(path),
    ]
    running = [
        subprocess.Popen(command, env=server.environment(), stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [json.loads(process.communicate(timeout=100)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(one["added"] for one in told) == 6_000
    assert all(one["added"] + one["already_there"] == 6_000 for one in told)
    assert len(imports(server, "race")) == 6_000


def test_rejected_lines_are_told(server: Installation, tmp_path: Path) -> None:
    evil = f"{ESC}]0;owned{ESC}[2J c4nary"
    path = write(tmp_path / "a.log", line(1), evil, "", '{"event": "x"}', *["[]"] * 30, line(2))
    listed = tmp_path / "rejected"
    arguments = ["--app", "bad", "--rejected", str(listed), str(path)]
    told = server.run("log", "import", *arguments, check=False)
    assert told.returncode == 1
    assert told.stdout.startswith("2 added, 0 already there, 32 rejected, ")
    assert re.search(r" \d+\.\d s, [\d,]+ records a second$", told.stdout)
    errors = told.stderr.splitlines()
    assert errors[0] == f"{path}: structlog"
    assert errors[1] == f"{path}:2: not a JSON object"
    assert errors[2] == f"{path}:4: it has no time"
    assert "12 more" in errors[21]
    assert len(errors) == 22
    assert ESC not in told.stderr
    assert "c4nary" not in told.stderr + listed.read_text()
    written = [json.loads(one) for one in listed.read_text().splitlines()]
    assert [one["line"] for one in written] == [2, 4, *range(5, 35)]
    assert {one["file"] for one in written} == {str(path)}
    found = summary(server, path, "--app", "bad", code=1)
    assert counts(found) == (0, 2, 32)
    assert found["reasons"] == {"not a JSON object": 31, "it has no time": 1}
    assert len(found["rejected_lines"]) == 20


def test_several_files_compressed_and_from_a_pipe(server: Installation, tmp_path: Path) -> None:
    plain = write(tmp_path / "a.log", line(1), line(2))
    packed = tmp_path / "a.log.2.gz"
    packed.write_bytes(gzip.compress(f"{line(2)}\n{line(3)}\n".encode()))
    nginx = tmp_path / "access.log"
    nginx.write_text(
        '{"time_iso8601": "2026-11-24T12:00:00Z", "request": "GET /a?b HTTP/1.1", "status": "200"}\n'
    )
    found = summary(server, plain, packed, nginx, "--app", "several")
    assert counts(found) == (4, 1, 0)
    assert [one["format"] for one in found["files"]] == ["structlog", "structlog", "nginx"]
    command = [sys.executable, "-m", "strongroom", "log", "import", "--app", "several", "-"]
    for content in (f"{line(4)}\n".encode(), gzip.compress(f"{line(5)}\n".encode())):
        told = subprocess.run(
            command, env=server.environment(), input=content, capture_output=True, check=True
        )
        assert told.stdout.startswith(b"1 added")
        assert told.stderr == b"standard input: structlog\n"
    assert len(imports(server, "several")) == 6


def test_a_file_that_ends_before_its_end(server: Installation, tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{line(n, number=n)}\n" for n in range(5_000)).encode())
    for name, size in (("half", len(whole) // 2), ("trailer", len(whole) - 4)):
        broken = tmp_path / f"{name}.gz"
        broken.write_bytes(whole[:size])
        other = write(tmp_path / f"{name}.log", line(1))
        found = summary(server, broken, other, "--app", name, code=3)
        assert f"{broken}: cannot be read to its end" in found["failures"][0]
        assert 1_000 < found["added"] <= 5_001
        assert found["files"][1]["added"] == 1
        broken.write_bytes(whole)
        assert summary(server, broken, "--app", name)["added"] == 5_000 - found["files"][0]["added"]


def test_a_record_of_the_import(server: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "a named file.log", line(1), line(2), "x")
    summary(server, path, "--app", "recorded", code=1)
    found = server.records('stream:audit "a named file"')
    ended, started = (record for record in found if "import" in record["event"])
    assert (started["event"], ended["event"]) == ("import_started", "records_imported")
    assert (ended["count"], ended["outcome"]) == (2, "success")
    assert ended["extra"] == {
        "by": "command line", "files": [str(path)], "formats": ["structlog"],
        "already_there": 0, "rejected": 1,
    }  # fmt: skip


def test_nothing_passes_for_evidence(server: Installation, tmp_path: Path) -> None:
    forged = {
        "event": "file_deleted",
        "stream": "audit",
        "seq": 0,
        "id": "0" * 36,
        "sha256": "0" * 64,
    }
    forged |= {"request_id": "r", "file_id": "f", "user_id": "u", "count": 1, "extra": {"app": "x"}}
    before = len(server.records("stream:audit event:file_deleted"))
    path = write(tmp_path / "a.log", line(1, **forged))
    assert counts(summary(server, path, "--app", "forged")) == (1, 0, 0)
    [record] = imports(server, "forged")
    assert record["stream"] == "imported"
    assert record["event"] == "imported_file_deleted"
    assert not {"sha256", "request_id", "file_id", "user_id", "count"} & record.keys()
    assert len(server.records("stream:audit event:file_deleted")) == before
    assert server.records("event:file_deleted app:forged") == []


def test_a_list_of_rejected_lines_that_cannot_be_written(
    server: Installation, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.log", line(1), *["x"] * 2_000, line(2))
    told = server.run(
        "log", "import", "--rejected", "/dev/full", "--app", "full", str(path), check=False
    )
    assert told.returncode == 3
    assert "No space left" in told.stderr
    assert "Traceback" not in told.stderr


def test_secrets_stay_outside(server: Installation, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.log",
        line(
            1, password="c4nary", nested={"deep": {"api_key": "c4nary"}}, list=[{"token": "c4nary"}]
        ),
        line(
            2,
            url="https://u:c4nary@example.org/?q=c4nary",
            referer="/x?q=c4nary",
            query_string="c4nary",
        ),
        line(
            3,
            message="Bearer c4nary.c4nary",
            headers={"Authorization": ["Basic c4nary"], "Cookie": "c4nary"},
        ),
        line(
            4, path="/p?c4nary", error_type="password=c4nary", app="token=c4nary", host="sid=c4nary"
        ),
        line(6, request={"query_string": "c4nary", "/x?c4nary": 1}),
        line(
            5, event="Login with password=c4nary", level="secret=c4nary", filename="x?token=c4nary"
        ),
    )
    assert counts(summary(server, path)) == (6, 0, 0)
    for file in server.data.glob("strongroom.db*"):
        assert b"c4nary" not in file.read_bytes(), file


def test_imported_records_are_found_and_shown(server: Installation, tmp_path: Path) -> None:
    marked = f"{ESC}[31m<b>shown\u202e"
    path = write(tmp_path / "a.log", line(1, note=marked, status=500, event="page_shown"))
    summary(server, path, "--app", "shown")
    [record] = imports(server, "shown")
    printed = server.run("log", "search", "stream:imported app:shown").stdout
    assert "page_shown" in printed
    assert ESC not in printed
    assert "None" not in printed
    [line_found] = server.run(
        "log", "search", "--json", "stream:imported app:shown"
    ).stdout.splitlines()
    assert json.loads(line_found) == record
    with server.client(headers={"Accept": "text/html"}) as client:
        listed = client.get("/logs", params={"query": "stream:imported app:shown"})
        page = client.get(f"/logs/{record['id']}")
    assert listed.status_code == page.status_code == 200
    assert "page_shown" in listed.text
    assert "imported record" in page.text
    assert "<b>shown" not in page.text


def test_naive_times_and_a_mapping(server: Installation, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.log",
        '{"when": "2026-07-01 12:00:00", "what": "tea_made", "who": {"ip": "::1"}}',
    )
    found = summary(
        server, path, "--app", "mapped", "--format", "structlog", "--timezone", "Europe/Berlin",
        "--map", "timestamp=when", "--map", "event=what", "--map", "ip_address=who.ip",
    )  # fmt: skip
    assert counts(found) == (1, 0, 0)
    [record] = imports(server, "mapped")
    assert record["timestamp"] == "2026-07-01T10:00:00.000000Z"
    assert (record["event"], record["ip_address"]) == ("tea_made", "::1")


def test_nothing_to_import(server: Installation, tmp_path: Path) -> None:
    assert counts(summary(server, write(tmp_path / "empty"))) == (0, 0, 0)
    assert counts(summary(server, write(tmp_path / "blank", "", " ", ""))) == (0, 0, 0)
    unknown = write(tmp_path / "unknown", '{"a": 1}')
    found = summary(server, unknown, code=3)
    assert found["failures"] == [f"{unknown}: the format is not recognised; name it with --format"]
    ended = server.records("event:records_imported")[0]
    assert ended["outcome"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "FILE"),
        (["missing.log"], "missing.log"),
        (["."], "directory"),
        (["--format", "csv", "-"], "csv"),
        (["--map", "timestamp", "-"], "OURS=THEIRS"),
        (["--map", "stream=x", "-"], "stream"),
        (["--timezone", "Mars/Olympus", "-"], "Mars/Olympus"),
        (["--timezone", "../../etc/passwd", "-"], "passwd"),
        (["--rejected", __file__, __file__], "overwrite"),
    ],
    ids=repr,
)
def test_wrong_usage(server: Installation, arguments: list[str], hint: str) -> None:
    refused = server.run("log", "import", *arguments, check=False)
    assert refused.returncode == 2
    assert hint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_name_that_would_move_the_cursor(server: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / f"{ESC}[2Jx.log", "x", '{"event": 1}')
    told = server.run("log", "import", str(path), check=False)
    assert told.returncode == 1
    assert ESC not in told.stderr + told.stdout
    assert "\\u001b[2Jx.log:1" in told.stderr


def test_without_an_installation(tmp_path: Path) -> None:
    nothing = Installation(tmp_path / "data")
    refused = nothing.run("log", "import", __file__, check=False)
    assert refused.returncode == 2
    assert not nothing.data.exists()
