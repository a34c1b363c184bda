"""``strongroom log seal``: move records into the archive now. The server may run meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from strongroom.audit.archive.index import Segment
from strongroom.audit.events import Stream
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.head import read_heads
from strongroom.audit.sealing import Sealer
from strongroom.audit.sealing.due import Span
from strongroom.audit.sealing.thread import lease_of
from strongroom.bootstrap import OWN_CATALOGUE
from strongroom.cli import data_options
from strongroom.cli.log import log, open_store
from strongroom.errors import Unavailable
from strongroom.store import Store
from strongroom.version import __version__

LEASE_SECONDS: Final = 60.0
"""How long to wait for a server that is sealing at this moment."""


@log.command()
@data_options
@click.option(
    "--stream",
    "streams",
    multiple=True,
    type=click.Choice([stream.value for stream in Stream]),
    help="Only this stream; may be given again.",
)
@click.option("--all", "everything", is_flag=True, help="Even if they are few and young.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a segment.")
def seal(streams: Sequence[str], *, everything: bool, as_json: bool, **flags: object) -> None:
    """Move records from the journal into segments of the archive.

    The server does so by itself: 65,536 records at a time, and those of a day (of a month in the
    stream audit) when there are fewer. Audit records are sealed by multiples of 256, once a
    checkpoint covers them.
    """
    store = open_store(dict(flags))
    audit = AuditLog(
        store=store, viewer=None, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__
    )
    wanted = [Stream(name) for name in streams] or list(Stream)
    try:
        with archive_lease(store), _bars(quiet=as_json) as bars:
            sealed = list(_seal(store, audit, wanted, bars, everything=everything))
    finally:
        audit.close()
    if as_json:
        for segment in sealed:
            click.echo(json.dumps(_as_json(segment)))
    elif not sealed:
        click.echo("Nothing is to be sealed now. --all seals what is there.")
    for segment in () if as_json else sealed:
        click.echo(
            f"{segment.stream}: {segment.rows:,} records, {segment.first_seq:,} to "
            f"{segment.last_seq:,}, {segment.bytes:,} bytes, "
            f"{segment.bytes / segment.rows:.0f} a record"
        )


def _seal(
    store: Store, audit: AuditLog, streams: Sequence[Stream], bars: Bars, *, everything: bool
) -> Iterator[Segment]:
    task = bars.add_task("looking", total=None)

    def show(span: Span, step: str, done: int) -> None:
        bars.update(task, description=f"{span.stream}: {step}", completed=done, total=span.count)

    sealer = Sealer(store, audit.log, signed=True, progress=show)
    sealer.tidy()
    with store.read() as connection:
        heads = read_heads(connection)
    for stream in streams:
        # What a busy server appends meanwhile is for the next time: else this might never end.
        end, _edge = heads[stream.value]
        while (span := sealer.next_span(stream, everything=everything)) and span.start < end:
            yield sealer.seal(span)


@contextmanager
def archive_lease(store: Store) -> Iterator[None]:
    """While it lasts, nobody else changes the archive.

    :raises Unavailable: when somebody does so for longer than :data:`LEASE_SECONDS`
    """
    lease, until = lease_of(store), time.monotonic() + LEASE_SECONDS
    try:
        while not lease.taken():
            if time.monotonic() > until:
                raise Unavailable("another process is sealing; try again when it has done")
            time.sleep(0.2)
        yield
    finally:
        lease.close()


def _bars(*, quiet: bool) -> Bars:
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


def _as_json(segment: Segment) -> dict[str, object]:
    return {
        "stream": segment.stream,
        "first_seq": segment.first_seq,
        "last_seq": segment.last_seq,
        "generation": segment.generation,
        "records": segment.rows,
        "bytes": segment.bytes,
    }
