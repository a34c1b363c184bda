"""What ``strongroom log import`` shows: how far it is, what it rejected, what came of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, TextIO

import click
from rich.console import Console
from rich.markup import escape as escape_markup
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from strongroom.audit.importing import SourceReport
from strongroom.audit.pipeline.render import escape
from strongroom.errors import Unavailable

SHOWN: Final = 20
"""Rejected lines that are told one by one on the terminal."""


def show_name(name: str) -> str:
    """A file's name that cannot move the cursor; bytes that are no UTF-8 become U+FFFD."""
    return escape(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


class Progress:
    """A bar by bytes for each file where somebody watches, one plain line elsewhere.

    :param quiet: say nothing at all
    """

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._quiet = quiet
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def follow(self, name: str, raw: BinaryIO) -> Callable[[], None]:
        """Show a bar for this file; call what is returned whenever it has moved on."""
        total = os.fstat(raw.fileno()).st_size or None
        task = self._bars.add_task(escape_markup(show_name(name)), total=total)
        return lambda: self._move(task, raw)

    def announce(self, report: SourceReport) -> None:
        """Say which format a file has."""
        if not self._quiet:
            self._bars.console.print(
                f"{show_name(report.name)}: {report.format}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def _move(self, task: TaskID, raw: BinaryIO) -> None:
        if raw.seekable():
            self._bars.update(task, completed=raw.tell())


class Rejections:
    """Keeps the first of the rejected lines, and writes all of them to a file that was asked for.

    What stands in a line is not repeated: it may be a secret, or an escape sequence.

    :raises OSError: when the file cannot be written
    """

    def __init__(self, path: Path | None) -> None:
        self.first: list[dict[str, object]] = []
        self._path = path
        self._file: TextIO | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Rejections:
        if self._path is not None:
            self._file = self._stack.enter_context(self._path.open("w", encoding="utf-8"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, name: str, number: int, reason: str) -> None:
        """Take a rejected line: file, number counted from 1, reason.

        :raises Unavailable: when the file cannot be written any more
        """
        told: dict[str, object] = {"file": show_name(name), "line": number, "reason": reason}
        if len(self.first) < SHOWN:
            self.first.append(told)
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(told) + "\n")
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error}") from error


def print_summary(
    reports: Sequence[SourceReport],
    failures: Sequence[str],
    rejections: Rejections,
    seconds: float,
    *,
    as_json: bool,
) -> None:
    """Say what came of it: counts on standard output, what went wrong on standard error."""
    reasons = sum((report.reasons for report in reports), Counter[str]())
    added = sum(report.added for report in reports)
    present = sum(report.present for report in reports)
    rate = round(added / seconds)
    if as_json:
        summary = {
            "added": added,
            "already_there": present,
            "rejected": reasons.total(),
            "seconds": round(seconds, 3),
            "records_per_second": rate,
            "reasons": dict(reasons.most_common()),
            "rejected_lines": rejections.first,
            "files": [_told(report) for report in reports],
            "failures": list(failures),
        }
        click.echo(json.dumps(summary, indent=2))
        return
    for line in rejections.first:
        click.echo(f"{line['file']}:{line['line']}: {line['reason']}", err=True)
    if (more := reasons.total() - len(rejections.first)) > 0:
        click.echo(f"… and {more:,} more; --rejected FILE keeps them all", err=True)
    for failure in failures:
        click.secho(f"Error: {failure}", err=True, fg="red")
    click.echo(
        f"{added:,} added, {present:,} already there, {reasons.total():,} rejected, "
        f"{seconds:.1f} s, {rate:,} records a second"
    )


def _told(report: SourceReport) -> dict[str, object]:
    return {
        "file": show_name(report.name),
        "format": report.format,
        "added": report.added,
        "already_there": report.present,
        "rejected": report.rejected,
    }
