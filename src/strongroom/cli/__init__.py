"""The command line: one module per command group.

Exit codes: 0 done or holds, 1 does not hold, 2 wrong usage, 3 could not be carried out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from strongroom.errors import SettingsError, StrongroomError
from strongroom.version import __version__

FAILED = 3


class Group(click.Group):
    """Commands whose errors end as one clear line and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.UsageError(str(error)) from error
        except StrongroomError as error:
            click.secho(f"Error: {error}", err=True, fg="red")
            ctx.exit(FAILED)
        except BrokenPipeError:
            # Whoever read our output has had enough: that is no error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            click.secho(f"Error: {error}", err=True, fg="red")
            ctx.exit(FAILED)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="strongroom")
def main() -> None:
    """Strongroom: a file server that keeps receipts."""


def data_options(command: Any) -> Any:
    """``--data`` and ``--database``, which every command takes."""
    command = click.option("--database", metavar="URL", help="Database to use.")(command)
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder that holds everything (default: strongroom-data).",
    )(command)


# Imported last: they add their commands to the group above.
from strongroom.cli import (  # noqa: E402
    alert,  # noqa: F401
    backup,  # noqa: F401
    doctor,  # noqa: F401
    events,  # noqa: F401
    export,  # noqa: F401
    hold,  # noqa: F401
    importing,  # noqa: F401
    ledger,  # noqa: F401
    log,  # noqa: F401
    log_seal,  # noqa: F401
    privacy,  # noqa: F401
    restore,  # noqa: F401
    retention,  # noqa: F401
    serve,  # noqa: F401
    shipping,  # noqa: F401
    token,  # noqa: F401
    user,  # noqa: F401
    verify,  # noqa: F401
)
