"""``strongroom events``: the catalogue."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from strongroom.audit.events import FIELDS, Event, Field
from strongroom.bootstrap import CATALOGUE
from strongroom.cli import main


@main.command()
@click.option("--fields", "with_fields", is_flag=True, help="List the fields of records instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def events(with_fields: bool, as_json: bool) -> None:
    """List every event that can be recorded, or every field that a record can have.

    A field's part says where it is stored: the entry stays for ever, content and network can be
    forgotten.
    """
    catalogue = sorted(CATALOGUE, key=lambda event: event.event_name)
    if as_json:
        described = (
            [_field(item) for item in FIELDS.values()]
            if with_fields
            else [_describe(event) for event in catalogue]
        )
        click.echo(json.dumps(described, indent=2))
        return
    if with_fields:
        table = Table("field", "type", "part", "meaning", "OpenTelemetry", box=None)
        for item in FIELDS.values():
            table.add_row(item.name, item.type, item.part, item.meaning, item.otel or "")
    else:
        table = Table("event", "stream", "level", "meaning", box=None)
        table.columns[0].no_wrap = True
        for event in catalogue:
            table.add_row(event.event_name, event.stream, _levels(event), _meaning(event))
    Console().print(table)


def _describe(event: type[Event]) -> dict[str, Any]:
    return {
        "event": event.event_name,
        "stream": event.stream,
        "levels": {outcome or "": level for outcome, level in event.levels.items()},
        "severity_numbers": {
            outcome or "": level.severity_number for outcome, level in event.levels.items()
        },
        "meaning": _meaning(event),
        "fields": [_field(FIELDS[name]) for name in event.field_names if name in FIELDS],
    }


def _field(item: Field) -> dict[str, Any]:
    return {
        "field": item.name,
        "type": item.type,
        "part": item.part,
        "meaning": item.meaning,
        "otel": item.otel,
    }


def _levels(event: type[Event]) -> str:
    return ", ".join(
        f"{level} ({outcome})" if outcome else str(level) for outcome, level in event.levels.items()
    )


def _meaning(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())
