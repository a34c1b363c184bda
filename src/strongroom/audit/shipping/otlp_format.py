"""Records in the log data model of OpenTelemetry, as OTLP's protobuf messages.

https://opentelemetry.io/docs/specs/otel/logs/data-model/, and the semantic conventions for the names of
attributes. What the conventions have no name for is called ``strongroom.<field>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from strongroom.audit.events.event import Level
from strongroom.audit.events.fields import FIELDS
from strongroom.audit.journal.stored import microseconds
from strongroom.audit.pipeline.render import traceback_lines
from strongroom.version import __version__

_RESOURCE: Final = ("app", "version", "host")
"""What speaks for all records of a process. Not ``pid``: the records of several workers alternate, and
each change of the resource would begin a list of its own."""

_ELSEWHERE: Final = frozenset({"timestamp", "level", *_RESOURCE})

_NAMES: Final[Mapping[str, str]] = {
    **{name: field.otel for name, field in FIELDS.items() if field.otel is not None},
    "user": "user.name",  # of the directory of people, if it is sent
}

_LEAST, _MOST = -(2**63), 2**63 - 1


def export_request(records: Sequence[Mapping[str, Any]]) -> ExportLogsServiceRequest:
    """The request that exports these records, in their order."""
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(attributes=_attributes(dict(resource))),
                scope_logs=[
                    ScopeLogs(
                        scope=InstrumentationScope(name="strongroom", version=__version__),
                        log_records=[log_record(record) for record in some],
                    )
                ],
            )
            for resource, some in groupby(records, _resource)
        ]
    )


def log_record(record: Mapping[str, Any]) -> LogRecord:
    """One record."""
    moment = microseconds(record["timestamp"]) * 1000
    level = str(record["level"])
    return LogRecord(
        time_unix_nano=moment,
        observed_time_unix_nano=moment,  # equal, says the data model, where it is made with the record
        severity_number=_severity(level),
        severity_text=level,
        event_name=str(record["event"]),
        body=AnyValue(string_value=_body(record)),
        attributes=_attributes(
            {name: value for name, value in record.items() if name not in _ELSEWHERE}
        ),
    )


def _resource(record: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, record[name]) for name in _RESOURCE if record.get(name) is not None)


def _severity(level: str) -> SeverityNumber.ValueType:
    try:
        return SeverityNumber.ValueType(Level(level).severity_number)
    except ValueError:  # of another program
        return SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED


def _body(record: Mapping[str, Any]) -> str:
    """What people read first: a library's sentence, or what happened."""
    extra = record.get("extra")
    message = extra.get("message") if isinstance(extra, dict) else None
    return message if isinstance(message, str) else str(record["event"])


def _attributes(fields: Mapping[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=_NAMES.get(name, f"strongroom.{name}"), value=_value(value))
        for name, value in _shown(fields)
        if value is not None
    ]


def _shown(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if name == "exception" and isinstance(value, list):
            yield name, "\n".join(traceback_lines(value))  # a text, say the conventions
        else:
            yield name, value


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and _LEAST <= value <= _MOST:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping):
        pairs = [KeyValue(key=str(key), value=_value(each)) for key, each in value.items()]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    if isinstance(value, (list, tuple)):
        return AnyValue(array_value=ArrayValue(values=[_value(each) for each in value]))
    return AnyValue() if value is None else AnyValue(string_value=str(value))
