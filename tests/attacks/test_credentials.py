"""Tokens and sessions: where they are taken from, how far they reach, and when they are over."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from strongroom.permissions import Permission, Role
from tests.attacks.attack import attack
from tests.attacks.callers import bearer, cookie_in, enter, household, is_in, post
from tests.attacks.raw import ask
from tests.web.household import HERE, PASSWORD, Household
from tests.web.wire import FORM, HTML, HTMX, JSON, Part, api, form, send

FILES = "/api/v1/files"
NEXT = "nine violet storks walk"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    for house in household(tmp_path_factory, "credentials"):
        _, writer = house.token("Ada", *Permission)
        house.server.reader = bearer(writer)
        yield house


def listed(house: Household) -> set[str]:
    """The names of all files."""
    page = send(house.server, "GET", FILES, headers=house.server.reader).json()
    return {item["filename"] for item in page["files"]}


@attack("CWE-598 use of GET request method with sensitive query strings")
def test_a_token_counts_in_one_header_alone(house: Household) -> None:
    _, token = house.token("Mia", Permission.FILES_READ)
    secret = house.enter("Mia").secret
    basic = [f"{user}:{word}".encode() for user, word in (("Mia", token), (token, ""), ("", token))]
    elsewhere = [
        *({"Authorization": f"Basic {base64.b64encode(pair).decode()}"} for pair in basic),
        {"Authorization": f"Token {token}"},
        {"Authorization": token},
        {"Authorization": f"Bearer{token}"},
        {"Authorization": f"Bearer {secret}"},
        {"Proxy-Authorization": f"Bearer {token}"},
        {"X-API-Key": token},
        {"X-Auth-Token": token},
        {"X-Access-Token": token},
        {"Cookie": f"{house.cookie}={token}"},
        {"Cookie": f"__Host-strongroom={secret}"},
        {"Cookie": f"session={secret}; strongroom={secret}; access_token={token}"},
        {"PW": PASSWORD},
    ]
    for headers in elsewhere:
        assert send(house.server, "GET", FILES, headers=headers).status == 401, headers
    for field in ("access_token", "token", "auth", "api_key", "key", "pw", house.cookie):
        for value in (token, secret):
            assert send(house.server, "GET", f"{FILES}?{field}={value}").status == 401, field
    assert send(house.server, "GET", FILES, headers=bearer(token)).status == 200


@attack(
    "CWE-863 incorrect authorization",
    "GHSA-683j-3ff6-hh2x Gitea",
    "GHSA-cc8w-r4qh-3v65 Gitea",
)
def test_of_two_credentials_neither_adds_to_the_other(house: Household) -> None:
    _, token = house.token("Mia", Permission.FILES_READ)
    ada = house.headers(house.enter("Ada"))
    assert send(house.server, "GET", "/logs", headers={**ada, **bearer(token)}).status == 403
    assert send(house.server, "GET", "/account", headers={**ada, **bearer(token)}).status == 403
    assert send(house.server, "PUT", api("x"), b"x", {**ada, **bearer(token)}).status == 403
    for wrong in ("srt_wrong", "", "x", token + "x"):
        answer = send(
            house.server, "GET", "/logs", headers={**ada, "Authorization": f"Bearer {wrong}"}
        )
        assert answer.status in (303, 401), wrong
    _, other = house.token("Otto", Permission.LOGS_READ)
    head = [b"Authorization: Bearer %s" % secret.encode() for secret in (token, other)]
    for pair in (head, head[::-1]):
        assert ask(house.server, "GET", b"/api/v1/files", *pair).status in (400, 401)
        assert ask(house.server, "GET", b"/api/v1/records", *pair).status in (400, 401)
    first = b"Authorization: Basic QWRhOng="
    assert ask(house.server, "GET", b"/api/v1/records", first, head[1]).status in (400, 401)


WRITES = (
    ("PUT", "/api/v1/files/new"),
    ("POST", "/upload"),
    ("DELETE", "/api/v1/files/kept"),
    ("POST", "/delete/kept"),
    ("DELETE", "/delete/kept"),
    ("POST", "/account/tokens"),
    ("POST", "/account/password"),
    ("POST", "/account/sessions/end-others"),
    ("POST", "/admin/users"),
    ("POST", "/admin/unblock"),
)


@attack(
    "CWE-863 incorrect authorization",
    "GHSA-683j-3ff6-hh2x Gitea",
    "GHSA-cc8w-r4qh-3v65 Gitea",
)
@pytest.mark.parametrize("scope", [Permission.FILES_READ, Permission.LOGS_READ])
def test_a_token_that_reads_writes_nothing(house: Household, scope: Permission) -> None:
    """Though an administrator made it; whichever page or programs' interface is asked."""
    if "kept" not in listed(house):
        assert send(house.server, "PUT", api("kept"), b"x", house.server.reader).status == 201
    _, token = house.token("Ada", scope)
    fields = {
        "name": "Eve",
        "role": "admin",
        "token_name": "t",
        "scope": "files:write",
        "days": "7",
    }
    for method, target in WRITES:
        for style in (HTML, JSON, HTMX):
            sent = {**style, **bearer(token)}
            if target == "/upload":
                answer = send(
                    house.server, method, target, form(Part(b"x", "new")), {**FORM, **sent}
                )
            elif method == "POST":
                answer = post(house.server, target, fields, sent)
            else:
                answer = send(house.server, method, target, b"x", sent)
            assert answer.status == 403, (method, target)
    assert "kept" in listed(house)
    assert "new" not in listed(house)
    assert "Eve" not in {row.user.name for row in house.accounts.permissions_overview()}


