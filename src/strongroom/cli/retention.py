"""``strongroom retention``: what the rules would delete, and deleting it now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.retention import Pruner
from strongroom.audit.retention.plan import Going, KeepsFrom, Kept, Plan
from strongroom.audit.shipping.status import keeps_from
from strongroom.bootstrap import OWN_CATALOGUE, destinations
from strongroom.bootstrap import retention as rules_of
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.cli.log_seal import archive_lease
from strongroom.settings import Settings, load
from strongroom.version import __version__


@main.group()
def retention() -> None:
    """What the rules would delete from the archive, and deleting it."""


@retention.command("plan")
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def plan_(*, as_json: bool, **flags: object) -> None:
    """Show what would be deleted now, because of which rule, and what is kept nevertheless."""
    store = open_store(flags)
    settings = load(**flags)
    found = Pruner(
        store, lambda _event: None, rules_of(settings), keeps_from=_unshipped(settings)
    ).plan()
    if as_json:
        click.echo(json.dumps(_as_json(found.going, found.kept), indent=2))
    else:
        _show(found)


@retention.command()
@data_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object of what was deleted.")
def apply(*, yes: bool, as_json: bool, **flags: object) -> None:
    """Delete now what the plan shows; it does not come back.

    The server does so by itself, once an hour. Each deletion is recorded first.
    """
    store = open_store(flags)
    audit = AuditLog(
        store=store, viewer=None, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__
    )
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=as_json or not console.is_terminal,
        transient=True,
    )
    try:
        settings = load(**flags)
        pruner = Pruner(store, audit.log, rules_of(settings), keeps_from=_unshipped(settings))
        found = pruner.plan()
        if found.going and not yes:
            _ask(found)
        with archive_lease(store), bars:
            task = bars.add_task("looking", total=None)
            pruner.progress = lambda going, number, of: bars.update(
                task,
                description=f"{going.segment.stream}: {going.rule}",
                completed=number - 1,
                total=of,
            )
            done = pruner.run()
            kept = pruner.plan().kept
    finally:
        audit.close()
    if as_json:
        click.echo(json.dumps(_as_json(done, kept), indent=2))
    elif done:
        _table("deleted", done)
    else:
        click.echo("Nothing was to be deleted.")
    if not as_json:
        _show_kept(kept)


def _unshipped(settings: Settings) -> KeepsFrom:
    """Keeps what destinations have not taken."""
    found = destinations(settings)
    return lambda connection, stream: keeps_from(connection, found, stream)


def _ask(found: Plan) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("this deletes records for good; add --yes where nobody can be asked")
    _show(found)
    click.confirm("Delete this for good?", abort=True)


def _show(found: Plan) -> None:
    if found.going:
        _table("to be deleted", found.going)
    else:
        click.echo("Nothing is to be deleted now.")
    _show_kept(found.kept)


def _show_kept(kept: Sequence[Kept]) -> None:
    for one in kept:
        about = one.segment
        click.echo(
            f"Kept: {about.stream} {about.first_seq:,} to {about.last_seq:,} "
            f"({about.bytes:,} bytes), which {one.rule} would delete: {one.why}."
        )


def _table(title: str, found: Sequence[Going]) -> None:
    names = ("stream", "rule", "segments", "records", "bytes", "from", "to")
    table = Table(*names, box=None, title=title, title_justify="left")
    for stream, rule in dict.fromkeys((one.segment.stream, one.rule) for one in found):
        some = [one.segment for one in found if (one.segment.stream, one.rule) == (stream, rule)]
        table.add_row(
            stream,
            "network_age: addresses and agents only" if rule == "network_age" else str(rule),
            f"{len(some):,}",
            f"{sum(about.rows for about in some):,}",
            f"{sum(about.bytes for about in some):,}",
            timestamp_text(min(about.min_timestamp for about in some)),
            timestamp_text(max(about.max_timestamp for about in some)),
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def _as_json(going: Iterable[Going], kept: Iterable[Kept]) -> dict[str, Any]:
    return {
        "going": [_told(one) for one in going],
        "kept": [_told(one) | {"why": one.why, "holds": list(one.holds)} for one in kept],
    }


def _told(one: Going | Kept) -> dict[str, Any]:
    about = one.segment
    return {
        "stream": about.stream,
        "rule": one.rule.value,
        "first_seq": about.first_seq,
        "last_seq": about.last_seq,
        "records": about.rows,
        "bytes": about.bytes,
        "from": timestamp_text(about.min_timestamp),
        "to": timestamp_text(about.max_timestamp),
    }
