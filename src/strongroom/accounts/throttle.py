"""What slows guessing down: counts of attempts in the database, over all workers and restarts.

An attempt is counted *before* the password is looked at, in one transaction with the question
whether it may be made; so a hundred at once are no way around it. One that succeeds is taken back.
Three counts stand side by side:

- ``pair``: this account from this address. A success clears it.
- ``address``: any account from this address (IPv6 by /64, which is what one customer gets).
- ``account``: this account from any address, but for those that its owner has come from lately:
  else whoever fails on purpose could keep an administrator out for ever.

A count leaks with time. When it is full the sign-in is blocked for a minute, and after each further
failure twice as long, up to a quarter of an hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from strongroom.accounts.tables import sign_in_address, sign_in_count

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
FIRST_BLOCK: Final = MINUTE
LONGEST_BLOCK: Final = 15 * MINUTE
FAMILIAR_FOR: Final = 30 * 24 * 60 * MINUTE
"""An address that its owner has signed in from stays familiar; no longer than records keep it."""

KEPT_FOR: Final = 2 * 24 * 60 * MINUTE
"""By then every count has leaked away."""

UNKNOWN: Final = "unknown"
"""Where no address is known, as behind a socket file."""

SKEW: Final = 5 * MINUTE
"""A count from further in the future than this shows that the clock was put back."""


class Limit(NamedTuple):
    """How many attempts fill a count, and how long it takes for one to leak away."""

    attempts: int
    leak: int


LIMITS: Final = {
    "pair": Limit(5, 60 * MINUTE),
    "address": Limit(50, 3 * MINUTE),
    "account": Limit(20, 15 * MINUTE),
}


class Count(NamedTuple):
    """Which count: its key in the table."""

    kind: str
    account: str
    address: str


class _State(NamedTuple):
    attempts: int
    counted_at: int
    blocked_until: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that may be made, and what it has changed."""

    account: str
    address: str
    before: dict[Count, int]
    """Until when each count was blocked before."""
    after: dict[Count, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One that may not be made.

    :param until: when the last of its blocks ends
    """

    count: Count
    until: int


def account_of(user_id: str | None, name_key: str) -> str:
    """What stands for an account in the counts.

    A name that nobody has may well be a password in the wrong field. All that is kept of it is one
    of 16 million buckets: enough to be treated like a name that exists, too little to find it.
    """
    if user_id is not None:
        return f"user:{user_id}"
    bucket = hashlib.sha256(name_key.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"name:{bucket}"


def network_of(address: str | None) -> str:
    """What stands for an address: itself, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, 64), strict=False))


def begin(
    connection: Connection, account: str, address: str, now: int, *, own: bool = False
) -> Attempt | Refusal:
    """Count an attempt, if it may be made. In a unit of work.

    :param own: somebody who is signed in types their own password again: a pair of its own, since
        a stolen session must not block the account
    """
    _forget(connection, now)
    counts = [Count("pair", account, address)]
    if not own:
        counts.append(Count("address", "", address))
        if not _is_familiar(connection, account, address, now):
            counts.append(Count("account", account, ""))
    states = {count: _read(connection, count) for count in counts}
    blocked = [(count, _until(states[count], now)) for count in counts]
    worst = max(blocked, key=lambda item: item[1])
    if worst[1] > now:
        return Refusal(*worst)
    after = {count: _add(connection, count, states[count], now) for count in counts}
    before = {count: state.blocked_until for count, state in states.items()}
    return Attempt(account, address, before, after)


def succeeded(connection: Connection, attempt: Attempt, now: int) -> None:
    """Take the attempt back: it was no guess. In the unit that signs somebody in."""
    for count, before in attempt.before.items():
        if count.kind == "pair":
            connection.execute(delete(sign_in_count).where(*_is(count)))
            continue
        state = _read(connection, count)
        # Another attempt that failed meanwhile has blocked it longer: that stays.
        until = before if state.blocked_until == attempt.after[count] else state.blocked_until
        connection.execute(
            update(sign_in_count)
            .where(*_is(count))
            .values(attempts=max(0, state.attempts - 1), blocked_until=until)
        )
    if any(count.kind == "address" for count in attempt.before):
        _remember(connection, attempt.account.removeprefix("user:"), attempt.address, now)


