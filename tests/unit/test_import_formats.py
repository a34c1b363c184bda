"""Each format, with lines that the real libraries write, or that follow the programs' documentation."""

from __future__ import annotations

import io
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from pythonjsonlogger.json import JsonFormatter

from tests.unit.importing import imported, read, recognised

NGINX: dict[str, Any] = {
    # log_format of ngx_http_log_module with escape=json: every variable is text.
    "time_iso8601": "2026-11-24T14:30:00+01:00",
    "msec": "1795527000.123",
    "remote_addr": "203.0.113.7",
    "remote_user": "alice",
    "request": "GET /files/a%20b?token=c4nary#x HTTP/1.1",
    "request_method": "GET",
    "request_uri": "/files/a%20b?token=c4nary",
    "args": "token=c4nary",
    "status": "404",
    "body_bytes_sent": "153",
    "request_length": "512",
    "request_time": "0.005",
    "http_referer": "https://user:c4nary@example.org/list?session=c4nary",
    "http_user_agent": "curl/8.14.1",
    "http_cookie": "sid=c4nary",
    "upstream_addr": "-",
}

CADDY: dict[str, Any] = {
    # https://caddyserver.com/docs/logging, with the headers that log_credentials shows.
    "level": "info",
    "ts": 1795527000.1234567,
    "logger": "http.log.access.log0",
    "msg": "handled request",
    "request": {
        "remote_ip": "10.0.0.2",
        "remote_port": "41342",
        "client_ip": "2001:db8::7",
        "proto": "HTTP/2.0",
        "method": "PUT",
        "host": "files.example.org",
        "uri": "/upload?key=c4nary",
        "headers": {
            "User-Agent": ["Mozilla/5.0 (X11; Linux x86_64)"],
            "Authorization": ["Bearer c4nary"],
            "Cookie": ["sid=c4nary"],
            "Referer": ["/list?session=c4nary"],
            "Accept-Encoding": ["gzip, br"],
        },
        "tls": {"resumed": False, "version": 772},
    },
    "bytes_read": 12,
    "user_id": "bob",
    "duration": 0.000929675,
    "size": 10900,
    "status": 503,
    "resp_headers": {"Set-Cookie": ["sid=c4nary"], "Content-Type": ["text/html"]},
}


def test_nginx() -> None:
    line = json.dumps(NGINX).encode()
    assert recognised(line) == "nginx"
    record = imported("nginx", line)
    identity = record.pop("id")
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", identity
    )
    assert record == {
        "timestamp": "2026-11-24T13:30:00.123000Z",
        "level": "warning",
        "event": "request_served",
        "outcome": "denied",
        "app": "nginx",
        "method": "GET",
        "path": "/files/a%20b",
        "status": 404,
        "duration_ms": 5.0,
        "bytes_in": 512,
        "bytes_out": 153,
        "ip_address": "203.0.113.7",
        "user_agent": "curl/8.14.1",
        "extra": {
            "time_iso8601": NGINX["time_iso8601"],
            "remote_user": "alice",
            "request": "GET /files/a%20b HTTP/1.1",
            "http_referer": "https://[redacted]@example.org/list",
            "http_cookie": "[redacted]",
        },
    }


def test_nginx_with_the_request_line_alone() -> None:
    record = imported(
        "nginx",
        {
            "time_local": "24/Nov/2026:14:30:00 +0100",
            "request": "POST /a/b?c=d HTTP/2.0",
            "status": 200,
        },
    )
    assert (record["method"], record["path"]) == ("POST", "/a/b")
    assert record["timestamp"] == "2026-11-24T13:30:00.000000Z"
    assert (record["level"], record["outcome"]) == ("info", "success")
    assert "extra" not in record


def test_a_request_that_was_none_stays_readable() -> None:
    record = imported(
        "nginx", {"msec": 1795527000, "request": "\x16\x03\x01 /x?c4nary", "status": "400"}
    )
    assert "method" not in record
    assert "path" not in record
    assert record["extra"] == {"request": "\x16\x03\x01 /x"}


