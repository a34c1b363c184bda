"""``strongroom hold``: records that must be kept, whatever the rules of retention say."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.audit.archive.holds import Hold, read_holds
from strongroom.audit.events import Stream
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.retention.holding import place_hold, release_hold
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.bootstrap import OWN_CATALOGUE
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.errors import Refused
from strongroom.version import __version__


@main.group()
def hold() -> None:
    """Records that must be kept, whatever the rules of retention say."""


@hold.command()
@data_options
@click.option("--stream", type=click.Choice([stream.value for stream in Stream]))
@click.option("--from", "since", default="", metavar="TIME", help="From this time on.")
@click.option("--to", "until", default="", metavar="TIME", help="Before this time.")
@click.option(
    "--filename", metavar="NAME", help="Only of files that have or had exactly this name."
)
@click.option("--reason", default="", metavar="TEXT", help="Why; kept until the hold is released.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def place(
    *,
    stream: str | None,
    since: str,
    until: str,
    filename: str | None,
    reason: str,
    as_json: bool,
    **flags: object,
) -> None:
    """Keep the records that have all of what the options say; without any, keep everything.

    It keeps whole segments, and those of the stream that come after them. Prints the id with which it
    is released.
    """
    try:
        window = ViewerRequest.read({"from": since, "to": until}).window
        with _audit(flags) as audit:
            made = place_hold(
                audit.store,
                audit.log,
                stream=None if stream is None else Stream(stream),
                since=window.start,
                until=window.end,
                filename=filename,
                reason=reason,
                placed_by=operator(),
            )
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None
    click.echo(json.dumps(_told(made)) if as_json else made.id)


@hold.command()
@data_options
@click.argument("hold_id")
def release(hold_id: str, **flags: object) -> None:
    """Release a hold: the rules apply again, within an hour."""
    try:
        with _audit(flags) as audit:
            release_hold(audit.store, audit.log, hold_id, released_by=operator())
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None


@hold.command("list")
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(*, as_json: bool, **flags: object) -> None:
    """List the holds, oldest first."""
    with open_store(flags).read() as connection:
        found = read_holds(connection)
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], indent=2))
        return
    if not found:
        click.echo("There are no holds.", err=True)
        return
    names = ("hold", "stream", "from", "to", "filename", "placed by", "placed", "reason")
    table = Table(*names, box=None)
    for one in found:
        table.add_row(
            one.id,
            one.stream or "all",
            _when(one.since) or "the beginning",
            _when(one.until) or "open",
            Text(one.filename or ""),
            Text(one.placed_by),
            _when(one.placed_at),
            Text(one.reason),
        )
    Console().print(table)


def operator() -> str:
    """The user of the operating system who runs this command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


@contextmanager
def _audit(flags: dict[str, object]) -> Iterator[AuditLog]:
    audit = AuditLog(
        store=open_store(flags),
        viewer=None,
        catalogue=OWN_CATALOGUE,
        name="strongroom",
        version=__version__,
    )
    try:
        yield audit
    finally:
        audit.close()


def _when(moment: int | None) -> str:
    return "" if moment is None else timestamp_text(moment)


def _told(one: Hold) -> dict[str, Any]:
    return {
        "hold": one.id,
        "stream": one.stream,
        "from": _when(one.since) or None,
        "to": _when(one.until) or None,
        "filename": one.filename,
        "reason": one.reason,
        "placed_by": one.placed_by,
        "placed_at": _when(one.placed_at),
    }