@attack("CWE-863 incorrect authorization", "GHSA-cp3q-vrj2-ghhh Gitea")
def test_a_token_reads_what_it_is_for(house: Household) -> None:
    pages = {
        Permission.FILES_READ: ("/", "/files", FILES, f"{FILES}/kept"),
        Permission.LOGS_READ: ("/logs", "/api/v1/records", "/ledger/checkpoint"),
        Permission.ACCOUNTS_MANAGE: ("/admin/", f"/admin/users/{house.ids['Mia']}"),
    }
    for scope in (Permission.FILES_READ, Permission.LOGS_READ, Permission.FILES_WRITE):
        _, token = house.token("Ada", scope)
        for need, targets in pages.items():
            for target in targets:
                for method in ("GET", "HEAD"):
                    answer = send(house.server, method, target, headers={**HTML, **bearer(token)})
                    assert (answer.status == 403) == (need is not scope), (scope, method, target)


@attack("CWE-613 insufficient session expiration", "CVE-2026-35604 File Browser")
def test_a_token_that_is_over_is_nobodys(house: Household) -> None:
    token_id, revoked = house.token("Mia", Permission.FILES_READ)
    assert send(house.server, "GET", FILES, headers=bearer(revoked)).status == 200
    house.accounts.revoke_token(house.ids["Mia"], token_id)
    expired_id, expired = house.token("Mia", Permission.FILES_READ)
    with closing(sqlite3.connect(next(house.server.data.glob("*.db")))) as database:
        database.execute(
            "UPDATE account_token SET expires_at = created_at + 1 WHERE token_id = ?", [expired_id]
        )
        database.commit()
    guest = house.add("Leaver")
    _, left = house.token("Leaver", Permission.FILES_READ)
    house.accounts.disable(guest)
    house.accounts.enable(guest)
    house.add("Demoted", Role.ADMIN)
    _, demoted = house.token("Demoted", Permission.LOGS_READ, Permission.FILES_READ)
    house.accounts.change(house.ids["Demoted"], role=Role.MEMBER)
    for token in (revoked, expired, left):
        for method, target in (("GET", FILES), ("PUT", api("late")), ("DELETE", api("kept"))):
            answer = send(house.server, method, target, b"", bearer(token))
            assert answer.status == 401, target
            assert 'error="invalid_token"' in answer.header("WWW-Authenticate")
    assert send(house.server, "GET", "/api/v1/records", headers=bearer(demoted)).status in (
        401,
        403,
    )


