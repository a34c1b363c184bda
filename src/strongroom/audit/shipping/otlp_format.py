"""Records in the log data model of OpenTelemetry, as OTLP's protobuf messages.

https://opentelemetry.io/docs/specs/otel/logs/data-model/, and the semantic conventions for the names of
attributes. What the conventions have no name for is called ``strongroom.<field>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

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
    request = ExportLogsServiceRequest()
    for resource, some in groupby(records, _resource):
        group = request.resource_logs.add()
        for name, value in resource:
            _add(group.resource.attributes, name, value)
        scope = group.scope_logs.add()
        scope.scope.name = "strongroom"
        scope.scope.version = __version__
        scope.log_records.extend(log_record(record) for record in some)
    return request


def log_record(record: Mapping[str, Any]) -> LogRecord:
    """One record."""
    moment = _nanoseconds(record["timestamp"])
    level = str(record["level"])
    made = LogRecord(
        time_unix_nano=moment,
        observed_time_unix_nano=moment,  # equal, says the data model, where it is made with the record
        severity_number=_severity(level),
        severity_text=level,
        event_name=str(record["event"]),
    )
    made.body.string_value = _body(record)
    for name, value in record.items():
        if name not in _ELSEWHERE and value is not None:
            _add(made.attributes, name, value)
    return made


def _resource(record: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, record[name]) for name in _RESOURCE if record.get(name) is not None)


def _nanoseconds(timestamp: Any) -> int:
    """Since 1970-01-01 UTC; 0, which says that it is not known, for what is damaged or before."""
    try:
        return max(microseconds(timestamp) * 1000, 0)
    except (TypeError, ValueError):
        return 0


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


def _add(attributes: Any, name: str, value: Any) -> None:
    """Add a field to a list of attributes, in place: to build them apart would take twice as long."""
    pair = attributes.add()
    pair.key = _NAMES.get(name) or f"strongroom.{name}"
    if name == "exception" and isinstance(value, list):
        pair.value.string_value = "\n".join(traceback_lines(value))  # a text, say the conventions
    else:
        _put(pair.value, value)


def _put(place: AnyValue, value: Any) -> None:
    if isinstance(value, str):
        place.string_value = value
    elif isinstance(value, bool):
        place.bool_value = value
    elif isinstance(value, int) and _LEAST <= value <= _MOST:
        place.int_value = value
    elif isinstance(value, float):
        place.double_value = value
    elif isinstance(value, Mapping):
        place.kvlist_value.SetInParent()  # it may be empty
        for key, each in value.items():
            pair = place.kvlist_value.values.add()
            pair.key = str(key)
            _put(pair.value, each)
    elif isinstance(value, (list, tuple)):
        place.array_value.SetInParent()
        for each in value:
            _put(place.array_value.values.add(), each)
    elif value is not None:
        place.string_value = str(value)
