"""``strongroom token``: what scripts sign in with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom.accounts.service import Token
from strongroom.accounts.tokens import DEFAULT_DAYS, LONGEST_DAYS
from strongroom.cli import data_options, main
from strongroom.cli.user import accounts_of, json_option, when
from strongroom.permissions import Permission


@main.group()
def token() -> None:
    """API tokens: what scripts sign in with."""


@token.command()
@data_options
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Permission]),
    help="What it may do, no more than its owner; may be given again.",
)
@click.option("--label", default="command line", show_default=True, help="What it is for.")
@click.option(
    "--days",
    type=click.IntRange(0, LONGEST_DAYS),
    default=DEFAULT_DAYS,
    show_default=True,
    help="Until it expires; 0 for never.",
)
@json_option
def create(
    *, name: str, scopes: Sequence[str], label: str, days: int, as_json: bool, **flags: object
) -> None:
    """Create a token of the account NAME, and print it alone on the last line.

    It is shown this once.
    """
    with accounts_of(dict(flags)) as accounts:
        owner = accounts.user_named(name)
        made, secret = accounts.create_token(
            owner.user_id, label, {Permission(scope) for scope in scopes}, days or None
        )
    if as_json:
        click.echo(json.dumps(_told(made) | {"token": secret}))
        return
    click.echo(f"Token {made.token_id} of {owner.name}:", err=True)
    click.echo(secret)


@token.command("list")
@data_options
@click.argument("name")
@json_option
def list_(name: str, as_json: bool, **flags: object) -> None:
    """List the tokens of the account NAME."""
    with accounts_of(dict(flags)) as accounts:
        tokens = accounts.tokens(accounts.user_named(name).user_id)
    if as_json:
        click.echo(json.dumps([_told(item) for item in tokens], indent=2))
        return
    table = Table("token_id", "name", "may", "created", "last used", "expires", box=None)
    for item in tokens:
        table.add_row(
            item.token_id,
            Text(item.name),
            ", ".join(sorted(item.scopes)),
            when(item.created_at),
            when(item.last_used_at),
            when(item.expires_at) or "never",
        )
    Console().print(table)


@token.command()
@data_options
@click.argument("token_id")
def revoke(token_id: str, **flags: object) -> None:
    """End a token at once."""
    with accounts_of(dict(flags)) as accounts:
        found = accounts.token(token_id)
        accounts.revoke_token(found.user_id, token_id)


def _told(item: Token) -> dict[str, Any]:
    return {
        "token_id": item.token_id,
        "user_id": item.user_id,
        "name": item.name,
        "scopes": sorted(item.scopes),
        "created_at": when(item.created_at),
        "expires_at": when(item.expires_at) or None,
        "last_used_at": when(item.last_used_at) or None,
    }
