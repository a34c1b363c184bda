"""Printing records: whole lines, never an error, addresses only when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from strongroom.audit.pipeline.output import LogFormat, Output
from tests.unit.making import finished

FORMATS: list[LogFormat] = ["console", "json", "logfmt"]

PRINTS = """
import json, sys
from strongroom.audit.pipeline.output import Output
output = Output(sys.argv[1], "stdout")
for line in sys.argv[2:]:
    output.write(json.loads(line))
"""


def printed(form: str, *records: dict[str, Any], **environment: str) -> str:
    """What a process of its own prints of these records."""
    finished_process = subprocess.run(
        [sys.executable, "-c", PRINTS, form, *map(json.dumps, records)],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert not finished_process.stderr
    return finished_process.stdout.decode("utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_one_line_for_each_record(capsys: pytest.CaptureFixture[str], form: LogFormat) -> None:
    output = Output(form, "stderr")
    output.write(finished(filename="a\nb.txt"))
    output.write(finished(filename="日本語.txt"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "日本語.txt" in lines[1]


def test_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    Output("json", "stdout").write(finished(event="to_output"))
    Output("json", "stderr").write(finished(event="to_error"))
    Output("json", "none").write(finished(event="to_nowhere"))
    out, err = capsys.readouterr()
    assert json.loads(out)["event"] == "to_output"
    assert json.loads(err)["event"] == "to_error"


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_addresses_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], form: LogFormat, network: bool
) -> None:
    record = finished(ip_address="192.0.2.7", peer_address="192.0.2.8", user_agent="curl-agent")
    Output(form, "stderr", network=network).write(record)
    line = capsys.readouterr().err
    for value in ("192.0.2.7", "192.0.2.8", "curl-agent"):
        assert (value in line) is network
    assert "ip_address" in record


@pytest.mark.parametrize("form", FORMATS)
def test_no_colours_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], form: LogFormat
) -> None:
    Output(form, "stderr").write(finished(filename="\x1b[31mred"))
    assert "\x1b" not in capsys.readouterr().err


def test_lines_of_many_threads_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("json", "stderr")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda count: output.write(finished(count=count)), range(2_000)))
    counts = [json.loads(line)["count"] for line in capsys.readouterr().err.splitlines()]
    assert sorted(counts) == list(range(2_000))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "odd",
    [
        {"extra": object()},
        {"exception": "text"},
        {"exception": [1]},
        {"filename": "\ud800"},
        {1: 2},
        {"event": None},
    ],
    ids=["object", "exception", "frames", "surrogate", "key", "event"],
)
def test_a_record_that_cannot_be_rendered_stops_nothing(
    capsys: pytest.CaptureFixture[str], form: LogFormat, odd: dict[Any, Any]
) -> None:
    output = Output(form, "stderr")
    output.write({**finished(), **odd})
    output.write(finished(event="afterwards"))
    assert "afterwards" in capsys.readouterr().err


@pytest.mark.parametrize("form", FORMATS)
def test_a_narrow_encoding_silences_nothing(form: str) -> None:
    """A redirect in the C locale, as cron and old init systems have it."""
    records = [finished(filename="日本語.txt"), finished(event="afterwards")]
    narrow = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    text = printed(form, *records, **narrow)
    assert "file_uploaded" in text
    assert "afterwards" in text


def test_a_closed_stream_is_no_error() -> None:
    """The reader of a pipe went away."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-c", PRINTS, "json", *[json.dumps(finished())] * 3],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert b"Traceback" not in process.stderr
