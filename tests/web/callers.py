"""Everybody who may stand at the door, and what each of them must be told there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from flask import Flask

from strongroom.permissions import PERMISSIONS, Access, Need, Permission, Role
from tests.serving import Installation
from tests.web.people import House, act, token

RECORD = "01a20000-0000-7000-8000-000000000000"
"""No record, person, session or token has this id."""

READING = ("GET", "HEAD")


_OPEN = re.compile(r"/(sign-in|sign-out|setup|password|healthz|readyz|(.+/)?static/.*)")
_FILES = re.compile(
    r"/((files|folders|upload|delete|trash|zip|api/v1/(files|folders|trash|move))(/.*)?)?"
)
_TUS = re.compile(r"/tus/.*")
_LOGS = re.compile(
    r"/(logs|ledger|api/v1/(records|histogram|facets|export))(/.*)?|/files/[^/]+/history(/.*)?"
)


@dataclass(frozen=True)
class Route:
    """One method of one address, with something in the place of its variables."""

    method: str
    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def need(self) -> Need:
        """What it must need, written down apart from what the routes themselves declare."""
        if _OPEN.fullmatch(self.path):
            return Access.ANYBODY
        if _TUS.fullmatch(self.path) or self.path == "/folders/new":
            return Permission.FILES_WRITE  # what is asked there is how to write
        if _LOGS.fullmatch(self.path):
            return Permission.LOGS_READ
        if _FILES.fullmatch(self.path):
            # What is chosen for a zip stands in a form, since there may be much of it.
            reads = self.method in READING or self.path == "/zip"
            return Permission.FILES_READ if reads else Permission.FILES_WRITE
        if self.path == "/metrics":
            return Permission.METRICS_READ
        if self.path.startswith("/admin/"):
            return Permission.ACCOUNTS_MANAGE
        assert re.fullmatch("/account(/.*)?", self.path), f"nobody knows what {self} must need"
        return Access.SIGNED_IN


def routes_of(app: Flask) -> list[Route]:
    """All there are; OPTIONS aside, which several routes of one address share."""
    return [
        Route(method, re.sub(r"<[^>]+>", RECORD, rule.rule), rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"OPTIONS"})
    ]


@dataclass(frozen=True)
class Caller:
    """Somebody at the door.

    :param reason: why nobody with these headers is known; None where somebody is
    :param permissions: of the one who is known
    """

    headers: Mapping[str, str]
    reason: str | None = None
    permissions: frozenset[Permission] = frozenset()
    is_token: bool = False

    def refusal(self, route: Route) -> tuple[int, str, str | None] | None:
        """Status, reason and missing permission with which a script's request is refused here.

        Sessions show no CSRF token in these tests: what they change, they change nowhere.
        """
        if route.path in ("/setup", "/password") and route.method in READING:
            return 403, "link_not_valid", None  # by themselves: there is no such link
        need = route.need
        word = "session" if isinstance(need, Access) else need.value
        if self.reason is not None:
            return None if need is Access.ANYBODY else (401, self.reason, word)
        enough = not self.is_token if need is Access.SIGNED_IN else need in self.permissions
        if need is not Access.ANYBODY and not enough:
            return 403, "permission_missing", word
        if self.is_token and need is Permission.ACCOUNTS_MANAGE and route.method not in READING:
            return 403, "token_not_enough", "session"
        if not self.is_token and route.method not in READING:
            return 403, "csrf_token_missing", None
        return None


@dataclass(frozen=True)
class Callers:
    """Makes them, by what they are."""

    house: House

    def session(self, name: str) -> dict[str, str]:
        """The cookie of a new session of somebody."""
        with self.house.enter(name) as client:
            return {"Cookie": f"{self.house.cookie}={client.cookies[self.house.cookie]}"}

    def bearer(self, name: str, *scopes: Permission) -> dict[str, str]:
        """A new token of somebody."""
        with self.house.enter(name) as client:
            return {"Authorization": f"Bearer {token(client, *scopes)}"}


PEOPLE = ["member", "auditor", "admin"]
TOKENS = [f"token {scope}" for scope in Permission] + ["token of all", "token beyond its owner"]
STRANGERS = {
    "nobody": "not_signed_in",
    "another scheme": "not_signed_in",
    "no session": "session_not_valid",
    "session ended": "session_not_valid",
    "session expired": "session_not_valid",
    "session idle": "session_not_valid",
    "session of a disabled account": "session_not_valid",
    "no token": "token_not_valid",
    "empty token": "token_not_valid",
    "session as token": "token_not_valid",
    "token revoked": "token_not_valid",
    "token expired": "token_not_valid",
    "token of a disabled account": "token_not_valid",
    "wrong token beside a good session": "token_not_valid",
}


def everybody(house: House) -> dict[str, Caller]:
    """Everybody, known and unknown."""
    made = Callers(house)
    everything = frozenset(Permission)
    known = {
        "member": Caller(made.session("Mia"), None, PERMISSIONS[Role.MEMBER]),
        "auditor": Caller(made.session("Otto"), None, PERMISSIONS[Role.AUDITOR]),
        "admin": Caller(made.session("Ada"), None, everything),
        "token of all": Caller(made.bearer("Ada", *Permission), None, everything, is_token=True),
        "token beyond its owner": Caller(demoted(made), None, frozenset(), is_token=True),
    }
    for scope in Permission:
        bearer = made.bearer("Ada", scope)
        known[f"token {scope}"] = Caller(bearer, None, frozenset({scope}), is_token=True)
    unknown = {
        "nobody": {},
        "another scheme": {"Authorization": "Basic QWRhOnNldmVuIHF1aWV0IG90dGVycw=="},
        "no session": {"Cookie": f"{house.cookie}=guessed"},
        "no token": {"Authorization": "Bearer srt_guessed"},
        "empty token": {"Authorization": "Bearer"},
        **_over(made),
    }
    good = made.session("Ada")
    secret = good["Cookie"].partition("=")[2]
    unknown["session as token"] = {"Authorization": f"Bearer {secret}"}
    unknown["wrong token beside a good session"] = good | unknown["no token"]
    return known | {name: Caller(unknown[name], reason) for name, reason in STRANGERS.items()}


def demoted(made: Callers) -> dict[str, str]:
    """A token for files, of somebody who is an auditor now."""
    user_id = made.house.add("Demoted", Role.MEMBER)
    bearer = made.bearer("Demoted", Permission.FILES_READ, Permission.FILES_WRITE)
    form = {"name": "Demoted", "role": Role.AUDITOR}
    assert act(made.house.ada, f"/admin/users/{user_id}", **form).status_code == 303
    return bearer


def _over(made: Callers) -> dict[str, dict[str, str]]:
    """Credentials that were good once."""
    house = made.house
    gone = house.add("Gone")
    found = {name: made.session("Mia") for name in ("session expired", "session idle")}
    found |= {name: made.bearer("Mia", Permission.FILES_READ) for name in ("token expired",)}
    with database(house.server) as connection:
        latest = "SELECT {0}_id FROM account_{0} ORDER BY created_at DESC LIMIT {1}, 1"
        change = "UPDATE account_{0} SET {2} = 1 WHERE {0}_id = (" + latest + ")"
        # The token was made in a session, which is the last; the other two are before it.
        connection.execute(change.format("session", 2, "expires_at"))
        connection.execute(change.format("session", 1, "last_used_at"))
        connection.execute(change.format("token", 0, "expires_at"))
    with house.enter("Mia") as client:
        cookie = client.cookies[house.cookie]
        found["session ended"] = {"Cookie": f"{house.cookie}={cookie}"}
        secret = token(client, Permission.FILES_READ, Permission.FILES_WRITE)
        found["token revoked"] = {"Authorization": f"Bearer {secret}"}
        newest = "/account/tokens/{}/revoke".format(
            re.findall(r"/account/tokens/([\w-]+)/revoke", client.get("/account").text)[0]
        )
        assert act(client, newest).status_code == 303
        assert act(client, "/sign-out").status_code == 303
    found["session of a disabled account"] = made.session("Gone")
    found["token of a disabled account"] = made.bearer("Gone", Permission.FILES_READ)
    assert act(house.ada, f"/admin/users/{gone}/disable").status_code == 303
    return found


@contextmanager
def database(server: Installation) -> Iterator[sqlite3.Connection]:
    """The database of a running server, from beside it."""
    path = server.data / "strongroom.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 30000")
        yield connection
