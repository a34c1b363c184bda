"""OTLP over HTTP: protobuf, gzip (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

Written here upon the official messages, because the official exporter gives up what fails for a minute
and says to nobody that it did.
"""

from __future__ import annotations

import gzip
import http.client
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from strongroom.audit.shipping.destination import Destination, Protocol
from strongroom.audit.shipping.exporter import Record, Refusal, Undelivered
from strongroom.audit.shipping.otlp_format import export_request
from strongroom.audit.shipping.trust import tls_context
from strongroom.version import __version__

REFUSED: Final = frozenset({400, 413, 422})
"""It is the records that are not wanted. Any other answer but 2xx is about the address, the credentials
or the receiver's own state, and passes once those are mended."""

TIMEOUT_SECONDS: Final = 10.0
PATH: Final = "/v1/logs"
MOST_READ: Final = 65_536
"""Bytes of an answer."""

SHOWN: Final = 200
"""Characters of it that a person is shown."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after: float | None

    @property
    def text(self) -> str:
        shown = self.body.decode("utf-8", "replace")
        return "".join(c if c.isprintable() else " " for c in shown)[:SHOWN].strip()


class OtlpExporter:
    """Posts records to one collector, over one connection. For one thread, except :meth:`interrupt`.

    :raises SettingsError: when a certificate cannot be used
    """

    settles_after: Final = 0.0

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._tls = tls_context(destination) if destination.protocol is Protocol.OTLP_TLS else None
        self._connection: http.client.HTTPConnection | None = None
        parts = destination.parts
        self._target = parts.path if parts.path.strip("/") else PATH
        if parts.query:
            self._target += f"?{parts.query}"
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": f"strongroom/{__version__}",
            **_basic(destination),
            **destination.headers,
        }

    def send(self, records: Sequence[Record]) -> Sequence[Refusal]:
        """Post them; what is refused is narrowed down to single records, and the others are taken.

        :raises Undelivered: when the collector is not there, busy, or wants other credentials
        """
        return list(self._send(records, 0))

    def _send(self, records: Sequence[Record], first: int) -> Iterator[Refusal]:
        answer = self._post(gzip.compress(export_request(records).SerializeToString(), 6))
        last = first + len(records) - 1
        if answer.status in REFUSED:
            if len(records) > 1:
                half = len(records) // 2
                yield from self._send(records[:half], first)
                yield from self._send(records[half:], first + half)
            else:
                yield Refusal(first, last, 1, f"answered {answer.status}", answer.text)
        elif 200 <= answer.status < 300:
            # It must not be sent again, says the specification, and which they were it does not say.
            refused, message = _partial(answer.body)
            if refused:
                reason = f"took all but {refused} of {len(records)}"
                yield Refusal(first, last, refused, reason, message[:SHOWN])
        else:
            raise Undelivered(
                f"answered {answer.status} {http.client.responses.get(answer.status, '')}".strip(),
                retry_after=answer.retry_after,
            )

    def stands(self) -> bool:
        """No question: each request was answered."""
        return True

    def finish(self) -> bool:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return True

    def interrupt(self) -> None:
        """Cut the connection."""
        connection = self._connection
        if connection is not None and (plain := connection.sock) is not None:
            with suppress(OSError):
                plain.shutdown(socket.SHUT_RDWR)

    def _post(self, body: bytes) -> _Answer:
        try:
            if self._connection is not None:
                # The collector may have closed it since; then it must be tried on a new one.
                with suppress(
                    http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError
                ):
                    return self._ask(self._connection, body)
                self.finish()
            self._connection = self._open()
            return self._ask(self._connection, body)
        except (OSError, http.client.HTTPException) as error:
            self.finish()
            told = getattr(error, "strerror", None) or error
            raise Undelivered(f"{type(error).__name__}: {told}"[:300]) from error

    def _open(self) -> http.client.HTTPConnection:
        where = self._destination.host, self._destination.port
        if self._tls is None:
            return http.client.HTTPConnection(*where, timeout=TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(*where, timeout=TIMEOUT_SECONDS, context=self._tls)

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> _Answer:
        connection.request("POST", self._target, body, self._headers)
        with connection.getresponse() as response:
            content = response.read(MOST_READ)
            answer = _Answer(response.status, content, _retry_after(response))
            if response.read(1):
                self.finish()  # it has more to say than anybody wants to know
        return answer


def _partial(body: bytes) -> tuple[int, str]:
    """How many records were refused in an answer that took the others, and why."""
    try:
        partial = ExportLogsServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""  # of a receiver that answers in its own words
    return partial.rejected_log_records, partial.error_message


def _retry_after(response: http.client.HTTPResponse) -> float | None:
    """Seconds of ``Retry-After`` (RFC 9110, section 10.2.3); None where it says nothing."""
    value = response.getheader("Retry-After", "")
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _basic(destination: Destination) -> dict[str, str]:
    parts = destination.parts
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