def test_caddy() -> None:
    line = json.dumps(CADDY).encode()
    assert recognised(line) == "caddy"
    record = imported("caddy", line)
    del record["id"]
    assert record == {
        "timestamp": "2026-11-24T13:30:00.123457Z",
        "level": "info",
        "event": "request_served",
        "outcome": "failed",
        "app": "caddy",
        "method": "PUT",
        "path": "/upload",
        "status": 503,
        "duration_ms": 0.93,
        "bytes_in": 12,
        "bytes_out": 10900,
        "ip_address": "2001:db8::7",
        "peer_address": "10.0.0.2",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "extra": {
            "logger": "http.log.access.log0",
            "user_id": "bob",
            "request": {
                "remote_port": "41342",
                "proto": "HTTP/2.0",
                "host": "files.example.org",
                "headers": {
                    "Authorization": "[redacted]",
                    "Cookie": "[redacted]",
                    "Referer": ["/list"],
                    "Accept-Encoding": ["gzip, br"],
                },
                "tls": {"resumed": False, "version": 772},
            },
            "resp_headers": {"Set-Cookie": "[redacted]", "Content-Type": ["text/html"]},
        },
    }


def test_what_else_caddy_says() -> None:
    line = {
        "level": "error", "ts": "2026-11-24T13:30:00.123Z", "logger": "tls.obtain",
        "msg": "will retry", "error": "no answer from https://ca.example/x?a=c4nary", "attempt": 2,
    }  # fmt: skip
    assert recognised(json.dumps(line).encode()) == "caddy"
    record = imported("caddy", line)
    assert (record["event"], record["level"]) == ("will_retry", "error")
    assert record["extra"] == {
        "message": "will retry", "logger": "tls.obtain", "attempt": 2,
        "error": "no answer from https://ca.example/x",
    }  # fmt: skip


def structlog_lines(*processors: Any) -> tuple[Any, io.StringIO]:
    """A logger of structlog that writes JSON lines, and where it writes them."""
    out = io.StringIO()
    chain = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *processors,
        structlog.processors.JSONRenderer(),
    ]
    return structlog.wrap_logger(structlog.PrintLogger(out), processors=chain), out


def test_structlog() -> None:
    log, out = structlog_lines()
    log.warning(
        "file_deleted", ip_address="203.0.113.7:4711", path="/a?token=c4nary", password="c4nary",  # the point
        file_id="not ours", stream="audit", seq=7, nested={"url": "/x?c4nary=1", "api_key": "c4nary"},
    )  # fmt: skip
    line = out.getvalue().encode()
    written = json.loads(line)
    assert recognised(line) == "structlog"
    record = imported("structlog", line, reserved={"file_deleted"})
    assert record["timestamp"] == written["timestamp"]
    assert record["event"] == "imported_file_deleted"
    assert record["level"] == "warning"
    assert record["ip_address"] == "203.0.113.7"
    assert record["path"] == "/a"
    assert not {"file_id", "stream", "seq"} & record.keys()
    assert record["extra"] == {
        "message": "file_deleted",
        "password": "[redacted]",
        "file_id": "not ours",
        "stream": "audit",
        "seq": 7,
        "nested": {"url": "/x", "api_key": "[redacted]"},
    }


@pytest.mark.parametrize("structured", [False, True])
def test_an_exception_of_structlog(structured: bool) -> None:
    processor = (
        structlog.processors.dict_tracebacks if structured else structlog.processors.format_exc_info
    )
    log, out = structlog_lines(processor)
    hidden = "c4nary"
    try:
        raise ValueError(f"no such thing, password={hidden}")
    except ValueError:
        log.exception("Import failed!")
    record = imported("structlog", out.getvalue().encode())
    assert (record["event"], record["level"]) == ("import_failed", "error")
    assert record["error_type"] == "ValueError"
    assert record["error_msg"] == "no such thing, password=[redacted]"
    assert "test_import_formats.py" in record["extra"]["exception"]
    assert "c4nary" not in json.dumps(record)


