"""One request for every outcome of every route of accounts; see :mod:`tests.web.completeness`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.web.completeness import RECORD, State
from tests.web.examples import EMBEDDED, EVIL, STRANGE
from tests.web.household import PASSWORD

NEW = {"password": PASSWORD, "again": PASSWORD}
CHANGE = {"current": PASSWORD, **NEW}
TOKEN = {"token_name": "backup", "scope": "files:read", "days": "30"}
REFUSED = ("account_change_failed",)


@dataclass(frozen=True)
class Act:
    """A request of somebody, and what must come of it.

    :param target: ``{guest}``, ``{link}``, ``{token}`` and the like are made for this act alone
    :param who: the name of an account, or nobody
    :param events: outcome events, beside ``request`` and ``response``
    :param reason: of the outcome event
    """

    method: str
    target: str
    status: int
    events: tuple[str, ...] = ()
    who: str = "Ada"
    form: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    state: State = State.SOUND
    rule: str = ""

    @property
    def route(self) -> tuple[str, str]:
        """Method and rule, all variables alike."""
        path = (self.rule or self.target).partition("?")[0]
        parts = ["<>" if "{" in part or part == RECORD else part for part in path.split("/")]
        return self.method, "/".join(parts)

    @property
    def outcome(self) -> str:
        """What of its route it shows."""
        return f"{self.status} {self.reason}" if self.reason else str(self.status)


def entering() -> Iterator[Act]:
    """Signing in and out, and the one-time links."""
    mia = {"name": "Mia", "password": PASSWORD}
    yield Act("GET", "/sign-in", 200, who="")
    yield Act("GET", "/sign-in", 303)
    yield Act("POST", "/sign-in", 303, ("login_succeeded",), "", mia)
    for name, reason in (
        ("Mia", "password_wrong"),
        ("nobody", "name_unknown"),
        ("Disabled", "user_disabled"),
        ("Invited", "password_not_set"),
    ):
        wrong = {"name": name, "password": "wrong"}
        yield Act("POST", "/sign-in", 401, ("login_failed",), "", wrong, reason)
    blocked = {"name": "Blocked", "password": "wrong"}
    yield Act("POST", "/sign-in", 429, ("login_blocked",), "", blocked, "sign_in_blocked")
    yield Act("POST", "/sign-in", 503, ("login_unrecorded",), "", mia, state=State.MUTE)
    yield Act("POST", "/sign-out", 303, ("logged_out",), "Mia")
    yield Act("POST", "/sign-out", 303, (), "")
    for path, link in (("/setup", "{setup}"), ("/password", "{link}")):
        target = f"{path}?link={link}"
        fields = {"name": "Eve", **NEW} if path == "/setup" else NEW
        yield Act("GET", path, 403, ("access_denied",), "", reason="link_not_valid")
        yield Act("POST", path, 403, REFUSED, "", fields, "link_not_valid")
        if path == "/password":  # the set-up link is gone; tests of the page use it
            yield Act("GET", target, 200, who="")
            entered = ("password_changed", "login_succeeded")
            yield Act("POST", target, 303, entered, "", fields)
            yield from bad_passwords(target, "", {})


def bad_passwords(target: str, who: str, form: Mapping[str, str]) -> Iterator[Act]:
    """What nobody may choose."""
    for password, reason in (
        ("short", "password_too_short"),
        ("x" * 5_000, "password_too_long"),
        ("aaaaaaaaaaaaaaaa", "password_common"),
    ):
        chosen = {**form, "password": password, "again": password}
        yield Act("POST", target, 400, REFUSED, who, chosen, reason)
    differing = {**form, "password": PASSWORD, "again": "other"}
    yield Act("POST", target, 400, REFUSED, who, differing, "again_differs")


def own() -> Iterator[Act]:
    """One's own account."""
    yield Act("GET", "/account", 200)
    change = "/account/password"
    yield Act("POST", change, 303, ("password_changed",), "Mia", CHANGE)
    wrong = {**CHANGE, "current": "wrong"}
    yield Act("POST", change, 401, REFUSED, "Mia", wrong, "credentials_wrong")
    yield Act("POST", change, 429, REFUSED, "Hasty", wrong, "sign_in_blocked")
    yield from bad_passwords(change, "Mia", {"current": PASSWORD})
    named = {"current": PASSWORD, "password": "Wilhelmina Long", "again": "Wilhelmina Long"}
    yield Act("POST", change, 400, REFUSED, "Wilhelmina Long", named, "password_is_name")
    yield Act("POST", "/account/sessions/{session}/end", 303, ("session_revoked",))
    yield Act("POST", f"/account/sessions/{RECORD}/end", 404, REFUSED, reason="session_not_found")
    yield Act("POST", "/account/sessions/end-others", 303, ("session_revoked",), "Twice")
    tokens = "/account/tokens"
    yield Act("POST", tokens, 201, ("token_created",), form=TOKEN)
    for given, status, reason in (
        ({"token_name": ""}, 400, "name_empty"),
        ({"token_name": "x" * 300}, 400, "name_too_long"),
        ({"token_name": "a\u202eb"}, 400, "name_not_allowed"),
        ({"scope": "x"}, 400, "scope_not_valid"),
        ({"scope": ""}, 400, "scope_not_valid"),
        ({"days": "x"}, 400, "days_not_valid"),
    ):
        yield Act("POST", tokens, status, REFUSED, form=TOKEN | given, reason=reason)
    without = {"token_name": "backup", "days": "30"}
    yield Act("POST", tokens, 400, REFUSED, form=without, reason="scope_missing")
    beyond = TOKEN | {"scope": "logs:read"}
    yield Act("POST", tokens, 400, REFUSED, "Mia", beyond, "scope_not_allowed")
    yield Act("POST", tokens, 409, REFUSED, "Hoarder", TOKEN, "token_limit")
    yield Act("POST", "/account/tokens/{own_token}/revoke", 303, ("token_revoked",))
    yield Act("POST", f"/account/tokens/{RECORD}/revoke", 404, REFUSED, reason="token_not_found")


