"""Where records are printed: standard error or output, one line each."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import IO, Any, Final, Literal

from strongroom.audit.events.fields import NETWORK_FIELDS
from strongroom.audit.pipeline.render import Renderer, console_line, escape, json_line, logfmt_line

LogFormat = Literal["console", "json", "logfmt"]
LogOutput = Literal["stderr", "stdout", "none"]


class Output:
    """Prints records, whole lines only. Thread-safe. Never raises.

    :param network: print addresses and agents too; off by default, because what is printed
        tends to be kept elsewhere for longer than the network part may be
    """

    def __init__(self, form: LogFormat, to: LogOutput, *, network: bool = False) -> None:
        self._stream: IO[str] | None = {
            "stderr": sys.stderr,
            "stdout": sys.stdout,
            "none": None,
        }[to]
        self._render = _renderer(form, self._stream)
        self._network = network
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, Any]) -> None:
        """Print one record."""
        if self._stream is None:
            return
        if not self._network:
            record = {name: value for name, value in record.items() if name not in NETWORK_FIELDS}
        line = self._line(record)
        try:
            with self._lock:
                self._stream.write(line)
                self._stream.flush()
        except OSError:
            return  # a full disk behind a redirect must not fail a request; it may get better
        except ValueError:
            self._stream = None  # closed for good

    def _line(self, record: Mapping[str, Any]) -> str:
        try:
            line = self._render(record)
        except Exception as error:  # noqa: BLE001  # a record that was not made by the pipeline
            line = f"a record could not be printed: {type(error).__name__}: {record!r:.500}"
            line = escape(line)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return line.encode(encoding, "backslashreplace").decode(encoding) + "\n"


def _renderer(form: LogFormat, stream: IO[str] | None) -> Renderer:
    if form == "json":
        return json_line
    if form == "logfmt":
        return logfmt_line
    colours = stream is not None and stream.isatty() and "NO_COLOR" not in os.environ
    return partial(console_line, colours=colours)


SILENT: Final = Output("json", "none")
