"""``strongroom events``: the catalogue."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from strongroom.audit.events import Event
from strongroom.bootstrap import CATALOGUE
from strongroom.cli import main


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def events(as_json: bool) -> None:
    """List every event that can be recorded."""
    catalogue = sorted(CATALOGUE, key=lambda event: event.event_name)
    if as_json:
        click.echo(json.dumps([_describe(event) for event in catalogue], indent=2))
    else:
        table = Table("event", "stream", "level", "meaning", box=None)
        for event in catalogue:
            table.add_row(event.event_name, event.stream, _levels(event), _meaning(event))
        Console().print(table)


def _describe(event: type[Event]) -> dict[str, Any]:
    return {
        "event": event.event_name,
        "stream": event.stream,
        "levels": {outcome or "": level for outcome, level in event.levels.items()},
        "meaning": _meaning(event),
        "fields": list(event.field_names),
    }


def _levels(event: type[Event]) -> str:
    return ", ".join(
        f"{level} ({outcome})" if outcome else str(level) for outcome, level in event.levels.items()
    )


def _meaning(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())
