"""``strongroom shipping``: how far destinations have come, a test, and what was refused once more."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from strongroom.audit.events.shipping import ShippingTested
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.shipping.again import Retried, newest_test, retry
from strongroom.audit.shipping.destination import Destination
from strongroom.audit.shipping.exporter import Undelivered
from strongroom.audit.shipping.opening import open_exporter
from strongroom.audit.shipping.relay import outgoing
from strongroom.audit.shipping.status import Lag, Status, status_of
from strongroom.bootstrap import OWN_CATALOGUE, destinations
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.settings import load
from strongroom.version import __version__

NOT_DELIVERED = 1
"""Exit code: it does not hold that records reach the destination."""

_TAKEN = {
    True: "taken",
    False: "sent; syslog does not say whether it was taken",
}


@main.group("shipping")
def shipping() -> None:
    """Other systems that records are sent to."""


@shipping.command()
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def status(*, as_json: bool, **flags: object) -> None:
    """Show how far each destination has come; exit with 1 when one fails or has refused records."""
    store = open_store(flags)
    found = [status_of(store, each) for each in destinations(load(**flags))]
    now = time.time_ns() // 1000
    if as_json:
        click.echo(json.dumps([_as_json(each, now) for each in found], indent=2))
    elif not found:
        click.echo("No destination is set; docs/shipping.md says how.")
    else:
        _show(found, now)
    if any(each.state.failing_since is not None or each.refused for each in found):
        sys.exit(NOT_DELIVERED)


@shipping.command("test")
@data_options
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def test_(name: str, *, as_json: bool, **flags: object) -> None:
    """Send one record to the destination NAME and say what came back.

    The record is `shipping_tested`; the server sends it too, in its turn, with the same id.
    """
    destination = _chosen(name, flags)
    store = open_store(flags)
    exporter = open_exporter(destination)
    audit = AuditLog(
        store=store, viewer=None, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__
    )
    try:
        extra = {"destination": destination.name, "to": destination.shown}
        audit.log(ShippingTested(extra=extra))
        record = newest_test(store)
        outcome = _try(destination, record, exporter)
    finally:
        audit.close()
    told = {"destination": destination.name, "to": destination.shown, "id": record["id"], **outcome}
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(f"{destination.name}: record {record['id']} was {outcome['outcome']}.")
        for line in (outcome["error"], outcome["answer"]):
            if line:
                click.echo(f"  {line}")
    if outcome["outcome"] in ("refused", "not delivered"):
        sys.exit(NOT_DELIVERED)


@shipping.command("retry")
@data_options
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def retry_(name: str, *, as_json: bool, **flags: object) -> None:
    """Send what the destination NAME has refused once more; exit with 1 when it refuses again."""
    destination = _chosen(name, flags)
    store = open_store(flags)
    exporter = open_exporter(destination)
    try:
        found = list(retry(store, destination, exporter))
    finally:
        exporter.finish()
        store.close()
    if as_json:
        click.echo(json.dumps([_retried(each) for each in found], indent=2))
    elif not found:
        click.echo(f"{destination.name} has refused nothing.")
    for each in () if as_json else found:
        _say_retried(each)
    if any(each.refusals for each in found):
        sys.exit(NOT_DELIVERED)


def _chosen(name: str, flags: dict[str, object]) -> Destination:
    found = {each.name: each for each in destinations(load(**flags))}
    if name not in found:
        known = ", ".join(found) or "none is set"
        raise click.UsageError(f"there is no destination {name!r}; known: {known}")
    return found[name]


def _try(destination: Destination, record: Any, exporter: Any) -> dict[str, str]:
    try:
        refusals = exporter.send(outgoing(destination, [record]))
    except Undelivered as error:
        return {"outcome": "not delivered", "error": str(error), "answer": ""}
    finally:
        read = exporter.finish()
    if refusals:
        return {"outcome": "refused", "error": refusals[0].reason, "answer": refusals[0].answer}
    sure = read and not destination.protocol.startswith("syslog+udp")
    return {"outcome": _TAKEN[sure], "error": "", "answer": ""}


def _show(found: list[Status], now: int) -> None:
    names = ("destination", "stream", "behind", "oldest", "last taken", "refused", "state")
    table = Table(*names, box=None)
    for each in found:
        for lag in each.lags:
            table.add_row(
                each.destination.name,
                lag.stream.value,
                f"{lag.records:,}",
                f"{lag.seconds(now):,.0f} s" if lag.records else "",
                timestamp_text(lag.shipped_at) if lag.shipped_at else "never",
                f"{each.refused:,}",
                _state(each),
            )
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)
    for each in found:
        if each.state.failing_since is not None:
            since = timestamp_text(each.state.failing_since)
            click.echo(f"{each.destination.name} has failed since {since}: {each.state.error}")


def _state(each: Status) -> str:
    if each.state.stalled_at is not None:
        return "stalled"
    return "well" if each.state.failing_since is None else "failing"


def _as_json(each: Status, now: int) -> dict[str, Any]:
    state = each.state
    return {
        "destination": each.destination.name,
        "to": each.destination.shown,
        "state": _state(each),
        "failing_since": _text(state.failing_since),
        "error": state.error,
        "refused": each.refused,
        "streams": [_lag(lag, now) for lag in each.lags],
    }


def _lag(lag: Lag, now: int) -> dict[str, Any]:
    return {
        "stream": lag.stream.value,
        "next_seq": lag.next_seq,
        "lag_records": lag.records,
        "lag_seconds": round(lag.seconds(now), 3),
        "oldest": _text(lag.oldest),
        "shipped_at": _text(lag.shipped_at),
    }


def _text(moment: int | None) -> str | None:
    return None if moment is None else timestamp_text(moment)


def _retried(each: Retried) -> dict[str, Any]:
    return {
        "stream": each.letter.stream,
        "first_seq": each.letter.first_seq,
        "last_seq": each.letter.last_seq,
        "sent": each.sent,
        "pruned": each.pruned,
        "refused": [
            {"count": refusal.refused, "reason": refusal.reason, "answer": refusal.answer}
            for refusal in each.refusals
        ],
    }


def _say_retried(each: Retried) -> None:
    letter = each.letter
    told = f"{letter.stream} {letter.first_seq:,} to {letter.last_seq:,}: {each.sent:,} sent"
    if each.pruned:
        told += f", {each.pruned:,} deleted by retention"
    for refusal in each.refusals:
        told += f"; refused again ({refusal.reason}) {refusal.answer}".rstrip()
    click.echo(told)
