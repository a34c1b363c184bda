"""Everything that can be done with accounts, whoever asks: page, gate or command line."""

from __future__ import annotations

from strongroom.accounts.model import (
    Block,
    Lifetimes,
    Link,
    Overview,
    Session,
    SignedIn,
    SignInBlocked,
    Token,
    User,
    Where,
)
from strongroom.accounts.sessions import Sessions
from strongroom.accounts.sign_in import SignIn
from strongroom.accounts.tokens import Tokens

__all__ = [
    "Accounts",
    "Block",
    "Lifetimes",
    "Link",
    "Overview",
    "Session",
    "SignInBlocked",
    "SignedIn",
    "Token",
    "User",
    "Where",
]


class Accounts(SignIn, Sessions, Tokens):
    """People, how they come in, and what they are signed in with.

    Thread-safe; several processes may use one database. Methods that change something have done so
    durably when they return, together with their audit record; when they raise, nothing was changed,
    except that a sign-in was counted. Any of them raises
    :class:`~strongroom.errors.Unavailable` when the database cannot be written.
    """
