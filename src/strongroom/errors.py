"""What can go wrong, sorted by what the caller should do next.

A bug is an ``AssertionError`` and is not in this list: nobody should catch it.
"""

from __future__ import annotations

from collections.abc import Mapping


class StrongroomError(Exception):
    """Root of every error that Strongroom raises on purpose."""


class Refused(StrongroomError):
    """The client asked for something it cannot have: answer it, and do not retry.

    :param reason: machine-readable code in snake_case, recorded as ``reason``
    :param message: one or two sentences for the person: what happened, what to do next
    :param status: HTTP status that says the same to a program
    :param recorded: the reason for the record, where the client must not learn the true one
    :param extra: what else a program should know, shown beside the reason
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        status: int = 400,
        recorded: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.recorded = recorded or reason
        self.message = message
        self.status = status
        self.extra = extra or {}


class ServerFault(StrongroomError):
    """The server could not do what it should have: nothing was changed; trying again may help.

    :param reason: machine-readable code in snake_case, recorded as ``reason``
    :param message: one or two sentences for the person, without internals
    :param status: HTTP status, 500 or above
    """

    def __init__(self, reason: str, message: str, *, status: int = 500) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status


class Unavailable(StrongroomError):
    """Something we depend on cannot be written or reached now: try again later.

    Nothing of the refused work was kept.
    """


class Corrupt(StrongroomError):
    """Stored bytes contradict each other: stop writing and run ``strongroom doctor``."""


class NotDelivered(StrongroomError):
    """Nobody has taken a message; says why, without secrets."""


class SettingsError(StrongroomError):
    """The configuration cannot be used: change the setting that the message names."""
