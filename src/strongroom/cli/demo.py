"""What ``strongroom serve --demo`` does beside serving."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import click

from strongroom.bootstrap import Installation
from strongroom.cli.user import accounts_of
from strongroom.demo import filling
from strongroom.demo.folder import is_filled, mark_filled
from strongroom.demo.people import ANA
from strongroom.errors import SettingsError
from strongroom.settings import Settings


def check_apart(settings: Settings) -> None:
    """Whether nothing of a demo would come to stand anywhere else.

    :raises SettingsError: when some of it would
    """
    for name in ("database", "objects", "ledger_key"):
        if getattr(settings, name):
            raise SettingsError(
                f"{name}: a demo keeps everything in a folder of its own; leave {name} out"
            )
    if not settings.listen.is_loopback:
        raise SettingsError(
            f"listen: {settings.listen} can be reached from other machines, and a demo is for "
            "whoever starts it; use 127.0.0.1 or [::1]"
        )


def prepare(installation: Installation) -> None:
    """Fill it, unless that was done before.

    :raises Unavailable: when the database cannot be written
    """
    if is_filled(installation.settings.data):
        return
    click.echo("Making up a week of a clinic …", err=True)
    began = time.monotonic()
    filled = filling.fill(installation)
    mark_filled(installation.settings.data)
    click.echo(f"{filled:,} records in {time.monotonic() - began:.1f} seconds.", err=True)


def greet(settings: Settings, flags: dict[str, object]) -> None:
    """Say how one comes in, and what is to be found."""
    loud = click.style("This is a demo:", fg="yellow", bold=True)
    click.echo(f"{loud} nobody and nothing in it is real.", err=True)
    if not settings.no_auth:
        with accounts_of(flags) as accounts:
            secret = accounts.reset(ANA.user_id)
        link = click.style(f"{settings.address}password?link={secret}", fg="cyan", bold=True)
        click.echo(
            f"Come in as {ANA.name}, administrator, by choosing a password:\n  {link}", err=True
        )
    lead = f"{settings.address}logs?{urlencode({'query': 'event:login_failed'})}"
    click.echo(
        f"Something happened in the night before last. A place to begin:\n  {lead}", err=True
    )
