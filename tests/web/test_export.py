"""Exports over HTTP and by the command line: what leaves, and what is recorded of it."""

from __future__ import annotations

import hashlib
import http.client
import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pytest

from strongroom.audit.export.turns import AT_ONCE
from strongroom.audit.query.search.slots import Slots
from tests.fault.leaving import head, read_and_leave, records_of_agent
from tests.serving import Installation
from tests.web.expect import expect
from tests.web.wire import AGENT, PATIENCE, Answer, put, send

STARTED, ENDED = "log_export_started", "logs_exported"
QUERY = "event:file_uploaded"
LARGE = "event:cache_warmed"
LINES = 1_000
SIZE = 12_000
"""Characters of each of them: together far more than the buffers of a connection hold."""


@pytest.fixture(scope="module")
def history(server: Installation) -> list[dict[str, Any]]:
    """Some records, and the one that cannot be lost on a spreadsheet."""
    for name in ("=1+1.csv", "two.txt", "日本語.pdf"):
        put(server, name)
    return server.records(QUERY)


@pytest.fixture(scope="module")
def many(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Records of some megabytes; how many."""
    path = tmp_path_factory.mktemp("many") / "many.log"
    with path.open("w") as file:
        for number in range(LINES):
            noise = hashlib.sha512(str(number).encode()).hexdigest() * (SIZE // 128)
            made = {"timestamp": 1_700_000_000 + number, "event": "cache_warmed", "note": noise}
            file.write(json.dumps(made) + "\n")
    server.run("log", "import", str(path))
    return LINES


def export(server: Installation, path: str = "/api/v1/export", query: str = QUERY) -> Answer:
    return send(server, "GET", f"{path}?query={query}")


@pytest.mark.parametrize("path", ["/api/v1/export", "/logs/export"])
def test_a_download_and_its_record(
    server: Installation, history: list[dict[str, Any]], path: str
) -> None:
    answer = export(server, path)
    assert answer.status == 200
    assert [json.loads(line) for line in answer.body.splitlines()] == history
    assert answer.header("Content-Type") == "application/x-ndjson"
    assert answer.header("Content-Disposition") == "attachment; filename=records.ndjson"
    assert answer.header("Cache-Control") == "no-store"
    started, ended = expect(server, answer, STARTED, ENDED)
    assert started["extra"] == ended["extra"] == {"query": QUERY}
    assert (ended["outcome"], ended["count"]) == ("success", len(history))
    assert ended["file_size_bytes"] == len(answer.body)
    assert ended["sha256"] == hashlib.sha256(answer.body).hexdigest()


def test_the_answer_leads_to_the_record(
    server: Installation, history: list[dict[str, Any]]
) -> None:
    answer = export(server)
    target, relation = (answer.header("Link") or "").split("; ")
    assert relation == 'rel="describedby"'
    expect(server, answer, STARTED, ENDED)
    (found,) = send(server, "GET", target.strip("<>")).json()["records"]
    assert found["sha256"] == hashlib.sha256(answer.body).hexdigest()


def test_other_formats(server: Installation, history: list[dict[str, Any]], tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        answer = send(server, "GET", f"/logs/export?format={kind}&query={QUERY}")
        assert answer.status == 200
        file = tmp_path / f"records.{kind}"
        file.write_bytes(answer.body)
        rows = duckdb.execute(f"SELECT id::VARCHAR, filename FROM '{file}'").fetchall()
        shield = "'" if kind == "csv" else ""
        assert rows == [
            (r["id"], shield + r["filename"] if r["filename"].startswith("=") else r["filename"])
            for r in history
        ]


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_client_that_leaves(server: Installation, many: int, how: str) -> None:
    agent = f"export-{how}"
    read_and_leave(
        server, head(server, "GET", f"/api/v1/export?query={LARGE}", agent), 300_000, how
    )
    found = records_of_agent(server, agent)
    assert [record["event"] for record in found] == ["request", STARTED, ENDED, "response"]
    ended, response = found[2:]
    assert (ended["outcome"], ended["reason"]) == ("failed", "client_left")
    assert 0 < ended["count"] < many
    assert (response["status"], response["aborted"]) == (200, True)
    assert list((server.data / "strongroom.db.exports").iterdir()) == []


def test_what_is_missing_breaks_it_off(
    server: Installation, history: list[dict[str, Any]], many: int, tmp_path: Path
) -> None:
    server.run("log", "seal", "--stream", "imported", "--all")
    (file,) = (server.data / "strongroom.db.archive" / "segments" / "imported").iterdir()
    aside = file.rename(tmp_path / file.name)
    query = f"{LARGE} OR {QUERY}"
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with closing(link):
        target = f"/api/v1/export?{urlencode({'query': query})}"
        link.request("GET", target, headers={"User-Agent": AGENT})
        response = link.getresponse()
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead) as cut:
            response.read()
    assert [json.loads(line) for line in cut.value.partial.splitlines()] == history
    records = server.outcome(response.headers["X-Request-ID"])
    (ended,) = [record for record in records if record["event"] == ENDED]
    assert (ended["outcome"], ended["reason"]) == ("failed", "records_missing")
    assert "of the stream imported" in ended["extra"]["missing"][0]
    file_there = tmp_path / "records.ndjson"
    done = server.run("log", "export", query, "-o", str(file_there), check=False)
    assert (done.returncode, len(file_there.read_bytes().splitlines())) == (1, len(history))
    assert "Missing: records 0 to" in done.stderr
    aside.rename(file)
    done = server.run("log", "export", LARGE, "-o", str(file_there), "--force", "--json")
    told = json.loads(done.stdout)
    assert (told["records"], told["missing"]) == (many, [])
    assert told["sha256"] == hashlib.sha256(file_there.read_bytes()).hexdigest()


def test_too_many_at_once(server: Installation) -> None:
    slots = Slots(server.data / "strongroom.db.exporting", AT_ONCE)
    with ExitStack() as held:
        for _ in range(AT_ONCE):
            held.enter_context(slots.held(5))
        answer = export(server)
        answer.problem(503, "export_busy")
        assert answer.header("Retry-After") == "3"
        done = server.run("log", "export", "-o", "-", check=False)
        assert (done.returncode, done.stdout) == (3, "")
    expect(server, answer, ENDED, reason="export_busy", outcome="failed", count=0)
    assert export(server).status == 200


# The command line


def test_a_file(server: Installation, history: list[dict[str, Any]], tmp_path: Path) -> None:
    target = tmp_path / "records.ndjson"
    done = server.run("log", "export", QUERY, "--output", str(target))
    content = target.read_bytes()
    assert [json.loads(line) for line in content.splitlines()] == history
    digest = hashlib.sha256(content).hexdigest()
    assert done.stdout.splitlines() == [
        f"{len(history):,} records, {len(content):,} bytes",
        f"SHA-256 {digest}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    newest = server.records(f"event:{ENDED}")[0]
    assert (newest["sha256"], newest["count"]) == (digest, len(history))
    assert newest["extra"]["by"] == "command line"


def test_a_file_that_is_there_stays(server: Installation, tmp_path: Path) -> None:
    target = tmp_path / "records.csv"
    target.write_text("mine")
    arguments = ("log", "export", "--format", "csv", "-o", str(target))
    refused = server.run(*arguments, check=False)
    assert (refused.returncode, target.read_text()) == (2, "mine")
    assert "--force" in refused.stderr
    server.run(*arguments, "--force")
    assert target.read_text().startswith("timestamp,")
    missing = server.run("log", "export", "-o", str(tmp_path / "none" / "x"), check=False)
    assert missing.returncode == 3


def test_standard_output(server: Installation, history: list[dict[str, Any]]) -> None:
    done = server.run("log", "export", QUERY, "-o", "-", "--from", history[-1]["timestamp"])
    assert [json.loads(line) for line in done.stdout.splitlines()] == history
    assert done.stderr.startswith(f"{len(history)} records, ")


def test_a_query_that_cannot_be_understood(server: Installation, tmp_path: Path) -> None:
    done = server.run("log", "export", "a OR", "-o", str(tmp_path / "x"), check=False)
    assert done.returncode == 2
    assert "query, column 3" in done.stderr
