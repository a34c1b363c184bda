"""The formats that can be imported: which of their keys becomes which of our fields. Pure.

A key is written with dots where it is nested: ``request.headers.User-Agent``. Of several keys the
first that holds a value we can read is taken; what is not taken goes to ``extra``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """How one program writes its log.

    :param fields: their keys by our field, best first
    :param marks: sets of keys; a line that has all of one set is of this format
    :param access: keys that a line about a served request has, which gets the one event name
        :data:`ACCESS_EVENT`; None where no line is about one
    :param unit: milliseconds in one of what their durations count
    :param dropped: keys, in small letters and however deep, that hold a query string and nothing
        else, and are never stored
    :param app: what is recorded as ``app`` when nobody says otherwise
    """

    name: str
    fields: Mapping[str, Keys]
    marks: tuple[frozenset[str], ...]
    access: frozenset[str] | None = None
    unit: float = 1.0
    dropped: frozenset[str] = frozenset()
    app: str | None = None

    def fits(self, line: Mapping[str, Any]) -> bool:
        """Whether the line looks like this format."""
        return any(mark <= line.keys() for mark in self.marks)


ACCESS_EVENT: Final = "request_served"

_QUERIES: Final = frozenset({"query_string", "querystring", "query_params", "raw_query"})

_PYTHON: Final[dict[str, Keys]] = {
    "method": ("method", "http_method", "request_method"),
    "path": ("path", "request_path", "url_path", "request_uri"),
    "status": ("status", "status_code", "http_status"),
    "duration_ms": ("duration_ms",),
    "bytes_in": ("bytes_in",),
    "bytes_out": ("bytes_out",),
    "ip_address": ("ip_address", "remote_addr", "client_ip", "ip"),
    "peer_address": ("peer_address",),
    "user_agent": ("user_agent", "http_user_agent"),
    "outcome": ("outcome",),
    "reason": ("reason",),
    "error_type": ("error_type",),
    "error_msg": ("error_msg",),
    "app": ("app", "service"),
    "version": ("version",),
    "host": ("host", "hostname"),
    "pid": ("pid", "process"),
}
"""What Python programs bind by custom. Ids of our own (``file_id``, ``request_id``) are not among
them: a foreign line does not join the history of a file because it says so."""

STRUCTLOG: Final = Format(
    name="structlog",  # https://www.structlog.org: JSONRenderer after TimeStamper and add_log_level
    fields=_PYTHON
    | {
        "timestamp": ("timestamp", "time", "ts"),
        "level": ("level", "log_level", "severity", "level_number"),
        "event": ("event",),
    },
    marks=(frozenset({"event"}),),
    dropped=_QUERIES,
)

JSON_LOGGER: Final = Format(
    name="python-json-logger",  # https://nhairs.github.io/python-json-logger, LogRecord attributes
    fields=_PYTHON
    | {
        # `created` before `asctime`: it has an instant, where that has a wall clock.
        "timestamp": ("timestamp", "created", "asctime", "time", "@timestamp"),
        "level": ("levelname", "level", "severity", "levelno"),
        "event": ("message", "msg"),
    },
    marks=(
        frozenset({"message", "levelname"}),
        frozenset({"message", "asctime"}),
        frozenset({"message", "created"}),
        frozenset({"message", "timestamp"}),
        frozenset({"message", "level"}),
        frozenset({"message"}),
    ),
    dropped=_QUERIES,
)

NGINX: Final = Format(
    name="nginx",  # ngx_http_log_module: log_format … escape=json, with the variables' own names
    fields={
        "timestamp": ("msec", "time_iso8601", "time_local", "timestamp", "time", "@timestamp"),
        "method": ("request_method", "method", "request"),
        "path": ("request_uri", "uri", "document_uri", "path", "request"),
        "status": ("status",),
        "duration_ms": ("request_time",),
        "bytes_in": ("request_length",),
        "bytes_out": ("body_bytes_sent", "bytes_sent"),
        "ip_address": ("remote_addr",),
        "peer_address": ("realip_remote_addr",),
        "user_agent": ("http_user_agent", "user_agent"),
        "host": ("hostname",),
        "pid": ("pid",),
    },
    marks=(
        frozenset({"time_iso8601"}),
        frozenset({"time_local"}),
        frozenset({"msec"}),
        frozenset({"body_bytes_sent"}),
        frozenset({"remote_addr", "request"}),
        frozenset({"remote_addr", "request_uri"}),
        frozenset({"request_time", "status"}),
    ),
    access=frozenset(),  # every line is about one
    unit=1000.0,
    dropped=_QUERIES | {"args", "query", "is_args"},
    app="nginx",
)

CADDY: Final = Format(
    name="caddy",  # https://caddyserver.com/docs/logging: zap's JSON, and the access log's fields
    fields={
        "timestamp": ("ts", "time", "timestamp"),
        "level": ("level",),
        "event": ("msg",),
        "method": ("request.method",),
        "path": ("request.uri",),
        "status": ("status",),
        "duration_ms": ("duration",),
        "bytes_in": ("bytes_read",),
        "bytes_out": ("size",),
        # Since 2.7 client_ip is what a trusted proxy says, and remote_ip who held the connection.
        "ip_address": ("request.client_ip", "request.remote_ip", "request.remote_addr"),
        "peer_address": ("request.remote_ip",),
        "user_agent": ("request.headers.User-Agent",),
    },
    marks=(
        frozenset({"ts", "level", "msg", "logger"}),
        frozenset({"request", "status", "duration"}),
        frozenset({"ts", "level", "msg"}),
    ),
    access=frozenset({"request", "status"}),
    unit=1000.0,
    dropped=_QUERIES,
    app="caddy",
)

FORMATS: Final[Mapping[str, Format]] = {
    found.name: found for found in (CADDY, NGINX, STRUCTLOG, JSON_LOGGER)
}
"""In the order in which they are tried: the more particular come first."""


def recognise(lines: Iterable[Mapping[str, Any]]) -> Format | None:
    """The format that most of these lines have; None where no line has any."""
    seen: Counter[str] = Counter()
    for line in lines:
        found = next((name for name, known in FORMATS.items() if known.fits(line)), None)
        if found is not None:
            seen[found] += 1
    return FORMATS[seen.most_common(1)[0][0]] if seen else None
