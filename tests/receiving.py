"""Receivers to ship to: real sockets, and parsers by the grammars of the formats, none of ours."""

from __future__ import annotations

import gzip
import json
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

# RFC 5424, section 6: the ABNF, rule by rule.
_SD_NAME = r"[\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}"
_VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
_PARAM = rf' ({_SD_NAME})="({_VALUE})"'
_ELEMENT = rf"\[({_SD_NAME})((?:{_PARAM})*)\]"
_MESSAGE = re.compile(
    r"<(?P<pri>[1-9]?[0-9]|1[0-8][0-9]|19[01])>1 "
    r"(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
    r"(?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) "
    r"(?P<pid>[\x21-\x7e]{1,128}) (?P<msgid>[\x21-\x7e]{1,32}) "
    rf"(?P<sd>-|(?:{_ELEMENT})+)(?: (?P<msg>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Syslog:
    """A message of RFC 5424, parsed.

    :param marked: whether it says that it is UTF-8
    """

    priority: int
    timestamp: str
    host: str
    app: str
    pid: str
    msgid: str
    sd_id: str
    parameters: dict[str, str]
    text: str
    marked: bool

    @property
    def record(self) -> dict[str, Any]:
        """What the message says as JSON."""
        found: dict[str, Any] = json.loads(self.text)
        return found


def parse_syslog(message: bytes) -> Syslog:
    """Parse one message; fails where the grammar does."""
    text = message.decode("utf-8")
    found = _MESSAGE.fullmatch(text)
    assert found is not None, text[:300]
    element = re.fullmatch(_ELEMENT, found["sd"])
    assert element is not None
    parameters = {
        name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in re.findall(_PARAM, element[2])
    }
    marked = found["msg"].startswith("\ufeff")
    return Syslog(
        int(found["pri"]),
        found["timestamp"],
        found["host"],
        found["app"],
        found["pid"],
        found["msgid"],
        element[1],
        parameters,
        found["msg"].removeprefix("\ufeff"),
        marked,
    )


class SyslogReceiver:
    """Takes octet-counted syslog over TCP or TLS (RFC 6587, RFC 5425).

    :param certificate: with its key, to speak TLS
    """

    def __init__(self, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self.messages: list[Syslog] = []
        self._connections: list[socket.socket] = []
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connection = self.request
                with suppress(OSError):
                    if context is not None:
                        connection = context.wrap_socket(connection, server_side=True)
                    receiver._connections.append(connection)
                    receiver._read(connection)
                    connection.close()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while digits := _until_blank(stream):
                assert re.fullmatch(rb"[1-9]\d*", digits), digits
                message = stream.read(int(digits))
                if len(message) < int(digits):
                    return  # torn: the connection broke
                self.messages.append(parse_syslog(message))

    @property
    def records(self) -> list[dict[str, Any]]:
        """What arrived, in its order."""
        return [message.record for message in self.messages]

    def cut(self) -> None:
        """Break every connection, as by a reset."""
        while self._connections:
            connection = self._connections.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening, and break every connection."""
        self._server.shutdown()
        self._server.server_close()
        self.cut()


def _until_blank(stream: Any) -> bytes:
    found = b""
    while (byte := stream.read(1)) not in (b"", b" "):
        found += byte
    return found


@dataclass
class Answer:
    """What an OTLP receiver answers.

    :param rejected: of a partial success
    """

    status: int = 200
    rejected: int = 0
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class OtlpReceiver:
    """Takes OTLP over HTTP, decodes it by the official classes, and answers what a test says.

    :param judge: given the records of a request, what to answer; what is answered with 2xx is kept
    """

    def __init__(
        self,
        port: int = 0,
        judge: Callable[[Sequence[LogRecord]], Answer] = lambda _records: Answer(),
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.judge = judge
        self.requests: list[ExportLogsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.asked = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Encoding"] == "gzip"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                answer = receiver._take(self.path, dict(self.headers), gzip.decompress(body))
                response = ExportLogsServiceResponse()
                if answer.rejected:
                    response.partial_success.rejected_log_records = answer.rejected
                    response.partial_success.error_message = answer.message
                content = response.SerializeToString()
                if answer.status >= 300:
                    content = answer.message.encode()
                with suppress(OSError):  # whoever asked has been killed
                    self._answer(answer, content)

            def _answer(self, answer: Answer, content: bytes) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        request = ExportLogsServiceRequest.FromString(body)
        self.asked += 1
        answer = self.judge(records_in(request))
        if answer.status < 300:
            self.requests.append(request)
            self.headers.append(headers)
            self.paths.append(path)
        return answer

    @property
    def records(self) -> list[LogRecord]:
        """What was taken, in its order."""
        return [record for request in self.requests for record in records_in(request)]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


def records_in(request: ExportLogsServiceRequest) -> list[LogRecord]:
    """All records of a request, in their order."""
    return [
        record
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def value_of(value: Any) -> Any:
    """A value of OTLP as Python has it."""
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def attributes_of(record: LogRecord) -> dict[str, Any]:
    """The attributes of a record."""
    return {pair.key: value_of(pair.value) for pair in record.attributes}


def wait_for(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.02)
