"""``strongroom privacy``: what is held about somebody, and forgetting it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from sqlalchemy import Connection

from strongroom.audit.archive.forgotten import Forgetting, forgettings
from strongroom.audit.events.system import PrivacyReported
from strongroom.audit.extension import AuditLog
from strongroom.audit.journal.stored import timestamp_text
from strongroom.audit.privacy.forgetting import Forgetter
from strongroom.audit.privacy.report import Reporting
from strongroom.audit.privacy.subject import Address, Person, Subject
from strongroom.audit.privacy.wanted import Outcome, Scope, Wanted
from strongroom.audit.sealing import Sealer
from strongroom.bootstrap import OWN_CATALOGUE
from strongroom.cli import FAILED, data_options, main
from strongroom.cli.hold import operator
from strongroom.cli.log import open_store
from strongroom.cli.log_seal import archive_lease
from strongroom.cli.privacy_facts import facts
from strongroom.errors import Refused, Unavailable
from strongroom.settings import load
from strongroom.version import __version__

OUTSIDE = (
    "Not covered: the account itself (strongroom user), the names and contents of files in the file "
    "server, backups, records already shipped elsewhere, what the server printed to the console, "
    "and copies of the data folder."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")


def subject_options(command: Any) -> Any:
    """``--user`` and ``--ip``."""
    command = click.option("--ip", metavar="ADDRESS", help="An IP address.")(command)
    return click.option(
        "--user", metavar="NAME", help="A person, by name; or by user_id once it is forgotten."
    )(command)


@main.group()
def privacy() -> None:
    """What is held about somebody, and forgetting it."""


@privacy.command()
@data_options
@subject_options
@click.option("--content", is_flag=True, help="Names of files, paths and messages too.")
@click.option("--dry-run", is_flag=True, help="Show what would be forgotten, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def forget(
    user: str | None,
    ip: str | None,
    *,
    content: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **flags: object,
) -> None:
    """Forget a person or an address in all records, for good; their evidence still verifies.

    The name and the addresses and agents go from every record, with --content also what people wrote.
    It is pending until nothing of it is found in any file; without --user and --ip, go on with
    whatever is pending. Exits with 3 while something is.
    """
    if user is not None and ip is not None:
        raise click.UsageError("give --user or --ip, not both")
    if user is None and ip is None and (content or dry_run):
        raise click.UsageError("say who is to be forgotten: --user NAME or --ip ADDRESS")
    with _audit(flags) as audit:
        forgetter = _forgetter(audit, flags, quiet=as_json)
        subject = None
        if user is not None or ip is not None:
            with audit.store.read() as connection:
                subject = _subject(connection, user, ip)
        with _refusals():
            if subject is not None and (dry_run or not yes):
                wanted = forgetter.plan(subject, content=content)
                if dry_run:
                    _show_plan(wanted, as_json=as_json)
                    return
                _ask(wanted)
            with archive_lease(audit.store):
                if subject is not None:
                    forgetter.begin(subject, content=content)
                outcomes = [forgetter.resume(one) for one in forgetter.pending()]
    _show(outcomes, as_json=as_json)
    if any(outcome.waits for outcome in outcomes):
        sys.exit(FAILED)


@privacy.command()
@data_options
@json_option
def pending(*, as_json: bool, **flags: object) -> None:
    """List what is to be forgotten and has not come to its end; ``forget`` goes on with it."""
    with open_store(flags).read() as connection:
        found = forgettings(connection, pending_only=True)
    if as_json:
        click.echo(json.dumps([_told(one) for one in found], indent=2))
    elif not found:
        click.echo("Nothing is pending.")
    for one in () if as_json else found:
        since = timestamp_text(one.asked_at)
        click.echo(f"{one.id}: of a {one.kind}, since {since}: {one.waits or 'interrupted'}")


@privacy.command()
@data_options
@subject_options
def report(user: str | None, ip: str | None, **flags: object) -> None:
    """Print a JSON object with all that is held about a person or an address.

    It holds what others did to their account, too, and records of whoever else used the address: look
    before you hand it on.
    """
    if (user is None) == (ip is None):
        raise click.UsageError("say about whom: --user NAME or --ip ADDRESS")
    with _audit(flags) as audit:
        with audit.store.read() as connection:
            subject = _subject(connection, user, ip)
            reporting = Reporting(connection, subject, facts)
            out = sys.stdout.buffer
            for piece in reporting:
                out.write(piece)
            out.flush()
        known = list(subject.user_ids)
        audit.log(
            PrivacyReported(
                count=reporting.count,
                target_user_id=known[0] if len(known) == 1 else None,
                extra={"kind": subject.kind, "operator": operator()},
            )
        )


def _subject(connection: Connection, user: str | None, ip: str | None) -> Subject:
    try:
        return Person.named(connection, user) if user is not None else Address.of(ip or "")
    except Refused as refusal:
        raise click.UsageError(refusal.message) from None


@contextmanager
def _refusals() -> Iterator[None]:
    """What was refused ends the command with its reason."""
    try:
        yield
    except Refused as refusal:
        raise Unavailable(refusal.message) from refusal


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


def _forgetter(audit: AuditLog, flags: dict[str, object], *, quiet: bool) -> Forgetter:
    settings = load(**flags)
    quiet = quiet or not Console(stderr=True).is_terminal
    folder, database = settings.data.absolute(), audit.store.path.absolute()
    elsewhere = [] if database.is_relative_to(folder) else [database.parent]
    outside = [settings.objects_folder.absolute()]
    return Forgetter(
        audit.store,
        audit.log,
        Scope(folder, outside, settings.log_path, elsewhere),
        tidy=Sealer(audit.store, audit.log, signed=True).tidy,
        progress=lambda what: None if quiet else click.echo(f"{what} …", err=True),
    )


def _ask(wanted: Wanted) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone; add --yes where nobody can be asked")
    _show_plan(wanted, as_json=False)
    click.confirm("Forget this for good?", abort=True)


def _show_plan(wanted: Wanted, *, as_json: bool) -> None:
    if as_json:
        plan = {
            "parts": list(wanted.parts),
            "records": dict(wanted.counts),
            "traces": len(wanted.traces),
        }
        click.echo(json.dumps(plan, indent=2))
        return
    parts = " and ".join(wanted.parts)
    for stream, count in sorted(wanted.counts.items()):
        click.echo(f"{stream}: {count:,} records lose {parts}.")
    click.echo(
        f"{len(wanted.traces):,} names, addresses, agents and names of files are looked for."
    )
    click.echo(OUTSIDE)


def _show(outcomes: list[Outcome], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"id": one.id, "waits": one.waits, "kept": one.kept, "lines": one.lines}
            for one in outcomes
        ]
        click.echo(json.dumps({"forgettings": told, "outside": OUTSIDE}, indent=2))
        return
    if not outcomes:
        click.echo("Nothing is pending.")
    for one in outcomes:
        if one.waits is None:
            click.echo(f"{one.id}: forgotten; nothing was found any more, and that is recorded.")
        else:
            click.echo(f"{one.id}: pending: {one.waits}. Run strongroom privacy forget again.")
        for where, count in one.kept.items():
            click.echo(f"  {count:,} of the values may stay, since they are held in: {where}.")
        if one.lines:
            click.echo(f"  {one.lines:,} lines were removed from the log files.")
    if outcomes:
        click.echo(OUTSIDE)


def _told(one: Forgetting) -> Mapping[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "state": one.state,
        "asked_at": timestamp_text(one.asked_at),
        "waits": one.waits,
    }
