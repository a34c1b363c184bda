"""``strongroom log``: search and follow the records."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.audit.pipeline.render import console_line
from strongroom.audit.query import Query, QueryError, Search, parse
from strongroom.audit.viewer import present
from strongroom.audit.viewer.request import ViewerRequest
from strongroom.bootstrap import SCHEMAS
from strongroom.cli import data_options, main
from strongroom.errors import Refused, SettingsError
from strongroom.settings import load
from strongroom.store import Store
from strongroom.store.migrate import is_current

POLL_SECONDS = 0.5
PAGE = 500
SECONDS = 60.0
PLAIN_WIDTH = 1_000

_STYLES = {
    "debug": "dim",
    "info": "blue",
    "warning": "yellow",
    "error": "red",
    "critical": "bold magenta",
}


@main.group()
def log() -> None:
    """Search and follow the records."""


@log.command()
@data_options
@click.argument("query", required=False, default="")
@click.option("--time", default="", metavar="SPAN", help="15m, 1h, 24h, 7d or 30d.")
@click.option("--from", default="", metavar="TIME", help="From this time on.")
@click.option("--to", default="", metavar="TIME", help="Before this time.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def search(query: str, limit: int, as_json: bool, **options: str) -> None:
    """Print records that match QUERY, newest first.

    QUERY is words, "phrases" and field:value, all of which must hold:
    strongroom log search 'event:file_deleted report'
    """
    window = {name: options.pop(name) for name in ("time", "from", "to")}
    try:
        wanted = ViewerRequest.read({"query": query, **window})
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None
    if wanted.error is not None:
        raise click.UsageError(f"query, column {wanted.error.column}: {wanted.error.message}")
    flags: dict[str, object] = {**options}
    finder = Search(open_store(flags), deadline=SECONDS)
    found: list[Mapping[str, Any]] = []
    cursor, missing = None, dict[str, None]()
    while len(found) < limit:
        page = finder.page(
            wanted.asked, wanted.window, cursor=cursor, limit=min(PAGE, limit - len(found))
        )
        found.extend(page.records)
        missing.update(dict.fromkeys(page.missing))
        if page.next is None or page.next == cursor:
            cursor = page.next
            break
        cursor = page.next
    _print(found, as_json)
    if cursor is not None and not as_json:
        click.echo(f"The newest {len(found):,}; --limit shows more.", err=True)
    for what in missing:
        click.echo(f"Missing: {what}. Run strongroom verify.", err=True)


@log.command()
@data_options
@click.argument("query", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def tail(query: str, as_json: bool, **flags: object) -> None:
    """Print records that match QUERY as they come, until interrupted."""
    finder = Search(open_store(flags))
    wanted = _parse(query)
    positions = finder.positions()
    colours = Console().is_terminal
    while True:
        records, positions = finder.after(positions, wanted)
        for record in records:
            click.echo(_json(record) if as_json else console_line(record, colours=colours))
        if not records:
            time.sleep(POLL_SECONDS)


def open_store(flags: dict[str, object]) -> Store:
    """The database of an installation that is there and up to date.

    :param flags: settings given on the command line
    :raises SettingsError: when there is none, or it is of another version
    """
    settings = load(**flags)
    path = settings.data / "strongroom.db"
    if not settings.database and not path.is_file():
        raise SettingsError(
            f"data: there is no installation in {settings.data.absolute()}; "
            "name its folder with --data"
        )
    store = Store(settings.database_url)
    if not is_current(store, *SCHEMAS):
        raise SettingsError("the database is of another version; start strongroom serve once")
    return store


def _parse(query: str) -> Query:
    try:
        return parse(query)
    except QueryError as error:
        raise click.UsageError(f"query, column {error.column}: {error.message}") from None


def _print(records: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        for record in records:
            click.echo(_json(record))
        return
    records = list(records)
    with_people = any(present.who(record) for record in records)
    table = Table(box=None)
    for name in ("time (UTC)", "level", "event"):
        table.add_column(name, no_wrap=True)
    if with_people:
        table.add_column("user", no_wrap=True, overflow="ellipsis")
    table.add_column("what", overflow="fold")
    table.add_column("ip_address", no_wrap=True)
    for record in records:
        level = record["level"]
        table.add_row(
            f"{present.date_text(record['timestamp'])} {present.clock_text(record['timestamp'])}",
            Text(level, style=_STYLES.get(level, "")),
            Text(record["event"]),
            *([Text(present.who(record))] if with_people else []),
            Text(present.summary(record)),
            Text(record.get("ip_address", "")),
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)  # for grep: one record, one line
    console.print(table)


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True)
