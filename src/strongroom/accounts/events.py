"""What is recorded of accounts. Ids only: names are looked up in the directory of people."""

from __future__ import annotations

from strongroom.audit.events import Event, Level, Outcome, Stream, declare

SUCCESS = {Outcome.SUCCESS: Level.INFO}
REFUSED = {Outcome.DENIED: Level.WARNING}


@declare("login_succeeded", stream=Stream.AUDIT, levels=SUCCESS)
class LoginSucceeded(Event):
    """Somebody signed in: with their password, or with a one-time link and a new password."""

    target_user_id: str
    target_session_id: str


@declare("login_failed", stream=Stream.AUDIT, levels=REFUSED)
class LoginFailed(Event):
    """A sign-in with a wrong name or password; what was typed is not kept."""

    reason: str
    status: int
    target_user_id: str | None = None


@declare("login_blocked", stream=Stream.AUDIT, levels=REFUSED)
class LoginBlocked(Event):
    """A sign-in was not even tried, since too many before it had failed."""

    reason: str
    status: int
    target_user_id: str | None = None


@declare(
    "login_unrecorded",
    stream=Stream.OPS,
    levels={Outcome.FAILED: Level.ERROR, Outcome.DENIED: Level.ERROR},
)
class LoginUnrecorded(Event):
    """A sign-in while the audit stream could not be written.

    Denied to everybody but administrators, who were let in; what failed then was its record.
    """

    outcome: Outcome
    target_user_id: str | None = None


@declare("logged_out", stream=Stream.AUDIT, levels=SUCCESS)
class LoggedOut(Event):
    """Somebody ended the session they were in."""

    target_user_id: str
    target_session_id: str


@declare("user_created", stream=Stream.AUDIT, levels=SUCCESS)
class UserCreated(Event):
    """There is a new account."""

    target_user_id: str
    role: str


@declare("user_changed", stream=Stream.AUDIT, levels=SUCCESS)
class UserChanged(Event):
    """An account got another role or another name."""

    target_user_id: str
    role: str | None = None
    previous_role: str | None = None
    extra: dict[str, object] | None = None


@declare("user_disabled", stream=Stream.AUDIT, levels=SUCCESS)
class UserDisabled(Event):
    """An account was closed; its sessions, tokens and links have ended."""

    target_user_id: str


@declare("user_enabled", stream=Stream.AUDIT, levels=SUCCESS)
class UserEnabled(Event):
    """A closed account was opened again."""

    target_user_id: str


@declare("account_change_failed", stream=Stream.AUDIT, levels=REFUSED)
class AccountChangeFailed(Event):
    """An act on accounts, passwords, sessions or tokens was refused."""

    reason: str
    status: int
    target_user_id: str | None = None


@declare("password_changed", stream=Stream.AUDIT, levels=SUCCESS)
class PasswordChanged(Event):
    """An account has a new password; its other sessions have ended."""

    target_user_id: str


@declare("setup_link_created", stream=Stream.AUDIT, levels=SUCCESS)
class SetupLinkCreated(Event):
    """The link for the first administrator was printed; an earlier one is void."""


@declare("password_link_created", stream=Stream.AUDIT, levels=SUCCESS)
class PasswordLinkCreated(Event):
    """A one-time link to choose a password was made; earlier ones are void."""

    target_user_id: str


@declare("session_revoked", stream=Stream.AUDIT, levels=SUCCESS)
class SessionRevoked(Event):
    """A session was ended from elsewhere."""

    target_user_id: str
    target_session_id: str


@declare("token_created", stream=Stream.AUDIT, levels=SUCCESS)
class TokenCreated(Event):
    """A script was given a token."""

    target_user_id: str
    target_token_id: str
    scopes: str


@declare("token_revoked", stream=Stream.AUDIT, levels=SUCCESS)
class TokenRevoked(Event):
    """A token was ended."""

    target_user_id: str
    target_token_id: str


@declare("sign_in_unblocked", stream=Stream.AUDIT, levels=SUCCESS)
class SignInUnblocked(Event):
    """Blocks on sign-ins were lifted, of an account or of an address."""

    count: int
    target_user_id: str | None = None


@declare("sign_in_disabled", stream=Stream.OPS, levels=Level.WARNING)
class SignInDisabled(Event):
    """The server began to serve without sign-in (``no_auth``): every program on its machine gets in."""
