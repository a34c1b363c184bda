"""``strongroom log``, ``doctor`` and ``events`` on an installation whose server runs."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.serving import Installation
from tests.web.expect import OUTCOMES
from tests.web.wire import api, put, send

ESC = "\x1b"


@pytest.fixture(scope="module")
def history(server: Installation) -> dict[str, Any]:
    """Some acts on a file; what was stored."""
    stored = put(server, "日本語 report.pdf", b"12345678", "application/pdf")
    send(server, "PUT", api(f"{ESC}]0;owned{ESC}[2J.txt"), b"x")
    last = send(server, "GET", api("日本語 report.pdf"))
    server.outcome(last.request_id)
    return stored


def lines(server: Installation, *arguments: str) -> list[dict[str, Any]]:
    """What ``log search --json`` prints."""
    printed = server.run("log", "search", "--json", *arguments)
    assert printed.stderr == ""
    return [json.loads(line) for line in printed.stdout.splitlines()]


def test_search_for_programs(server: Installation, history: dict[str, Any]) -> None:
    query = f"file_id:{history['file_id']}"
    found = lines(server, query)
    assert [record["event"] for record in found] == ["file_downloaded", "file_uploaded"]
    assert found == server.records(query)
    assert lines(server, "event:nothing_like_this") == []


def test_search_narrows(server: Installation, history: dict[str, Any]) -> None:
    query = f"file_id:{history['file_id']}"
    [newest] = lines(server, query, "--limit", "1")
    assert newest["event"] == "file_downloaded"
    when = newest["timestamp"]
    assert [r["event"] for r in lines(server, query, "--to", when)] == ["file_uploaded"]
    assert [r["event"] for r in lines(server, query, "--from", when)] == ["file_downloaded"]
    assert len(lines(server, query, "--time", "15m")) == 2
    assert lines(server, query, "--from", "2020-01-01", "--to", "2020-01-02") == []


def test_search_goes_past_one_page(server: Installation, history: dict[str, Any]) -> None:
    for number in range(300):
        send(server, "GET", f"/many/{number}")
    last = send(server, "GET", "/many/last")
    server.outcome(last.request_id)
    found = lines(server, "many event:request", "--limit", "1000")
    paths = {record["path"] for record in found}
    assert len(found) == len(paths) == 301
    few = server.run("log", "search", "many event:request", "--limit", "3")
    assert len([line for line in few.stdout.splitlines() if "/many/" in line]) == 3
    assert "--limit" in few.stderr


def test_search_for_people(server: Installation, history: dict[str, Any]) -> None:
    printed = server.run("log", "search", "stream:audit").stdout
    assert "file_downloaded" in printed
    assert "日本語 report.pdf" in printed
    assert "owned" in printed
    assert ESC not in printed


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["evnt:x"], "column 1"),
        (['a "open'], "column 3"),
        (["--time", "1y"], "span of time"),
        (["--from", "yesterday"], "yesterday"),
        (["--limit", "0"], "--limit"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage(server: Installation, arguments: list[str], hint: str) -> None:
    refused = server.run("log", "search", *arguments, check=False)
    assert refused.returncode == 2
    assert hint in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("command", [["log", "search"], ["log", "tail"]])
def test_nothing_there(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> None:
    nothing = Installation(tmp_path_factory.mktemp("nothing") / "data")
    refused = nothing.run(*command, check=False)
    assert refused.returncode == 2
    assert str(nothing.data) in refused.stderr
    assert not nothing.data.exists()


@contextmanager
def tail(server: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``strongroom log tail`` while it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "log", "tail", *arguments],
        env=server.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _until_it_follows(server: Installation, process: subprocess.Popen[str]) -> None:
    """Make records until one shows: only from then on is it known to be watching."""
    assert process.stdout is not None
    for number in range(10_000):
        put(server, f"{process.pid} warm-up {number}")
        seen = server.run("log", "search", "--json", "--limit", "1")  # passes some time
        assert seen.returncode == 0
        if _is_readable(process):
            return
    raise AssertionError("nothing was printed")


def _is_readable(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return bool(select.select([process.stdout.fileno()], [], [], 0)[0])


def test_tail_prints_what_comes_once_and_in_order(server: Installation) -> None:
    with tail(server, "--json", "event:file_uploaded") as process:
        _until_it_follows(server, process)
        names = [f"{process.pid} followed {number}" for number in range(40)]
        for name in names:
            put(server, name)
        seen: list[str] = []
        while not seen or seen[-1] != names[-1]:
            record = json.loads(_line(process))
            assert record["event"] == "file_uploaded"
            seen.append(record["filename"])
        assert [name for name in seen if "followed" in name] == names
        assert len(set(seen)) == len(seen)


def test_tail_for_people_ends_when_interrupted(server: Installation) -> None:
    with tail(server, "event:file_uploaded") as process:
        _until_it_follows(server, process)
        printed = _line(process)
        assert "file_uploaded" in printed
        assert f"{process.pid} warm-up" in printed
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors


def test_output_that_nobody_reads_to_its_end(server: Installation, history: object) -> None:
    """Like ``strongroom log search | head -1``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "log", "search", "--json", "--limit", "5000"],
        env=server.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(30)
    assert b"rror" not in errors


def test_the_catalogue(server: Installation) -> None:
    listed = json.loads(server.run("events", "--json").stdout)
    by_name = {event["event"]: event for event in listed}
    assert {"request", "response", *OUTCOMES} <= by_name.keys()
    for event in listed:
        assert event.keys() == {
            "event", "stream", "levels", "severity_numbers", "meaning", "fields",
        }  # fmt: skip
        assert event["stream"] in ("audit", "ops")
        assert event["levels"]
        assert event["meaning"]
    for name, (outcome, level) in OUTCOMES.items():
        assert by_name[name]["levels"][outcome] == level
    printed = server.run("events").stdout
    assert all(name in printed for name in by_name)


def test_doctor_finds_nothing_to_mend(server: Installation) -> None:
    told = server.run("doctor")
    assert told.returncode == 0
    assert "✗" not in told.stdout
    findings = server.doctor()
    assert all(finding.keys() == {"check", "state", "text"} for finding in findings)
    assert {finding["state"] for finding in findings} <= {"ok", "note"}


def test_the_fields_are_listed(server: Installation) -> None:
    listed = {
        item["field"]: item
        for item in json.loads(server.run("events", "--fields", "--json").stdout)
    }
    assert listed["filename"]["part"] == "content"
    assert (
        listed["ip_address"] | {"part": "network", "otel": "client.address"} == listed["ip_address"]
    )
    events = json.loads(server.run("events", "--json").stdout)
    [uploaded] = [event for event in events if event["event"] == "file_uploaded"]
    assert listed["sha256"] in uploaded["fields"]
    assert uploaded["severity_numbers"] == {"success": 9}
    printed = server.run("events", "--fields").stdout
    assert all(name in printed for name in ("filename", "network", "client.address"))
