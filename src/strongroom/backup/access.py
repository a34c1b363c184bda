"""Who is signed in after a backup was put back: nobody, whatever was so when it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from strongroom.accounts.events import SessionRevoked, TokenRevoked
from strongroom.accounts.tables import account_link, account_session, account_token
from strongroom.audit.events import Event


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions and tokens were ended."""

    sessions: int
    tokens: int


def end_access(
    connection: Connection, record: Callable[[Event], None], *, keep_tokens: bool
) -> Ended:
    """End all sessions, links, and tokens, in this unit: some of them were ended since the backup.

    :param record: logs each
    """
    sessions = connection.execute(
        select(account_session.c.user_id, account_session.c.session_id)
    ).all()
    for user_id, session_id in sessions:
        record(SessionRevoked(target_user_id=user_id, target_session_id=session_id))
    connection.execute(delete(account_session))
    connection.execute(delete(account_link))
    if keep_tokens:
        return Ended(len(sessions), 0)
    tokens = connection.execute(select(account_token.c.user_id, account_token.c.token_id)).all()
    for user_id, token_id in tokens:
        record(TokenRevoked(target_user_id=user_id, target_token_id=token_id))
    connection.execute(delete(account_token))
    return Ended(len(sessions), len(tokens))
