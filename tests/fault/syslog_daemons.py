"""rsyslog and syslog-ng, each with a configuration that writes what it has parsed as JSON lines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from tests.serving import free_port
from tests.web.secured import certify


class Daemon:
    """A daemon in a folder of its own; listens for octet-counted syslog over TCP, and over TLS."""

    program: ClassVar[str]
    configuration: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.cert, key = certify(folder)
        self.tcp, self.tls = free_port(), free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        values = {"folder": folder, "cert": self.cert, "key": key, "tcp": self.tcp, "tls": self.tls}
        self._file = folder / "daemon.conf"
        self._file.write_text(self.configuration.format(**values))

    @classmethod
    def path(cls) -> str | None:
        """Where it is installed."""
        return shutil.which(cls.program, path=f"{os.environ['PATH']}:/usr/sbin")

    def arguments(self) -> list[str]:
        """With which it runs in the foreground, and leaves the system alone."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen([str(self.path()), *self.arguments()])

    def stop(self) -> None:
        """Let it write what it has, and end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    @property
    def count(self) -> int:
        """How many lines it has written."""
        path = self._folder / "received"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    @property
    def received(self) -> list[dict[str, Any]]:
        """What it has written."""
        path = self._folder / "received"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


class Rsyslog(Daemon):
    """rsyslog 8."""

    program = "rsyslogd"
    configuration = """
global(maxMessageSize="256k" workDirectory="{folder}" net.enableDNS="off"
  defaultNetstreamDriverCAFile="{cert}" defaultNetstreamDriverCertFile="{cert}"
  defaultNetstreamDriverKeyFile="{key}")
template(name="parsed" type="list" option.jsonf="on") {{
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="filename" name="$!rfc5424-sd!strongroom@32473!filename" format="jsonf")
  property(outname="seq" name="$!rfc5424-sd!strongroom@32473!seq" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}}
module(load="imtcp")
module(load="mmpstrucdata")
input(type="imtcp" port="{tcp}" address="127.0.0.1")
input(type="imtcp" port="{tls}" address="127.0.0.1"
  streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
action(type="mmpstrucdata")
action(type="omfile" file="{folder}/received" template="parsed")
"""

    def arguments(self) -> list[str]:
        """See :class:`Daemon`."""
        return ["-n", "-f", str(self._file), "-i", str(self._folder / "pid")]


class SyslogNg(Daemon):
    """syslog-ng 3.38."""

    program = "syslog-ng"
    configuration = """@version: 3.38
options {{ keep-hostname(yes); use-dns(no); log-msg-size(262144); frac-digits(6);
  keep-timestamp(yes); stats-freq(0); }};
source received {{
  syslog(transport("tcp") ip("127.0.0.1") port({tcp}));
  syslog(transport("tls") ip("127.0.0.1") port({tls})
    tls(key-file("{key}") cert-file("{cert}") peer-verify(optional-untrusted)));
}};
destination parsed {{
  file("{folder}/received" template("$(format-json --scope none msgid=$MSGID pri=$PRI app=$PROGRAM
 host=$HOST pid=$PID timestamp=$S_ISODATE filename=${{.SDATA.strongroom@32473.filename}}
 seq=${{.SDATA.strongroom@32473.seq}} msg=$MSG)\\n"));
}};
log {{ source(received); destination(parsed); }};
"""

    def arguments(self) -> list[str]:
        """See :class:`Daemon`."""
        state = [
            f"--{name}={self._folder / name}" for name in ("persist-file", "pidfile", "control")
        ]
        return ["--foreground", "--no-caps", f"--cfgfile={self._file}", *state]


INSTALLED = [each for each in (Rsyslog, SyslogNg) if each.path() is not None]
"""Debian lets only one of them be."""
