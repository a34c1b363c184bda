"""The routes of accounts are walked: whatever an act comes to, it leaves its records."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlencode

import pytest

from strongroom.accounts.service import SignedIn
from strongroom.bootstrap import create_app
from strongroom.permissions import Permission
from strongroom.settings import load
from tests.fault.test_journal import refusing
from tests.serving import Installation
from tests.web.account_examples import ACTS, NEW, OUTCOMES, Act, wanted
from tests.web.completeness import SOURCE, State
from tests.web.expect import records_of
from tests.web.household import HERE, PASSWORD, Household, until_blocked
from tests.web.wire import HTML, Answer, send

UNHEARD = {
    "permission_revoked",  # takes a race: tests/attacks/test_others.py
    "sign_in_busy",  # takes a crowd: tests/unit/test_accounts_sign_in.py
    "session_missing",  # the gate asks first
    "password_not_allowed",  # half a character cannot be sent in UTF-8
}
"""Reasons that no request here can have."""


def routes_of_accounts(folder: Path) -> set[tuple[str, str]]:
    """All there are with accounts, and not without."""
    found = []
    for no_auth in (False, True):
        app = create_app(load(data=folder, log_output="none", no_auth=no_auth))
        rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.endswith("static")]
        found.append(
            {
                (method, re.sub("<[^>]*>", "<>", str(rule)))
                for rule in rules
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            }
        )
        app.extensions["strongroom.audit"].close()
    return found[0] - found[1]


def test_nothing_is_left_out(tmp_path: Path) -> None:
    known = routes_of_accounts(tmp_path)
    assert known == set(OUTCOMES)
    shown: dict[tuple[str, str], set[str]] = {}
    for act in ACTS:
        shown.setdefault(act.route, set()).add(act.outcome)
    for route in known:
        assert (wanted(route) or set()) - shown.get(route, set()) == set(), route


def test_every_reason_is_shown() -> None:
    found = set()
    for file in (SOURCE / "accounts").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                named = node.func.id in ("Refused", "ServerFault", "refused") and node.args
                if named and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
    assert found - {act.reason for act in ACTS} - UNHEARD == set()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """Everybody whom the acts are about."""
    house = Household(tmp_path_factory.mktemp("acts") / "data")
    for name in ("Disabled", "Blocked", "Hasty", "Hoarder", "Twice", "Wilhelmina Long"):
        house.add(name)
    house.add("Invited", password=False)
    house.accounts.disable(house.ids["Disabled"])
    until_blocked(lambda: house.accounts.sign_in("Blocked", "wrong", where=HERE))
    hasty = house.enter("Hasty").identity
    until_blocked(lambda: house.accounts.change_password(hasty, "wrong", PASSWORD + "!"))
    for _ in range(100):
        house.token("Hoarder", Permission.FILES_READ)
    yield house
    house.close()


def disabled(house: Household) -> str:
    """The id of somebody who is kept out, whatever an earlier act did."""
    house.accounts.disable(house.ids["Disabled"])
    return house.ids["Disabled"]


MADE: dict[str, Callable[[Household, SignedIn | None], str]] = {
    "ada": lambda house, _: house.ids["Ada"],
    "mia": lambda house, _: str(house.enter("Mia").identity.user_id),
    "guest": lambda house, _: house.guest(),
    "disabled": lambda house, _: disabled(house),
    "link": lambda house, _: house.accounts.reset(house.ids["Mia"]),
    "setup": lambda house, _: "gone",
    "session": lambda house, _: str(house.enter("Ada").identity.session_id),
    "own_token": lambda house, _: house.token("Ada", Permission.FILES_READ)[0],
    "cookie": lambda house, _: house.cookie,
}
"""What stands in targets and headers between braces."""


def filled(text: str, house: Household, signed: SignedIn | None) -> str:
    """The text with what this act is about."""
    return re.sub(r"\{(\w+)\}", lambda found: MADE[found[1]](house, signed), text)


def perform(house: Household, act: Act) -> Answer:
    """Do it."""
    if act.route[1].endswith("/sessions/end"):  # leave one session to be ended
        house.accounts.end_sessions(house.ids["Mia"], but=None)
    signed = None
    if act.who:
        house.accounts.end_sessions(house.ids[act.who], but=None)
        if act.who == "Twice":
            house.enter("Twice")
        signed = house.enter(act.who)
    headers = {**HTML, **({} if signed is None else house.headers(signed))}
    form = dict(act.form)
    if "csrf_token" in form:
        del headers["X-CSRF-Token"]
    headers |= {name: filled(value, house, signed) for name, value in act.headers.items()}
    body = None
    if act.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form).encode()
    return send(house.server, act.method, filled(act.target, house, signed), body, headers)


@pytest.mark.parametrize(
    "act",
    ACTS,
    ids=[f"{a.method} {a.target} {a.status} {a.reason or ''} {n}" for n, a in enumerate(ACTS)],
)
def test_every_act_leaves_its_records(house: Household, act: Act) -> None:
    with refusing(house.server) if act.state is State.MUTE else nullcontext():
        answer = perform(house, act)
    assert answer.status == act.status, answer.text
    told = records_of(house.server, answer.request_id)
    outcomes = told.outcomes
    assert [record["event"] for record in outcomes] == list(act.events), outcomes
    for record in outcomes:
        assert record.get("reason", act.reason) == (act.reason or record.get("reason"))
    if act.who and act.status != 303:
        assert {record.get("user_id") for record in outcomes} <= {house.ids[act.who]}


def test_the_first_start(tmp_path: Path) -> None:
    """The set-up link: what is refused leaves it as it is, and what is done uses it up."""
    server = Installation.with_accounts(tmp_path / "data").start()
    try:
        link = re.search(r"/setup\?link=[\w-]+", server.log.read_text())
        assert link is not None
        assert send(server, "GET", link[0], headers=HTML).status == 200
        form = {"Content-Type": "application/x-www-form-urlencoded", **HTML}

        def set_up(**fields: str) -> Answer:
            return send(server, "POST", link[0], urlencode(fields).encode(), form)

        refused = [
            set_up(name="", **NEW),
            set_up(name="Ada", password="short", again="short"),
            set_up(name="Ada", password=PASSWORD, again="another"),
        ]
        assert [answer.status for answer in refused] == [400, 400, 400]
        done = set_up(name="Ada", **NEW)
        assert (done.status, done.header("Location")) == (303, "/")
        assert set_up(name="Eve", **NEW).status == 403
        cookie = done.header("Set-Cookie").partition(";")[0]
        server.reader = {"Cookie": cookie}
        for answer, reason in zip(
            refused, ("name_empty", "password_too_short", "again_differs"), strict=True
        ):
            [record] = records_of(server, answer.request_id).outcomes
            assert (record["event"], record["reason"]) == ("account_change_failed", reason)
        events = [r["event"] for r in records_of(server, done.request_id).outcomes]
        assert events == ["user_created", "login_succeeded"]
    finally:
        server.stop()
