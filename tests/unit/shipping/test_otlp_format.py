"""A record in the log data model of OpenTelemetry, through the wire and back by the official classes."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from strongroom.audit.events import FIELDS
from strongroom.audit.journal.stored import microseconds
from strongroom.audit.shipping.otlp_format import export_request
from tests.receiving import attributes_of, records_in, value_of
from tests.unit.making import finished

PROCESS = {"app": "strongroom", "version": "1.0", "host": "files.example"}


def through(*records: dict[str, Any]) -> ExportLogsServiceRequest:
    return ExportLogsServiceRequest.FromString(export_request(records).SerializeToString())


def test_every_field() -> None:
    record = {
        **finished(**PROCESS, pid=7, level="error", event="upload_error", user="Ana"),
        "filename": "日本\n.txt",
        "file_size_bytes": 2**40,
        "duration_ms": 1.5,
        "ip_address": "192.0.2.7",
        "aborted": True,
        "status": 500,
        "user_id": "u1",
        "error_type": "OSError",
        "error_msg": "disk full",
        "seq": 3,
        "stream": "audit",
        "extra": {"a": [1, None, {"b": "c"}], "big": 2**70},
        "reason": "disk_full",
    }
    [got] = records_in(through(record))
    assert got.time_unix_nano == microseconds(record["timestamp"]) * 1000
    assert got.observed_time_unix_nano == got.time_unix_nano
    assert got.severity_number == SeverityNumber.SEVERITY_NUMBER_ERROR
    assert got.severity_text == "error"
    assert got.event_name == "upload_error"
    assert got.body.string_value == "upload_error"
    assert attributes_of(got) == {
        "event.name": "upload_error",
        "log.record.uid": record["id"],
        "process.pid": 7,
        "user.name": "Ana",
        "user.id": "u1",
        "file.name": "日本\n.txt",
        "file.size": 2**40,
        "strongroom.duration_ms": 1.5,
        "client.address": "192.0.2.7",
        "strongroom.aborted": True,
        "http.response.status_code": 500,
        "exception.type": "OSError",
        "exception.message": "disk full",
        "strongroom.reason": "disk_full",
        "strongroom.extra": {"a": [1, None, {"b": "c"}], "big": str(2**70)},
        "strongroom.stream": "audit",
        "strongroom.seq": 3,
    }


def test_no_two_fields_have_one_name() -> None:
    names = [field.otel or f"strongroom.{name}" for name, field in FIELDS.items()]
    assert len(set(names)) == len(names)


def test_a_library_speaks_for_itself() -> None:
    record = finished(event="message_logged", extra={"logger": "x", "message": "disk is slow"})
    assert records_in(through(record))[0].body.string_value == "disk is slow"


def test_processes_are_resources_and_the_order_stays() -> None:
    records = [finished(**PROCESS, pid=number % 2, count=number) for number in range(4)]
    records += [finished(**{**PROCESS, "host": "other.example"}, count=number) for number in (4, 5)]
    request = through(*records)
    hosts = [
        {pair.key: value_of(pair.value) for pair in each.resource.attributes}
        for each in request.resource_logs
    ]
    assert hosts == [
        {"service.name": "strongroom", "service.version": "1.0", "host.name": "files.example"},
        {"service.name": "strongroom", "service.version": "1.0", "host.name": "other.example"},
    ]
    counts = [attributes_of(each)["strongroom.count"] for each in records_in(request)]
    assert counts == [0, 1, 2, 3, 4, 5]


def test_levels_of_other_programs() -> None:
    [got] = records_in(through(finished(level="notice")))
    assert got.severity_number == SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED
    assert got.severity_text == "notice"


def test_a_traceback_is_a_text() -> None:
    frames = [{"filename": "a.py", "lineno": 3, "name": "f"}]
    trace = [{"exc_type": "OSError", "exc_value": "full", "frames": frames}]
    [got] = records_in(through(finished(exception=trace)))
    assert attributes_of(got)["exception.stacktrace"] == "a.py:3 in f\nOSError: full"


@pytest.mark.parametrize("timestamp", ["1969-12-31T23:59:59.000000Z", "yesterday", None, 7])
def test_a_moment_that_cannot_be_said(timestamp: object) -> None:
    [got] = records_in(through(finished(timestamp=timestamp)))
    assert got.time_unix_nano == 0  # not known, says the data model
