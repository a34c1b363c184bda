"""``strongroom doctor``: is this installation sound, and what to do where it is not."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from strongroom import audit, files, web
from strongroom.audit.events import Stream
from strongroom.audit.journal.check import check_stream
from strongroom.audit.ledger.entries import sealed_before
from strongroom.bootstrap import SCHEMAS, alerts, signing
from strongroom.cli import data_options, main
from strongroom.cli.doctor_files import file_findings
from strongroom.cli.doctor_ledger import ledger_findings
from strongroom.cli.doctor_privacy import privacy_findings
from strongroom.cli.doctor_shipping import shipping_findings
from strongroom.cli.finding import Finding
from strongroom.errors import Corrupt, SettingsError
from strongroom.settings import Settings, load, unknown_variables
from strongroom.store import Store
from strongroom.store.migrate import is_current
from strongroom.version import __version__

LOW_BYTES = 1_000_000_000

_ASSETS = (
    Path(files.__path__[0]) / "static" / "files.js",
    Path(audit.__path__[0]) / "viewer" / "static" / "viewer.js",
    Path(web.__path__[0]) / "static" / "shell.css",
)


@main.command()
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool, **flags: object) -> None:
    """Check this installation; exit with 1 when something must be mended."""
    settings = load(**flags)
    findings = list(_findings(settings))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark, colour = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}[
                finding.state
            ]
            click.echo(f"{click.style(mark, fg=colour)} {finding.check}: {finding.text}")
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("version", "ok", f"{__version__}, Python {sys.version.split()[0]}")
    yield from _environment()
    yield from _assets()
    yield from _data(settings)
    yield from _log_file(settings)
    yield _alerts(settings)
    if not settings.database and not (settings.data / "strongroom.db").is_file():
        yield Finding("database", "note", "not made yet; strongroom serve makes it")
        return
    store = Store(settings.database_url)
    if not is_current(store, *SCHEMAS):
        yield Finding("database", "note", "of an older version; strongroom serve updates it")
        return
    yield Finding("database", "ok", str(store.path))
    yield from _journal(store)
    yield from ledger_findings(store, signing(settings))
    yield from privacy_findings(store)
    yield from file_findings(store, settings)
    yield from shipping_findings(store, settings)


def _environment() -> Iterator[Finding]:
    if unknown := unknown_variables():
        yield Finding("settings", "bad", f"no such setting: {', '.join(unknown)}")
    else:
        yield Finding("settings", "ok", "all can be used")


def _assets() -> Iterator[Finding]:
    gone = [path.name for path in _ASSETS if not path.is_file()]
    if gone:
        yield Finding("assets", "bad", f"{', '.join(gone)} not built; run make assets")
    else:
        yield Finding("assets", "ok", "built")


def _data(settings: Settings) -> Iterator[Finding]:
    if not settings.data.is_dir():
        yield Finding("data", "note", f"{settings.data.absolute()} is made on the first start")
        return
    try:
        with tempfile.TemporaryFile(dir=settings.data) as probe:
            probe.write(b"probe")
            os.fsync(probe.fileno())
    except OSError as error:
        yield Finding("data", "bad", f"{settings.data.absolute()} cannot be written: {error}")
        return
    free = shutil.disk_usage(settings.data).free
    state = "ok" if free > LOW_BYTES else "bad"
    yield Finding("data", state, f"{settings.data.absolute()}, {free / 1e9:.1f} GB free")


def _log_file(settings: Settings) -> Iterator[Finding]:
    path = settings.log_path
    if path is None:
        return
    try:
        # Rotation renames, so the folder must allow new names; the file may not be there yet.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_symlink() or (path.exists() and not path.is_file()):
            yield Finding("log file", "bad", f"{path} is not an ordinary file")
            return
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_APPEND))
    except OSError as error:
        yield Finding("log file", "bad", f"{path} cannot be written: {error}")
    else:
        yield Finding("log file", "ok", str(path))


def _alerts(settings: Settings) -> Finding:
    try:
        told = [destination.shown for destination in alerts(settings).destinations]
    except SettingsError as error:
        return Finding("alerts", "bad", str(error))
    if not told:
        return Finding(
            "alerts", "note", "nobody is told of critical records; set alert_webhook or alert_mail"
        )
    return Finding("alerts", "ok", f"to {', '.join(told)}; strongroom alert test tries it")


def _journal(store: Store) -> Iterator[Finding]:
    for stream in Stream:
        try:
            count = check_stream(store, stream, sealed_before)
        except Corrupt as error:
            yield Finding(f"journal {stream}", "bad", str(error))
        else:
            yield Finding(f"journal {stream}", "ok", f"{count:,} records, none missing")