@attack("CWE-384 session fixation")
def test_a_session_cannot_be_prepared(house: Household) -> None:
    """Neither one that nobody has made nor the attacker's own survives somebody's sign-in."""
    house.add("Mallory")
    own = house.enter("Mallory")
    for planted in ("a" * 43, own.secret):
        cookie = {"Cookie": f"{house.cookie}={planted}"}
        answer = enter(
            house.server,
            "Mia",
            PASSWORD,
            cookie
            | ({} if planted != own.secret else {"X-CSRF-Token": str(own.identity.csrf_token)}),
        )
        assert answer.status == 303
        assert cookie_in(answer) != cookie
        assert not is_in(house.server, cookie)
        assert is_in(house.server, cookie_in(answer))


@attack("CWE-613 insufficient session expiration")
def test_a_session_that_is_over_is_nobodys(house: Household) -> None:
    def opened() -> tuple[dict[str, str], dict[str, str]]:
        first = cookie_in(enter(house.server, "Visitor", PASSWORD))
        second = house.headers(house.enter("Visitor"))
        assert is_in(house.server, first)
        assert is_in(house.server, second)
        return first, second

    visitor = house.add("Visitor")
    first, second = opened()
    assert post(house.server, "/sign-out", headers=second).status == 303
    assert not is_in(house.server, second)
    assert is_in(house.server, first)
    first, second = opened()
    change = {"current": PASSWORD, "password": NEXT, "again": NEXT}
    assert post(house.server, "/account/password", change, second).status == 303
    assert not is_in(house.server, first)
    house.accounts.choose_password(house.accounts.reset(visitor), PASSWORD, where=HERE)
    assert not is_in(house.server, second)
    for end in (
        lambda: house.accounts.disable(visitor),
        lambda: house.accounts.change(visitor, role=Role.AUDITOR),
        lambda: house.accounts.end_sessions(visitor, but=None),
    ):
        house.accounts.enable(visitor)
        first, second = opened()
        end()
        assert not is_in(house.server, first)
        assert not is_in(house.server, second)


@attack("CWE-565 reliance on cookies without validation")
def test_a_tossed_cookie_makes_nobody_of_somebody(house: Household) -> None:
    """A neighbour may add a cookie of the same name; the word of its session is not that of mine."""
    mia, mallory = house.enter("Mia"), house.enter("Otto")
    for one, other in ((mia, mallory), (mallory, mia)):
        tossed = {"Cookie": f"{house.cookie}={one.secret}; {house.cookie}={other.secret}"}
        page = send(house.server, "GET", "/account", headers={**HTML, **tossed})
        assert page.status in (200, 303)
        answer = post(
            house.server,
            "/account/sessions/end-others",
            headers={**tossed, "X-CSRF-Token": str(other.identity.csrf_token)},
        )
        assert answer.status in (303, 401, 403)
        if answer.status == 303:
            assert not answer.header("Location").startswith("/account")
    assert is_in(house.server, {"Cookie": f"{house.cookie}={mia.secret}"})


@attack("CWE-614 sensitive cookie without attributes")
def test_the_cookie_is_out_of_reach_of_scripts(house: Household) -> None:
    header = enter(house.server, "Mia", PASSWORD).header("Set-Cookie").lower()
    attributes = {part.strip() for part in header.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


@attack("CWE-248 uncaught exception")
def test_bytes_in_a_neighbours_cookie_keep_nobody_out(house: Household) -> None:
    """Whoever can toss a cookie could else shut somebody out of every page."""
    secret = house.enter("Mia").secret.encode()
    for neighbour in (b"x=\x80", b"x=\xff\xfe", b"\xe9=1"):
        for cookie in (b"%s; %s=%s" % (neighbour, house.cookie.encode(), secret), neighbour):
            answer = ask(
                house.server, "GET", b"/account", b"Accept: text/html", b"Cookie: " + cookie
            )
            assert answer.status == (200 if secret in cookie else 303), cookie
