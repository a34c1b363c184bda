"""``strongroom serve``."""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
from pathlib import Path
from typing import IO

import click
from flask import Flask

from strongroom.bootstrap import Installation, output
from strongroom.cli import data_options, main
from strongroom.cli.demo import check_apart, greet, prepare
from strongroom.cli.user import accounts_of
from strongroom.demo.folder import demo_folder
from strongroom.errors import SettingsError
from strongroom.settings import Address, Settings, load, unknown_variables
from strongroom.web.tls import key_is_exposed, tls_context


@main.command()
@data_options
@click.option("--listen", metavar="HOST:PORT", help="Address to serve on (127.0.0.1:8000).")
@click.option("--workers", type=int, help="Worker processes (2).")
@click.option("--threads", type=int, help="Threads of each worker (64).")
@click.option("--max-upload-bytes", metavar="SIZE", help="Largest upload (10GB).")
@click.option("--log-format", type=click.Choice(["console", "json", "logfmt"]))
@click.option("--log-output", type=click.Choice(["stderr", "stdout", "none"]))
@click.option("--no-auth", is_flag=True, default=None, help="Serve without sign-in.")
@click.option("--demo", is_flag=True, help="Serve a made-up week, thrown away at the end.")
@click.option("--debug", is_flag=True, help="Flask's development server: for developers only.")
def serve(demo: bool, debug: bool, **flags: object) -> None:
    """Serve files and logs.

    Every option but --demo and --debug is also a setting in strongroom.toml and a variable
    STRONGROOM_<NAME>; there are more settings than options.

    --demo fills a folder of its own with a made-up week, which is removed when the server ends;
    with --data it is kept there, and served again the next time.
    """
    if demo:
        kept = flags.pop("data")
        with demo_folder(kept if isinstance(kept, Path) else None) as folder:
            _serve({**flags, "data": folder}, demo=True, debug=debug)
    else:
        _serve(flags, demo=False, debug=debug)


def _serve(flags: dict[str, object], *, demo: bool, debug: bool) -> None:
    settings = load(**flags)
    if demo:
        check_apart(settings)
    _check_exposure(settings)
    tls = _certificate(settings)
    _check_port(settings.listen)
    for name in unknown_variables():
        click.secho(f"Warning: {name} is no setting and was ignored.", err=True, fg="yellow")
    with _sole_server("data", settings.data), _sole_server("objects", settings.objects_folder):
        installation = Installation.open(settings)
        installation.objects.clear_leftovers()
        if demo:
            prepare(installation)
        installation.store.close()  # the workers open their own
        _greet(settings, None if demo else _setup_link(settings, flags))
        if demo:
            greet(settings, flags)
        if debug:
            _debug(settings, tls, demo=demo)
        else:
            # Imported here: only this command needs the server.
            from strongroom.web.server import Server  # noqa: PLC0415

            Server(settings, output(settings), lambda: _app(settings, demo=demo)).run()


def _app(settings: Settings, *, demo: bool) -> Flask:
    app = Installation.open(settings).app()
    app.jinja_env.globals["demo"] = demo
    return app


def _check_exposure(settings: Settings) -> None:
    """Let nobody in by a slip: strangers need an account, and passwords a way that none can read.

    :raises SettingsError: when the settings open the server further than they say
    """
    exposed = not settings.listen.is_loopback
    if settings.no_auth and (exposed or settings.trusted_proxies):
        how = (
            f"{settings.listen} can be reached from other machines"
            if exposed
            else "other machines can reach this one through trusted_proxies"
        )
        raise SettingsError(
            f"no_auth: {how}, and nobody would be asked to sign in; leave no_auth out, "
            "or listen on 127.0.0.1 or [::1] without proxies"
        )
    if exposed and not (settings.has_tls or settings.trusted_proxies or settings.insecure_http):
        raise SettingsError(
            f"listen: {settings.listen} can be reached from other machines, and without TLS "
            "everybody on the way could read passwords and files; set tls_cert and tls_key, "
            "or trusted_proxies to the proxy that speaks TLS for this server, "
            "or use 127.0.0.1 or [::1] (insecure_http=true goes without)"
        )


def _certificate(settings: Settings) -> ssl.SSLContext | None:
    """What TLS is spoken with, checked.

    :raises SettingsError: when it cannot be used
    """
    context = tls_context(settings)
    if key_is_exposed(settings):
        warning = f"every account of this machine may read {settings.tls_key}; chmod 600 it."
        click.secho(f"Warning: tls_key: {warning}", err=True, fg="yellow")
    return context


def _check_port(address: Address) -> None:
    """Say at once what the server would only say after many tries.

    :raises SettingsError: when another program listens there
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise SettingsError(
                f"listen: {address} cannot be used ({error.strerror}); "
                "stop the program that uses it, or choose another port with --listen"
            ) from None


def _setup_link(settings: Settings, flags: dict[str, object]) -> str | None:
    """Where the first administrator is made; None once there is one."""
    if settings.no_auth:
        return None
    with accounts_of(flags) as accounts:
        secret = accounts.setup_secret()
    return None if secret is None else f"{settings.address}setup?link={secret}"


def _greet(settings: Settings, setup_link: str | None) -> None:
    address = click.style(settings.address, fg="cyan", bold=True)
    click.echo(f"Strongroom serves {settings.data.absolute()} at {address}", err=True)
    if not settings.listen.is_loopback:
        _tell_names(settings)
    if settings.no_auth:
        loud = click.style("Nobody is asked to sign in (no_auth):", fg="red", bold=True)
        click.echo(
            f"{loud} every program on this machine can read and delete everything.", err=True
        )
    elif setup_link is not None:
        link = click.style(setup_link, fg="cyan", bold=True)
        click.echo(
            f"Nobody has an account yet. Create the first administrator here, once:\n  {link}",
            err=True,
        )


def _tell_names(settings: Settings) -> None:
    own = () if settings.listen.is_everywhere else (settings.listen.host,)
    names = ", ".join(dict.fromkeys((*own, *settings.allowed_hosts, "localhost")))
    click.echo(
        f"It answers to these names alone: {names}. Others are added in the setting allowed_hosts.",
        err=True,
    )
    if settings.insecure_http and not settings.has_tls:
        loud = click.style("Nothing is encrypted (insecure_http):", fg="red", bold=True)
        click.echo(f"{loud} everybody on the way can read passwords and files.", err=True)


def _debug(settings: Settings, tls: ssl.SSLContext | None, *, demo: bool) -> None:
    app = _app(settings, demo=demo)
    app.run(
        settings.listen.host,
        settings.listen.port,
        debug=True,
        use_debugger=False,
        use_reloader=False,
        ssl_context=tls,
    )


def _sole_server(setting: str, data: Path) -> IO[str]:
    """Hold the folder for as long as the file is open: one server at a time, its workers apart.

    :raises SettingsError: when another server holds it
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The descriptor is inherited by the workers, so the folder stays held until the last is gone.
    file = (data / "server.lock").open("a+")
    os.set_inheritable(file.fileno(), True)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SettingsError(
            f"{setting}: another server is using {data.absolute()}; stop it, or choose another folder"
        ) from None
    return file