def administration() -> Iterator[Act]:
    """Other people's accounts."""
    yield Act("GET", "/admin/", 200)
    guest = {"name": "Somebody new", "role": "member"}
    made = ("user_created", "password_link_created")
    yield Act("POST", "/admin/users", 201, made, form=guest)
    for given, status, reason in (
        ({"name": ""}, 400, "name_empty"),
        ({"name": "x" * 300}, 400, "name_too_long"),
        ({"name": "a\u202eb"}, 400, "name_not_allowed"),
        ({"name": "MIA"}, 409, "name_taken"),
        ({"role": "x"}, 400, "role_not_valid"),
    ):
        yield Act("POST", "/admin/users", status, REFUSED, form=guest | given, reason=reason)
    one = "/admin/users/{guest}"
    yield Act("GET", one, 200)
    yield Act("GET", f"/admin/users/{RECORD}", 404)
    renamed = {"name": "Another name", "role": "auditor"}
    yield Act("POST", one, 303, ("user_changed",), form=renamed)
    for target, given, status, reason in (
        (one, {"name": ""}, 400, "name_empty"),
        (one, {"name": "x" * 300}, 400, "name_too_long"),
        (one, {"name": "a\u202eb"}, 400, "name_not_allowed"),
        (one, {"name": "MIA"}, 409, "name_taken"),
        (one, {"role": "x"}, 400, "role_not_valid"),
        ("/admin/users/{ada}", {"name": "Ada", "role": "member"}, 409, "last_admin"),
        (f"/admin/users/{RECORD}", {}, 404, "user_not_found"),
    ):
        yield Act("POST", target, status, REFUSED, form=renamed | given, reason=reason)
    nobody = f"/admin/users/{RECORD}"
    yield Act("POST", f"{one}/disable", 303, ("user_disabled",))
    yield Act("POST", "/admin/users/{ada}/disable", 409, REFUSED, reason="last_admin")
    yield Act("POST", f"{nobody}/disable", 404, REFUSED, reason="user_not_found")
    yield Act("POST", "/admin/users/{disabled}/enable", 303, ("user_enabled",))
    yield Act("POST", f"{nobody}/enable", 404, REFUSED, reason="user_not_found")
    yield Act("POST", f"{one}/reset", 201, ("password_link_created",))
    yield Act("POST", "/admin/users/{disabled}/reset", 409, REFUSED, reason="user_disabled")
    yield Act("POST", f"{nobody}/reset", 404, REFUSED, reason="user_not_found")
    yield Act("POST", "/admin/users/{mia}/sessions/end", 303, ("session_revoked",))
    yield Act("POST", f"{nobody}/sessions/end", 404, REFUSED, reason="user_not_found")
    revoke = "/admin/users/{ada}/tokens/{own_token}/revoke"
    yield Act("POST", revoke, 303, ("token_revoked",))
    missing = f"/admin/users/{{ada}}/tokens/{RECORD}/revoke"
    yield Act("POST", missing, 404, REFUSED, reason="token_not_found")
    yield Act("POST", "/admin/unblock", 303, ("sign_in_unblocked",), form={"subject": "nobody"})


def _own() -> list[Act]:
    return [*entering(), *own(), *administration()]


OPEN = ("/sign-in", "/sign-out", "/setup", "/password")


