"""Where records are printed: standard error or output, and a file; one line each."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import IO, Any, Final, Literal

from strongroom.audit.events.fields import NETWORK_FIELDS
from strongroom.audit.pipeline.clock import new_id, now
from strongroom.audit.pipeline.log_file import LogFile, Trouble
from strongroom.audit.pipeline.render import Renderer, console_line, escape, json_line, logfmt_line

LogFormat = Literal["console", "json", "logfmt"]
LogOutput = Literal["stderr", "stdout", "none"]


class Output:
    """Prints records, whole lines only. Thread-safe. Never raises.

    :param network: print addresses and agents too; off by default, because what is printed
        tends to be kept elsewhere for longer than the network part may be
    :param file: written as well, always as JSON
    """

    def __init__(
        self,
        form: LogFormat,
        to: LogOutput,
        *,
        network: bool = False,
        file: LogFile | None = None,
    ) -> None:
        self._stream: IO[str] | None = {
            "stderr": sys.stderr,
            "stdout": sys.stdout,
            "none": None,
        }[to]
        self._render = _renderer(form, self._stream)
        self._network = network
        self._file = file
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, Any]) -> None:
        """Print one record."""
        if self._stream is None and self._file is None:
            return
        if not self._network:
            record = {name: value for name, value in record.items() if name not in NETWORK_FIELDS}
        if self._file is not None:
            self._file.write(_file_line(record))
            while (trouble := self._file.next_trouble()) is not None:
                self._say(trouble, self._file, record)
        self._print(self._stream, record)

    def _print(self, stream: IO[str] | None, record: Mapping[str, Any]) -> None:
        if stream is None:
            return
        line = self._line(record, stream)
        try:
            with self._lock:
                stream.write(line)
                stream.flush()
        except OSError:
            return  # a full disk behind a redirect must not fail a request; it may get better
        except ValueError:
            self._stream = None  # closed for good

    def _say(self, trouble: Trouble, file: LogFile, beside: Mapping[str, Any]) -> None:
        """Say what happened to the file where people look, even if records are not printed."""
        error = trouble.error
        said = {
            "timestamp": now(),
            "level": "warning" if error is None else "error",
            "event": trouble.event,
            "id": new_id(),
            "error_type": error and type(error).__name__,
            "error_msg": error and str(error),
            "count": trouble.count,
            "extra": {"log_file": str(file.path)},
            **{name: beside.get(name) for name in ("app", "version", "host", "pid")},
        }
        shown = {name: value for name, value in said.items() if value is not None}
        self._print(self._stream or sys.stderr, shown)

    def _line(self, record: Mapping[str, Any], stream: IO[str]) -> str:
        try:
            line = self._render(record)
        except Exception as error:  # noqa: BLE001  # a record that was not made by the pipeline
            line = f"a record could not be printed: {type(error).__name__}: {record!r:.500}"
            line = escape(line)
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return line.encode(encoding, "backslashreplace").decode(encoding) + "\n"


def _file_line(record: Mapping[str, Any]) -> bytes:
    try:
        line = json_line(record)
    except Exception as error:  # noqa: BLE001  # a record that was not made by the pipeline
        stamp = {"timestamp": now(), "level": "error", "event": "record_not_rendered"}
        shown = escape(f"{record!r:.500}").encode("utf-8", "backslashreplace").decode()
        line = json_line({**stamp, "error_type": type(error).__name__, "extra": {"record": shown}})
    return line.encode("utf-8") + b"\n"


def _renderer(form: LogFormat, stream: IO[str] | None) -> Renderer:
    if form == "json":
        return json_line
    if form == "logfmt":
        return logfmt_line
    colours = stream is not None and stream.isatty() and "NO_COLOR" not in os.environ
    return partial(console_line, colours=colours)


SILENT: Final = Output("json", "none")
