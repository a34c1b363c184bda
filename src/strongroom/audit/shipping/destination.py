"""A destination: where records go, which of them, and by which protocol. As its owner has set it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from strongroom.audit.events.event import Stream
from strongroom.errors import SettingsError


class Protocol(StrEnum):
    """How records travel: the scheme of the address."""

    OTLP = "http"
    OTLP_TLS = "https"
    SYSLOG_TCP = "syslog+tcp"
    SYSLOG_TLS = "syslog+tls"
    SYSLOG_UDP = "syslog+udp"
    FILE = "file"
    STDOUT = "stdout"

    @property
    def is_local(self) -> bool:
        """Whether they stay on this machine at first."""
        return self in (Protocol.FILE, Protocol.STDOUT)


DEFAULT_PORTS: Final[Mapping[Protocol, int]] = {
    Protocol.OTLP: 4318,  # OTLP specification
    Protocol.OTLP_TLS: 443,
    Protocol.SYSLOG_TCP: 601,  # RFC 6587
    Protocol.SYSLOG_TLS: 6514,  # RFC 5425
    Protocol.SYSLOG_UDP: 514,  # RFC 5426
}

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TOKEN: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
"""RFC 9110, section 5.6.2."""

_SCHEMES: Final = ", ".join(f"{each}:" for each in Protocol if each is not Protocol.STDOUT)


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination. Immutable.

    :param name: by which commands, files and the database know it: lower case letters, digits, ``_-``
    :param to: ``https://host/v1/logs``, ``syslog+tls://host:6514``, ``file:/path`` or ``stdout``
    :param streams: that it gets
    :param from_oldest: begin with the oldest record that is still held; else with the next one
    :param network: addresses and agents too; None for yes, except in files and on stdout
    :param people: the names of people too, beside their ids
    :param headers: of each request of OTLP
    :param tls_ca: file of certificates to believe, in PEM; empty for the system's
    :param tls_cert: file of our own certificate, in PEM; empty for none
    :param tls_key: file of its private key
    :param facility: of syslog, 0 to 23; None for 13 (log audit) for the audit stream, else 16
    :param max_message_bytes: of syslog; a receiver that gets more than it takes loses the frames after it
    :param max_bytes: size at which a file is rotated
    :param keep: rotated files that stay
    :param compress: rotated files, with gzip
    :param stalled_after: seconds without success after which ``shipping_stalled`` is recorded
    :param retention_waits: seconds without success for which retention keeps what it has not taken
    :raises SettingsError: for a name or an address that cannot be used
    """

    name: str
    to: str = field(repr=False)  # may have credentials
    streams: tuple[Stream, ...] = (Stream.AUDIT, Stream.OPS)
    from_oldest: bool = True
    network: bool | None = None
    people: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    facility: int | None = None
    max_message_bytes: int = 196_608
    max_bytes: int = 100 * 10**6
    keep: int = 14
    compress: bool = True
    stalled_after: int = 900
    retention_waits: int = 30 * 86_400

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"shipping: {self.name!r} is no name of a destination; write up to 32 lower case "
                "letters, digits, _ and -"
            )
        self._check()

    @property
    def protocol(self) -> Protocol:
        """How its records travel."""
        return Protocol(self.to.partition(":")[0])

    @property
    def parts(self) -> SplitResult:
        """Its address, taken apart."""
        return urlsplit(self.to)

    @property
    def host(self) -> str:
        """The host that it is on."""
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        """The port, the protocol's own where the address has none."""
        return self.parts.port or DEFAULT_PORTS[self.protocol]

    @property
    def path(self) -> Path:
        """The file, of a destination that is one."""
        return Path(unquote(self.to.partition(":")[2].removeprefix("//"))).expanduser().absolute()

    @property
    def shown(self) -> str:
        """The address without the credentials and the query that it may have."""
        if self.protocol.is_local:
            return self.to
        return f"{self.protocol}://{self.parts.netloc.rpartition('@')[2]}{self.parts.path}"

    @property
    def with_network(self) -> bool:
        """Whether addresses and agents go there."""
        return not self.protocol.is_local if self.network is None else self.network

    def _refuse(self, why: str) -> SettingsError:
        return SettingsError(f"shipping.{self.name}.to: {why}")

    def _check(self) -> None:
        scheme, colon, rest = self.to.partition(":")
        if scheme not in set(Protocol) or (scheme == Protocol.STDOUT) == bool(colon):
            raise self._refuse(f"write an address that begins with {_SCHEMES}, or stdout")
        if self.protocol is Protocol.FILE and not rest.strip("/"):
            raise self._refuse("name a file, such as file:/var/log/strongroom/records.jsonl")
        if self.protocol.is_local:
            return
        try:
            usable = bool(self.host.encode("idna")) and self.parts.port != 0
        except ValueError:
            usable = False
        if not usable or not (self.to.isascii() and self.to.isprintable()) or " " in self.to:
            raise self._refuse(f"write {scheme}://host:port")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError(f"shipping.{self.name}: tls_cert and tls_key go together")
        for header, value in self.headers.items():
            if not _TOKEN.fullmatch(header) or not (value.isascii() and value.isprintable()):
                raise SettingsError(
                    f"shipping.{self.name}.headers: {header!r} has a name or a value that no header "
                    "can have; write ASCII, on one line"
                )
