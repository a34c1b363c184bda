"""Which protocol is spoken by what."""

from __future__ import annotations

from strongroom.audit.shipping.destination import Destination, Protocol
from strongroom.audit.shipping.exporter import Exporter
from strongroom.audit.shipping.jsonl import FileExporter, StdoutExporter
from strongroom.audit.shipping.otlp import OtlpExporter
from strongroom.audit.shipping.syslog import SyslogDatagrams, SyslogStream


def open_exporter(destination: Destination) -> Exporter:
    """What sends to this destination; connects to nothing yet.

    :raises SettingsError: when a certificate cannot be used
    """
    match destination.protocol:
        case Protocol.OTLP | Protocol.OTLP_TLS:
            return OtlpExporter(destination)
        case Protocol.SYSLOG_TCP | Protocol.SYSLOG_TLS:
            return SyslogStream(destination)
        case Protocol.SYSLOG_UDP:
            return SyslogDatagrams(destination)
        case Protocol.FILE:
            return FileExporter(destination)
        case Protocol.STDOUT:
            return StdoutExporter()