def at_the_door() -> Iterator[Act]:
    """What every route refuses; and what the gate does, except where anybody may come."""
    denied = ("access_denied",)
    seen = set()
    for act in _own():
        if act.route in seen:
            continue
        seen.add(act.route)
        method, target = act.method, act.target.partition("?")[0]
        for headers, status, reason in (
            (STRANGE, 421, "host_not_allowed"),
            (EMBEDDED if method == "GET" else EVIL, 403, "origin_not_allowed"),
        ):
            yield Act(method, target, status, denied, "", {}, reason, headers)
        if method == "POST":
            bare = {"csrf_token": "wrong"}
            yield Act(method, target, 403, denied, "Ada", bare, "csrf_token_missing")
        if target in OPEN:
            continue
        status = 303 if method == "GET" else 401
        yield Act(method, target, status, denied, "", {}, "not_signed_in")
        if target.startswith("/admin"):
            yield Act(method, target, 403, denied, "Mia", {}, "permission_missing")
        cookie = {"Cookie": "{cookie}=gone"}
        yield Act(method, target, status, denied, "", {}, "session_not_valid", cookie)
        token = {"Authorization": "Bearer srt_gone"}
        yield Act(method, target, 401, denied, "", {}, "token_not_valid", token)


ACTS = [*_own(), *at_the_door()]

_DOOR = {"421 host_not_allowed", "403 origin_not_allowed"}
_NAMED = {"400 name_empty", "400 name_too_long", "400 name_not_allowed"}
_CHOSEN = {"400 password_too_short", "400 password_too_long", "400 password_common",
           "400 again_differs"}  # fmt: skip
_WRONG = {f"401 {reason}" for reason in
          ("password_wrong", "name_unknown", "user_disabled", "password_not_set")}  # fmt: skip

OUTCOMES: dict[tuple[str, str], set[str]] = {
    ("GET", "/sign-in"): {"200", "303"},
    ("POST", "/sign-in"): {"303", "429 sign_in_blocked", "503", *_WRONG},
    ("POST", "/sign-out"): {"303"},
    ("GET", "/setup"): {"403 link_not_valid"},
    ("POST", "/setup"): {"403 link_not_valid"},
    ("GET", "/password"): {"200", "403 link_not_valid"},
    ("POST", "/password"): {"303", "403 link_not_valid", *_CHOSEN},
    ("GET", "/account"): {"200"},
    ("POST", "/account/password"): {
        "303", "401 credentials_wrong", "429 sign_in_blocked", "400 password_is_name", *_CHOSEN,
    },
    ("POST", "/account/sessions/<>/end"): {"303", "404 session_not_found"},
    ("POST", "/account/sessions/end-others"): {"303"},
    ("POST", "/account/tokens"): {
        "201", "400 scope_missing", "400 scope_not_valid", "400 scope_not_allowed",
        "400 days_not_valid", "409 token_limit", *_NAMED,
    },
    ("POST", "/account/tokens/<>/revoke"): {"303", "404 token_not_found"},
    ("GET", "/admin/"): {"200"},
    ("POST", "/admin/users"): {"201", "409 name_taken", "400 role_not_valid", *_NAMED},
    ("GET", "/admin/users/<>"): {"200", "404"},
    ("POST", "/admin/users/<>"): {
        "303", "409 name_taken", "409 last_admin", "404 user_not_found", "400 role_not_valid",
        *_NAMED,
    },
    ("POST", "/admin/users/<>/disable"): {"303", "409 last_admin", "404 user_not_found"},
    ("POST", "/admin/users/<>/enable"): {"303", "404 user_not_found"},
    ("POST", "/admin/users/<>/reset"): {"201", "409 user_disabled", "404 user_not_found"},
    ("POST", "/admin/users/<>/sessions/end"): {"303", "404 user_not_found"},
    ("POST", "/admin/users/<>/tokens/<>/revoke"): {"303", "404 token_not_found"},
    ("POST", "/admin/unblock"): {"303"},
}  # fmt: skip
"""What each route of accounts can come to, beside what the door and the gate refuse."""


def wanted(route: tuple[str, str]) -> set[str] | None:
    """All outcomes of a route; None where nothing is said of it."""
    own_outcomes = OUTCOMES.get(route)
    if own_outcomes is None:
        return None
    method, rule = route
    more = set(_DOOR)
    if method == "POST":
        more.add("403 csrf_token_missing")
    if rule not in OPEN:
        status = 303 if method == "GET" else 401
        more |= {f"{status} not_signed_in", f"{status} session_not_valid", "401 token_not_valid"}
    if rule.startswith("/admin"):
        more.add("403 permission_missing")
    return own_outcomes | more
