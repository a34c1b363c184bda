"""The parts of accounts, as their routes find them in the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flask import Flask, Request, Response, current_app

from strongroom.accounts.service import Accounts
from strongroom.audit.extension import AuditLog

_KEY = "strongroom.accounts"


class Cookies(Protocol):
    """How a browser keeps the secret of its session; the web layer knows the cookie's name."""

    def session_secret(self, request: Request, /) -> str | None:
        """What the browser sent."""

    def set_session(self, response: Response, secret: str, /) -> None:
        """Let the browser keep a new one."""

    def clear_session(self, response: Response, /) -> None:
        """Let the browser forget it."""


@dataclass(frozen=True, slots=True)
class AccountServer:
    """What the routes of accounts work with."""

    accounts: Accounts
    audit: AuditLog
    cookies: Cookies


def install(app: Flask, server: AccountServer) -> None:
    """Make the parts available to the routes of this application."""
    app.extensions[_KEY] = server


def server() -> AccountServer:
    """The parts of the application that handles the current request."""
    found: AccountServer = current_app.extensions[_KEY]
    return found