def python_json_lines(formatter: JsonFormatter) -> tuple[logging.Logger, io.StringIO]:
    """A logger of the standard library that python-json-logger formats."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    log = logging.Logger("shop.cart")  # noqa: LOG001  # outside the tree: nothing else sees it
    log.addHandler(handler)
    return log, out


def test_python_json_logger() -> None:
    log, out = python_json_lines(
        JsonFormatter("{asctime}{levelname}{name}{message}{process}{created}", style="{")
    )
    log.error("Paid invoice %d for /x?token=c4nary", 7, extra={"invoice": 7, "auth": "c4nary"})
    line = out.getvalue().encode()
    written = json.loads(line)
    assert recognised(line) == "python-json-logger"
    record = imported("python-json-logger", line, app="shop")
    assert record["event"] == "message_logged"
    assert record["level"] == "error"
    assert record["app"] == "shop"
    assert record["pid"] == written["process"]
    assert record["extra"]["message"] == "Paid invoice 7 for /x"
    assert record["extra"]["auth"] == "[redacted]"
    assert record["extra"]["name"] == "shop.cart"
    # `created` is an instant; `asctime` is some wall clock.
    moment = datetime.fromisoformat(record["timestamp"])
    exactly = datetime.fromtimestamp(written["created"], UTC)
    assert abs(moment - exactly) <= timedelta(microseconds=1)  # a float rounds either way


@pytest.mark.parametrize(
    ("formatter", "level"),
    [
        (JsonFormatter(timestamp=True), "info"),
        (JsonFormatter("%(asctime)s %(levelno)s %(message)s"), "warning"),
        (
            JsonFormatter(
                "%(message)s %(levelname)s",
                rename_fields={"levelname": "severity"},
                timestamp="@timestamp",
            ),
            "warning",
        ),
    ],
    ids=["timestamp", "asctime and levelno", "renamed"],
)
def test_python_json_logger_in_other_shapes(formatter: JsonFormatter, level: str) -> None:
    log, out = python_json_lines(formatter)
    log.warning("Cache warmed")
    line = out.getvalue().encode()
    assert recognised(line) == "python-json-logger"
    record = imported("python-json-logger", line)
    assert (record["event"], record["level"]) == ("cache_warmed", level)


def test_an_exception_of_python_json_logger() -> None:
    log, out = python_json_lines(JsonFormatter("%(asctime)s %(message)s"))
    try:
        raise KeyError("gone")
    except KeyError:
        log.exception("It failed: %s", "here")
    record = imported("python-json-logger", out.getvalue().encode())
    assert (record["error_type"], record["error_msg"]) == ("KeyError", "'gone'")


def test_the_mapping_comes_first() -> None:
    line = {
        "when": 1795527000,
        "timestamp": "2020-01-01T00:00:00Z",
        "what": {"name": "user_added"},
        "who": "u-7",
    }
    record = imported(
        "structlog", line, mapping={"timestamp": "when", "event": "what.name", "user_id": "who"}
    )
    assert record["timestamp"] == "2026-11-24T13:30:00.000000Z"
    assert (record["event"], record["user_id"]) == ("user_added", "u-7")
    assert record["extra"] == {"timestamp": "2020-01-01T00:00:00Z"}


def test_a_key_with_dots_is_found_as_it_stands() -> None:
    line = {"timestamp": "2026-11-24T13:30:00Z", "event": "x_y", "http.status": 201}
    record = imported("structlog", line, mapping={"status": "http.status"})
    assert record["status"] == 201
    assert "extra" not in record


def test_the_same_line_is_the_same_record() -> None:
    one = read("nginx", NGINX)
    assert one == read("nginx", NGINX)
    assert one != read("nginx", NGINX, app="other")
    assert one != read("nginx", NGINX | {"status": "200"})


@pytest.mark.parametrize("line", [b'{"a": 1}', b"[]", b"not JSON"])
def test_what_is_of_no_format(line: bytes) -> None:
    assert recognised(line) is None
