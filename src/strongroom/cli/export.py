"""``strongroom log export``: all records that match, in a file. The server may run meanwhile."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Final, cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from strongroom.audit.archive.writing import sync_folder
from strongroom.audit.events.system import LogExportStarted
from strongroom.audit.export import FORMATS, Export, export_turns
from strongroom.audit.extension import AuditLog
from strongroom.audit.viewer.export import ended
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.bootstrap import OWN_CATALOGUE
from strongroom.cli import data_options
from strongroom.cli.log import log, open_store
from strongroom.errors import Refused, ServerFault
from strongroom.version import __version__

STANDARD_OUTPUT: Final = "-"
NOT_WHOLE: Final = 1


@log.command()
@data_options
@click.argument("query", required=False, default="")
@click.option("--time", default="", metavar="SPAN", help="15m, 1h, 24h, 7d or 30d.")
@click.option("--from", default="", metavar="TIME", help="From this time on.")
@click.option("--to", default="", metavar="TIME", help="Before this time.")
@click.option(
    "--format", "kind", type=click.Choice(list(FORMATS)), default="ndjson", show_default=True
)
@click.option(
    "--output", "-o", required=True, metavar="FILE", help="Where to; - is standard output."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--json", "as_json", is_flag=True, help="Print count and SHA-256 as JSON.")
def export(
    query: str, *, kind: str, output: str, force: bool, as_json: bool, **options: str
) -> None:
    """Write all records that match QUERY to a file, newest first.

    The file appears under its name once it is whole. How many records it has and its SHA-256 are
    printed, and recorded as logs_exported.

    Exits with 0 when the file is whole, 1 when records are missing from it that cannot be read, 3 when
    it could not be written.
    """
    window = {name: options.pop(name) for name in ("time", "from", "to")}
    try:
        wanted = ViewerRequest.read({"query": query, **window})
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None
    if wanted.error is not None:
        raise click.UsageError(f"query, column {wanted.error.column}: {wanted.error.message}")
    if output != STANDARD_OUTPUT and Path(output).exists() and not force:
        raise click.UsageError(f"{output} is there already; --force overwrites it")
    store = open_store({**options})
    audit = AuditLog(
        store=store, viewer=None, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__
    )
    asked = {"by": "command line", "format": kind, "file": output, **wanted.address()}
    try:
        with export_turns(store), _bar(quiet=as_json) as bars:
            matches = audit.search.matches(wanted.asked, wanted.window)
            task = bars.add_task("records", total=matches.searched)
            exported = Export(
                store,
                matches,
                FORMATS[kind],
                progress=lambda count: bars.update(task, completed=count),
            )
            _write(audit, exported, asked, output, force=force)
    finally:
        audit.close()
    _tell(exported, output, as_json=as_json)
    if exported.missing:
        sys.exit(NOT_WHOLE)


def _write(
    audit: AuditLog, exported: Export, asked: Mapping[str, Any], output: str, *, force: bool
) -> None:
    """Write it, and record how that ended."""
    audit.log(LogExportStarted(extra=asked))
    reason: str | None = "interrupted"
    try:
        with _opened(output, force=force) as file:
            for block in exported.blocks():
                file.write(block)
        reason = "records_missing" if exported.missing else None
    except Exception as error:
        reason = error.reason if isinstance(error, ServerFault) else "export_failed"
        raise
    finally:
        audit.log(ended(exported, asked, reason))


@contextmanager
def _opened(output: str, *, force: bool) -> Iterator[BinaryIO]:
    """A file that gets its name when the block ends well, durable then; or standard output."""
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    place = Path(output).absolute()
    draft = NamedTemporaryFile(  # noqa: SIM115  # it goes on under another name
        dir=place.parent, prefix=f".{place.name}.", delete=False
    )
    try:
        with draft:
            yield cast("BinaryIO", draft)
            draft.flush()
            os.fsync(draft.fileno())
        if force:
            os.replace(draft.name, place)  # noqa: PTH105  # both names are at hand
        else:
            os.link(draft.name, place)  # refuses where somebody was faster
        sync_folder(place.parent)
    finally:
        with suppress(FileNotFoundError):
            Path(draft.name).unlink()


def _tell(exported: Export, output: str, *, as_json: bool) -> None:
    """What it came to: on standard error where standard output has the records."""
    aside = output == STANDARD_OUTPUT
    if as_json:
        found = {
            "records": exported.count,
            "bytes": exported.bytes,
            "sha256": exported.sha256,
            "missing": exported.missing,
        }
        click.echo(json.dumps(found), err=aside)
        return
    click.echo(f"{exported.count:,} records, {exported.bytes:,} bytes", err=aside)
    click.echo(f"SHA-256 {exported.sha256}", err=aside)
    for what in exported.missing:
        click.echo(f"Missing: {what}. Run strongroom verify.", err=True)


def _bar(*, quiet: bool) -> Bars:
    console = Console(stderr=True)
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
