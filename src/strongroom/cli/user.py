"""``strongroom user``: accounts, from the machine itself. The server may run meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import structlog
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.accounts.service import Accounts, User
from strongroom.audit.extension import AuditLog
from strongroom.bootstrap import OWN_CATALOGUE, lifetimes
from strongroom.cli import data_options, main
from strongroom.cli.log import open_store
from strongroom.files.blobs import Blobs
from strongroom.files.service import FileService
from strongroom.files.service.part import Limits
from strongroom.objects import LocalObjects
from strongroom.permissions import Role
from strongroom.settings import Settings, load, parse_size
from strongroom.sizes import size_text
from strongroom.version import __version__

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
role_option = click.option("--role", type=click.Choice([role.value for role in Role]))


@contextmanager
def accounts_of(flags: dict[str, object]) -> Iterator[Accounts]:
    """The accounts of an installation; what is done to them says that it came from here."""
    with _audit_of(flags) as audit:
        yield Accounts(audit.store, audit, lifetimes(load(**flags)))


@contextmanager
def _audit_of(flags: dict[str, object]) -> Iterator[AuditLog]:
    store = open_store(flags)
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
        store.close()


def when(microseconds: int | None) -> str:
    """A time for people and programs alike: RFC 3339, UTC."""
    if microseconds is None:
        return ""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@main.group()
def user() -> None:
    """Accounts: who may come in."""


@user.command()
@data_options
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@json_option
def add(name: str, role: str, as_json: bool, **flags: object) -> None:
    """Create an account, and print the one-time link to choose its password.

    The link is alone on the last line, and works for 24 hours. Its address comes from the settings
    listen, tls_cert, trusted_proxies and allowed_hosts: give them as the server has them.
    """
    with accounts_of(dict(flags)) as accounts:
        made, secret = accounts.add(name, Role(role))
    _give_link(made, secret, load(**flags), as_json=as_json)


@user.command("list")
@data_options
@json_option
def list_(as_json: bool, **flags: object) -> None:
    """List the accounts, and what each may do."""
    with accounts_of(dict(flags)) as accounts:
        overview = accounts.permissions_overview()
    if as_json:
        told = [
            _told(row.user)
            | {
                "permissions": sorted(row.permissions),
                "sessions": row.sessions,
                "tokens": row.tokens,
            }
            for row in overview
        ]
        click.echo(json.dumps(told, indent=2))
        return
    table = Table("name", "role", "state", "last sign-in", "may", box=None)
    for row in overview:
        found = row.user
        state = "disabled" if found.disabled else "" if found.has_password else "no password yet"
        table.add_row(
            Text(found.name),
            found.role,
            state,
            when(found.last_sign_in_at),
            ", ".join(sorted(row.permissions)),
        )
    Console().print(table)


@user.command()
@data_options
@click.argument("name")
@role_option
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
def change(name: str, role: str | None, new_name: str | None, **flags: object) -> None:
    """Give an account another role or another name. Another role ends its sessions."""
    if role is None and new_name is None:
        raise click.UsageError("say what to change: --role or --name")
    with accounts_of(dict(flags)) as accounts:
        found = accounts.user_named(name)
        accounts.change(found.user_id, name=new_name, role=None if role is None else Role(role))


@user.command()
@data_options
@click.argument("name")
def disable(name: str, **flags: object) -> None:
    """Close an account: its sessions, tokens and links end at once."""
    with accounts_of(dict(flags)) as accounts:
        accounts.disable(accounts.user_named(name).user_id)


@user.command()
@data_options
@click.argument("name")
def enable(name: str, **flags: object) -> None:
    """Open a closed account again, with the password it had."""
    with accounts_of(dict(flags)) as accounts:
        accounts.enable(accounts.user_named(name).user_id)


@user.command()
@data_options
@click.argument("name")
@json_option
def reset(name: str, as_json: bool, **flags: object) -> None:
    """Print a one-time link to choose a new password; the old one works until it is used."""
    with accounts_of(dict(flags)) as accounts:
        found = accounts.user_named(name)
        secret = accounts.reset(found.user_id)
    _give_link(found, secret, load(**flags), as_json=as_json)


@user.command()
@data_options
@click.argument("name", metavar="NAME|ADDRESS")
@json_option
def unblock(name: str, as_json: bool, **flags: object) -> None:
    """Lift the blocks on signing in with a name, or from an address."""
    with accounts_of(dict(flags)) as accounts:
        lifted = accounts.unblock(name)
    if as_json:
        click.echo(json.dumps({"lifted": lifted}))
    else:
        click.echo("Lifted." if lifted else "Nothing was counted against it.", err=True)


class _Quota(click.ParamType[int | str]):
    """A size as settings have it, ``none`` for no limit, ``default`` for what the setting says."""

    name = "quota"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Bytes, 0 for no limit; or the word ``default``."""
        if value == "none":
            return 0
        if value == "default":
            return "default"
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(f"{error}; or none, or default", param, ctx)


@user.command()
@data_options
@click.argument("name")
@click.argument("size", type=_Quota(), metavar="[SIZE|none|default]", required=False)
@json_option
def quota(name: str, size: int | str | None, as_json: bool, **flags: object) -> None:
    """Say how much somebody may store, or show it: 500MB, 10GiB, none, or default.

    Counted are all files they uploaded, older versions and the trash included. By default the
    setting user_quota_bytes says how much.
    """
    settings = load(**flags)
    with _audit_of(flags) as audit:
        accounts = Accounts(audit.store, audit, lifetimes(settings))
        blobs = Blobs(LocalObjects(settings.objects_folder))
        limits = Limits(quota_bytes=settings.user_quota_bytes)
        files = FileService(audit.store, blobs, audit, accounts.still_valid, limits)
        found = accounts.user_named(name)
        if size is not None:
            files.set_quota(found.user_id, size if isinstance(size, int) else None)
        usage = files.usage_of(found.user_id)
    if as_json:
        told = {"user_id": found.user_id, "name": found.name}
        told_too = {"used_bytes": usage.used, "quota_bytes": usage.quota or None}
        click.echo(json.dumps(told | told_too))
        return
    most = size_text(usage.quota) if usage.quota else "no limit"
    click.echo(f"{found.name} uses {size_text(usage.used)}; quota: {most}.")


def _give_link(found: User, secret: str, settings: Settings, *, as_json: bool) -> None:
    link = f"{settings.public_address}password?link={secret}"
    if as_json:
        click.echo(json.dumps(_told(found) | {"link": link}))
        return
    click.echo(
        f"{found.name} chooses a password within 24 hours with this one-time link:", err=True
    )
    click.echo(link)


def _told(found: User) -> dict[str, Any]:
    return {
        "user_id": found.user_id,
        "name": found.name,
        "role": found.role,
        "disabled": found.disabled,
        "has_password": found.has_password,
        "created_at": when(found.created_at),
        "last_sign_in_at": when(found.last_sign_in_at) or None,
    }
