"""``strongroom alert``: whether alerts arrive."""

from __future__ import annotations

import json
import sys

import click

from strongroom.audit.alerting import trial
from strongroom.bootstrap import alerts
from strongroom.cli import FAILED, data_options, main
from strongroom.errors import NotDelivered, SettingsError
from strongroom.settings import load


@main.group()
def alert() -> None:
    """Who is told of critical records at once."""


@alert.command("test")
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test_(*, as_json: bool, **flags: object) -> None:
    """Send a test to each destination, and say what came back.

    Exits with 0 when all took it, else with 3. The message says that it is a test.
    """
    destinations = alerts(load(**flags)).destinations
    if not destinations:
        raise SettingsError("no destination is set; set alert_webhook, or alert_mail")
    results = []
    for destination in destinations:
        try:
            taken, said = True, destination.send(trial())
        except NotDelivered as error:
            taken, said = False, str(error)
        results.append(
            {"destination": destination.name, "to": destination.shown, "taken": taken, "said": said}
        )
        if not as_json:
            mark = click.style("✓", fg="green") if taken else click.style("✗", fg="red")
            click.echo(f"{mark} {destination.name} to {destination.shown}: {said}")
    if as_json:
        click.echo(json.dumps(results, indent=2))
    if not all(result["taken"] for result in results):
        sys.exit(FAILED)
