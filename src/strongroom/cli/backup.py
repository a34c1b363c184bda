"""``strongroom backup``: all of an installation in a new folder. The server may run meanwhile."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import structlog
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from strongroom.audit.extension import AuditLog
from strongroom.audit.ledger.keyfile import PRIVATE
from strongroom.audit.ledger.loss import lost_keys
from strongroom.backup.events import BackupFailed, BackupMade
from strongroom.backup.looking import Progress
from strongroom.backup.making import Backup
from strongroom.backup.model import operator
from strongroom.backup.source import Made, Source
from strongroom.bootstrap import OWN_CATALOGUE, signing
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.errors import SettingsError, StrongroomError, Unavailable
from strongroom.settings import Settings, load
from strongroom.sizes import size_text
from strongroom.store import Store
from strongroom.version import __version__


@main.command("backup")
@data_options
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--previous",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A backup before: files that are the same share its room by hard links.",
)
@click.option(
    "--with-key",
    is_flag=True,
    help="Put the signing key in as well: whoever has the backup can sign then.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup_(
    *, target: Path, previous: Path | None, with_key: bool, as_json: bool, **flags: object
) -> None:
    """Copy everything to FOLDER, which must not be there yet.

    The server may run meanwhile: everything that was acknowledged before is in the backup. It is
    written under another name, which it keeps until it is whole.
    """
    settings = load(**flags)
    store = open_store(dict(flags))
    source = _source(store, settings, with_key=with_key)
    with _audit(store) as audit, bars(quiet=as_json) as show:
        backup = Backup(source, target, previous=previous, version=__version__, progress=show)
        made = _recorded(audit, backup, target)
    if as_json:
        click.echo(json.dumps(_as_json(made)))
    else:
        _tell(made, with_key=with_key)
    if made.manifest.absent:
        raise click.exceptions.Exit(1)


def _source(store: Store, settings: Settings, *, with_key: bool) -> Source:
    how = signing(settings)
    path = how.key_path(store)
    try:
        signer = how.find_key(store)
    except SettingsError:
        if with_key:
            raise
        signer = None  # this user may not read it, and need not
    if with_key and signer is None:
        raise SettingsError(f"ledger_key: there is no {path}, so it cannot be put into the backup")
    secret = signer.secret_text() if with_key and signer is not None else None
    lost = () if settings.ledger_key.startswith(PRIVATE) else lost_keys(path)
    return Source(store, settings.objects_folder, signer, secret, lost)


@contextmanager
def _audit(store: Store) -> Iterator[AuditLog]:
    audit = AuditLog(
        store=store,
        viewer=None,
        catalogue=OWN_CATALOGUE,
        signing=None,
        name="strongroom",
        version=__version__,
    )
    try:
        with structlog.contextvars.bound_contextvars(by="command line"):
            yield audit
    finally:
        audit.close()


def _recorded(audit: AuditLog, backup: Backup, target: Path) -> Made:
    """Make it, and record what came of it."""
    about = {"target": str(target.absolute())[:500], "operator": operator()}
    try:
        made = backup.make()
    except (StrongroomError, OSError, KeyboardInterrupt) as error:
        failed = BackupFailed(reason=_reason(error), extra=about | {"error": str(error)[:500]})
        try:
            audit.log(failed)
        except Unavailable:
            click.echo("That could not be recorded either.", err=True)
        raise
    told = about | {
        "manifest": made.sha256,
        "made_at": made.manifest.made_at,
        "files": len(made.manifest.entries),
        "bytes": made.manifest.total_bytes,
        "absent": len(made.manifest.absent),
    }
    try:
        audit.log(BackupMade(count=made.manifest.records, extra=told))
    except Unavailable as error:
        click.echo(f"The backup is whole, but could not be recorded: {error}", err=True)
    return made


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError):
        return "storage_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "io_error"
    return "not_possible"


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress]:
    """A progress bar on the terminal."""
    console = Console(stderr=True)
    shown = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    with shown:
        task = shown.add_task("looking", total=None)

        def show(step: str, done: int, total: int) -> None:
            shown.update(task, description=step, completed=done, total=total)

        yield show


def _as_json(made: Made) -> dict[str, object]:
    return {
        "folder": str(made.path),
        "made_at": made.manifest.made_at,
        "records": made.manifest.records,
        "files": len(made.manifest.entries),
        "bytes": made.manifest.total_bytes,
        "linked": made.linked,
        "signed": made.signed,
        "absent": list(made.manifest.absent),
        "manifest": made.sha256,
    }


def _tell(made: Made, *, with_key: bool) -> None:
    manifest = made.manifest
    shared = f", {made.linked:,} of them shared with the backup before" if made.linked else ""
    click.echo(
        f"{made.path}: {manifest.records:,} audit records, {len(manifest.entries):,} files{shared}, "
        f"{size_text(manifest.total_bytes)}"
    )
    click.echo(f"SHA-256 of its manifest: {made.sha256}")
    if not made.signed:
        told = "It is not signed, since the ledger's key was not at hand."
        click.secho(f"Note: {told}", err=True, fg="yellow")
    if with_key:
        told = "It holds the signing key: whoever has it can forge checkpoints. Keep it encrypted."
        click.secho(f"Note: {told}", err=True, fg="yellow")
    elif made.signed:
        click.echo("The signing key is not in it: keep a copy of it elsewhere.", err=True)
    if manifest.absent:
        click.secho(
            f"Missing or damaged on the installation, and so not in the backup: "
            f"{len(manifest.absent):,}, {manifest.absent[0]} among them. "
            "Run strongroom verify --files.",
            err=True,
            fg="red",
        )