def dropped(connection: Connection, attempt: Attempt) -> None:
    """Take an attempt back that was never made, since the server was too busy."""
    for count, before in attempt.before.items():
        state = _read(connection, count)
        connection.execute(
            update(sign_in_count)
            .where(*_is(count))
            .values(attempts=max(0, state.attempts - 1), blocked_until=before)
        )


def blocked(connection: Connection, now: int) -> Sequence[tuple[Count, int, int]]:
    """The counts that are blocked, with their attempts and until when."""
    wanted = select(sign_in_count).where(sign_in_count.c.blocked_until > now)
    found = []
    for row in connection.execute(wanted.order_by(sign_in_count.c.blocked_until.desc())):
        state = _State(row.attempts, row.counted_at, row.blocked_until)
        if _until(state, now) > now:
            found.append(
                (Count(row.kind, row.account, row.address), state.attempts, _until(state, now))
            )
    return found


def lift(connection: Connection, *, account: str | None = None, address: str | None = None) -> int:
    """Forget the counts of an account or of an address; how many there were."""
    column = sign_in_count.c.account if address is None else sign_in_count.c.address
    value = account if address is None else address
    return connection.execute(delete(sign_in_count).where(column == value)).rowcount


def _until(state: _State, now: int) -> int:
    """Until when it is blocked, whatever the clock has done since.

    A clock that was put back must not keep people out until it has caught up.
    """
    if state.counted_at > now + SKEW:
        return 0
    return min(state.blocked_until, now + LONGEST_BLOCK)


def _add(connection: Connection, count: Count, state: _State, now: int) -> int:
    """One attempt more; until when that blocks it."""
    limit = LIMITS[count.kind]
    leaked, rest = divmod(max(0, now - state.counted_at), limit.leak)
    left = max(0, state.attempts - leaked)
    attempts = min(left + 1, limit.attempts + 8)  # bounds the recovery
    until = 0
    if attempts >= limit.attempts:
        until = now + min(FIRST_BLOCK << (attempts - limit.attempts), LONGEST_BLOCK)
    values = {
        "attempts": attempts,
        "counted_at": now - rest if left else now,
        "blocked_until": until,
    }
    if connection.execute(update(sign_in_count).where(*_is(count)).values(values)).rowcount == 0:
        connection.execute(insert(sign_in_count).values(**count._asdict(), **values))
    return until


def _read(connection: Connection, count: Count) -> _State:
    columns = (sign_in_count.c.attempts, sign_in_count.c.counted_at, sign_in_count.c.blocked_until)
    row = connection.execute(select(*columns).where(*_is(count))).one_or_none()
    return _State(0, 0, 0) if row is None else _State(*row)


def _is(count: Count) -> tuple[ColumnElement[bool], ...]:
    table = sign_in_count.c
    return (
        table.kind == count.kind,
        table.account == count.account,
        table.address == count.address,
    )


def _is_familiar(connection: Connection, account: str, address: str, now: int) -> bool:
    found = select(sign_in_address.c.last_used_at).where(
        sign_in_address.c.user_id == account.removeprefix("user:"),
        sign_in_address.c.address == address,
        sign_in_address.c.last_used_at > now - FAMILIAR_FOR,
    )
    return connection.execute(found).first() is not None


def _remember(connection: Connection, user_id: str, address: str, now: int) -> None:
    if address == UNKNOWN:
        return
    table = sign_in_address.c
    known = update(sign_in_address).where(table.user_id == user_id, table.address == address)
    if connection.execute(known.values(last_used_at=now)).rowcount == 0:
        row = {"user_id": user_id, "address": address, "last_used_at": now}
        connection.execute(insert(sign_in_address).values(row))


def _forget(connection: Connection, now: int) -> None:
    connection.execute(delete(sign_in_count).where(sign_in_count.c.counted_at < now - KEPT_FOR))
    connection.execute(
        delete(sign_in_address).where(sign_in_address.c.last_used_at < now - FAMILIAR_FOR)
    )
