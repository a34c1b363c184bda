"""``strongroom verify``: recompute everything, and say whether it holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.loss import lost_keys
from strongroom.audit.ledger.verdict import write_verdict
from strongroom.audit.ledger.verify import (
    Check,
    Outside,
    Progress,
    Report,
    State,
    Trust,
    Verdict,
    outcome,
    read_outside,
    verify,
)
from strongroom.audit.merkle import Malformed, VerifierKey
from strongroom.audit.pipeline.render import escape
from strongroom.bootstrap import OWN_CATALOGUE, signing
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.errors import SettingsError, StrongroomError, Unavailable
from strongroom.files.blobs import Blobs
from strongroom.files.service import FileService
from strongroom.files.verify import Contents
from strongroom.objects import LocalObjects
from strongroom.settings import load
from strongroom.store import Store
from strongroom.version import __version__

_MARKS = {
    State.HOLDS: ("✓", "green"),
    State.FAILS: ("✗", "red"),
    State.NOT_APPLICABLE: ("·", "yellow"),
}


def _keys(_context: object, _option: object, given: Sequence[str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.parse(text.strip()) for text in given]
    except Malformed as error:
        raise click.BadParameter(str(error)) from None


@main.command("verify")
@data_options
@click.option(
    "--key",
    "keys",
    multiple=True,
    callback=_keys,
    metavar="VKEY",
    help="Trust this verifier key instead of what this machine says; may be given again.",
)
@click.option(
    "--against",
    "places",
    multiple=True,
    metavar="FILE|FOLDER|URL",
    help="Compare with checkpoints held elsewhere; may be given again.",
)
@click.option("--files", "with_files", is_flag=True, help="Read and hash all stored files as well.")
@click.option("--no-record", is_flag=True, help="Do not record the outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_(
    *,
    keys: Sequence[VerifierKey],
    places: Sequence[str],
    with_files: bool,
    no_record: bool,
    as_json: bool,
    **flags: object,
) -> None:
    """Recompute everything from the stored bytes, and say whether it holds.

    The server may run meanwhile. Only a checkpoint held elsewhere (--against) shows that the log was
    taken back to an older state, and only a key brought along (--key) that all of it was written
    anew.

    Exits with 0 when everything holds, 1 when something does not, 3 when it could not be carried
    out. The outcome is recorded.
    """
    settings = load(**flags)
    outside = [found for place in places for found in read_outside(place)]
    blobs = Blobs(LocalObjects(settings.objects_folder)) if with_files else None
    contents = None if blobs is None else Contents(blobs)
    more: list[Check] = [] if contents is None else [contents]
    try:
        store = open_store(dict(flags))
        trust, note = _trust(keys, store, flags)
        report = _run(store, trust, outside, more, places=signing(settings).copies, quiet=as_json)
    except DBAPIError as error:
        raise Unavailable(f"the database cannot be read: {error.orig}") from error
    unrecorded = None if no_record else _record(store, report, contents, blobs)
    store.close()
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        _print(report, [*([note] if note else []), *report.warnings])
    if unrecorded:
        click.echo(f"The outcome could not be recorded: {unrecorded}", err=True)
    if not report.holds:
        sys.exit(1)


def _trust(
    keys: Sequence[VerifierKey], store: Store, flags: dict[str, object]
) -> tuple[Trust, str | None]:
    """Whose signatures count; what to say if this machine's key cannot be used."""
    if keys:
        return Trust.given(keys), None
    try:
        settings = signing(load(**flags))
        own, lost = settings.find_key(store), lost_keys(settings.key_path(store))
    except SettingsError as error:
        return Trust.of_database(), f"this machine's key was not used: {error}"
    return (Trust.of_database() if own is None else Trust.of_machine(own, lost)), None


def _run(
    store: Store,
    trust: Trust,
    outside: Sequence[Outside],
    more: Sequence[Check],
    *,
    places: Sequence[str],
    quiet: bool,
) -> Report:
    console = Console(stderr=True)
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    with bars:
        task = bars.add_task("verifying", total=None)

        def show(progress: Progress) -> None:
            bars.update(task, completed=progress.done, total=progress.total)

        return verify(
            store, trust=trust, against=outside, more_checks=more, progress=show, places=places
        )


class _Rate(ProgressColumn):
    """Records a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} records/s" if speed else "")


def _record(
    store: Store, report: Report, contents: Contents | None, blobs: Blobs | None
) -> str | None:
    """Record what came of it; None, or why that was not possible."""
    audit = AuditLog(store=store, catalogue=OWN_CATALOGUE, name="strongroom", version=__version__)
    try:
        write_verdict(store, report.failure)
        audit.log(outcome(report))
        if contents is not None and blobs is not None:
            files = FileService(store, blobs, audit, lambda *_: True)
            files.note_sound(contents.sound)
            for sha256, (reason, stamp) in contents.damage.items():
                files.note_damage(sha256, reason, stamp)
    except (StrongroomError, DBAPIError, OSError) as error:
        return str(error)
    return None


def _print(report: Report, warnings: Sequence[str]) -> None:
    width = max(len(verdict.name) for verdict in report.verdicts)
    for verdict in report.verdicts:
        mark, colour = _MARKS[verdict.state]
        name = verdict.name.ljust(width)
        click.echo(f"{click.style(mark, fg=colour)} {name}  {_told(verdict)}")
    click.echo(f"Signatures were checked against {report.trust}.")
    for warning in warnings:
        click.secho(f"Note: {escape(warning)}", fg="yellow")
    told = f"{report.size:,} records, {report.signed_size:,} of them signed; {report.seconds:.1f} s"
    if report.seconds > 1:
        told += f", {report.size / report.seconds:,.0f} records a second"
    click.echo(told)
    if report.holds:
        click.secho("Everything holds.", fg="green")
    else:
        names = ", ".join(verdict.name for verdict in report.failed)
        click.secho(f"DOES NOT HOLD: {names}", fg="red", bold=True)
    assurance = escape(report.assurance())
    click.echo(assurance[0].upper() + assurance[1:] + ".")


def _told(verdict: Verdict) -> str:
    if verdict.state is State.HOLDS:
        return f"{verdict.covers} ({verdict.count:,})"
    reason = escape(verdict.reason or "")
    if verdict.state is State.NOT_APPLICABLE:
        return reason
    return reason if verdict.seq is None else f"record {verdict.seq:,}: {reason}"
